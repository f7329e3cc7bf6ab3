// One room as the application follows it: over reconnects, without hole or repetition.
import { type RoomEntry, roomDestination } from '@maru/contract';
import type { StompHeaders } from '@stomp/stompjs';
import { Backoff } from './backoff.ts';
import { ClientError, type ClientErrorCode, knownCode } from './client-error.ts';
import { callListener } from './listener.ts';
import type { RestClient } from './rest-client.ts';
import { RoomLog } from './room-log.ts';
import { retryOf, type StompConnection } from './stomp-connection.ts';

export type RoomHandlers = {
  /** The newest page of history, then every entry; ascending by seq, each once. */
  readonly onEntry: (entry: RoomEntry) => void;
  /** All up to now has been delivered: after the first load, and after the gap of every reconnect. */
  readonly onReady?: (room: { readonly hasEarlier: boolean }) => void;
  /** The log was replaced (a restored backup): forget what was delivered; it comes anew. */
  readonly onReset?: () => void;
  /** The server won't let this person follow the room; the subscription has ended. */
  readonly onRefused?: (code: ClientErrorCode) => void;
};

const FIRST_PAGE = 50;
const GAP_PAGE = 200;

export class RoomSubscription {
  readonly #roomId: string;
  readonly #rest: RestClient;
  readonly #handlers: RoomHandlers;
  readonly #onOver: (error: ClientError | null) => void;
  readonly #log = new RoomLog<RoomEntry>();
  #epoch: string | null = null;
  #hasEarlier = false;
  #unsubscribe: (() => void) | null = null;
  /** Ends the filling of a connection that is gone. */
  #abort = new AbortController();

  /** `onOver` is called when this ends by itself; with an error if it is the whole client that must sign in. */
  constructor(options: {
    roomId: string;
    rest: RestClient;
    handlers: RoomHandlers;
    onOver: (error: ClientError | null) => void;
  }) {
    this.#roomId = options.roomId;
    this.#rest = options.rest;
    this.#handlers = options.handlers;
    this.#onOver = options.onOver;
  }

  /**
   * Subscribes first and reads history afterwards: what is stored between the two then comes twice, and the log drops
   * the second; the other way round it would not come at all.
   */
  attach(connection: StompConnection): void {
    this.detach();
    this.#log.beginFill();
    const { signal } = this.#abort;
    this.#unsubscribe = connection.subscribe(roomDestination(this.#roomId), {
      onMessage: (body) => this.#onLive(body as RoomEntry, signal),
      onReceipt: (headers) => this.#onReceipt(headers, signal),
      onRefused: (error) => {
        if (retryOf(error.code) === 'never') this.#refuse(knownCode(error.code));
      },
    });
  }

  /** The connection is gone. */
  detach(): void {
    this.#abort.abort();
    this.#abort = new AbortController();
    this.#unsubscribe = null;
  }

  close(): void {
    const unsubscribe = this.#unsubscribe;
    this.detach();
    unsubscribe?.();
  }

  #onReceipt(headers: StompHeaders, signal: AbortSignal): void {
    const head = Number(headers.seq);
    const epoch = headers['log-epoch'] ?? '';
    if (!Number.isSafeInteger(head)) {
      this.#refuse('unexpected-answer');
      return;
    }
    if (this.#epoch !== null && this.#epoch !== epoch) {
      this.#log.reset();
      callListener(this.#handlers.onReset);
    }
    this.#epoch = epoch;
    void this.#fill(head, signal);
  }

  #onLive(entry: RoomEntry, signal: AbortSignal): void {
    if (signal.aborted || !Number.isSafeInteger(entry.seq)) return;
    const wasFilling = this.#log.filling;
    this.#deliver(this.#log.addLive(entry));
    // A hole in the live log is not promised ever to happen; if it does, history has what is missing.
    if (!wasFilling && this.#log.filling) void this.#fill(entry.seq - 1, signal);
  }

  async #fill(firstHead: number, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff();
    let head = firstHead;
    while (!signal.aborted) {
      try {
        await this.#readHistory(head, signal);
        if (signal.aborted) return;
        this.#deliver(this.#log.completeFill(head));
        const holeEnd = this.#log.holeEnd;
        if (holeEnd !== null) {
          head = holeEnd;
          continue;
        }
        callListener(this.#handlers.onReady, { hasEarlier: this.#hasEarlier });
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ClientError)) throw error;
        if (error.code === 'sign-in-needed') return this.#onOver(error);
        if (error.status === 403 || error.status === 404) return this.#refuse(error.code);
        await pause(backoff.next(Date.now()), signal);
      }
    }
  }

  async #readHistory(head: number, signal: AbortSignal): Promise<void> {
    if (this.#log.last === null) {
      const page = await this.#rest.listMessages(this.#roomId, { limit: FIRST_PAGE }, signal);
      if (signal.aborted) return;
      this.#hasEarlier = page.hasMore;
      this.#deliver(this.#log.addPage(page.messages, head));
      return;
    }
    let after = this.#log.last;
    while (after < head) {
      const page = await this.#rest.listMessages(this.#roomId, { after, limit: GAP_PAGE }, signal);
      if (signal.aborted) return;
      this.#deliver(this.#log.addPage(page.messages, head));
      const newest = page.messages.at(-1);
      if (newest === undefined || !page.hasMore) return;
      after = newest.seq;
    }
  }

  #deliver(entries: readonly RoomEntry[]): void {
    for (const entry of entries) callListener(this.#handlers.onEntry, entry);
  }

  #refuse(code: ClientErrorCode): void {
    this.close();
    this.#onOver(null);
    callListener(this.#handlers.onRefused, code);
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done);
  });
}
