// One room as the application follows it: over reconnects, without hole or repetition.
import { type ChatMessage, type Room, type RoomEntry, roomDestination } from '@maru/contract';
import type { StompHeaders } from '@stomp/stompjs';
import { Backoff, type BackoffOptions } from './backoff.ts';
import { ClientError, type ClientErrorCode, knownCode } from './client-error.ts';
import { callListener } from './listener.ts';
import type { RestClient } from './rest-client.ts';
import { nextRoomState, type RoomEvent, type RoomState } from './room-state.ts';
import { retryOf, type StompConnection } from './stomp-connection.ts';

export type RoomHandlers = {
  /** The room as its log up to `room.head` made it. Before anything else, and again after a reset. */
  readonly onRoom?: (room: Room) => void;
  /**
   * The newest page of history up to that head, then every entry after it; ascending by seq, each once. `asOf` is the seq
   * up to which the log is in it: a message of history may have been edited and reacted to since its own seq (also by
   * entries that are yet to come), an entry is as of its own. See `RoomMessages`, which makes one of the other.
   */
  readonly onEntry: (entry: RoomEntry | ChatMessage, asOf: number) => void;
  /** All up to now has been delivered: after the first load, and after the gap of every reconnect. */
  readonly onReady?: (room: { readonly hasEarlier: boolean }) => void;
  /** The log was replaced (a restored backup): forget what was delivered; it comes anew. */
  readonly onReset?: () => void;
  /** The server won't let this person follow the room; nothing more comes. */
  readonly onRefused?: (code: ClientErrorCode) => void;
  /** The server has ended it: the membership is lost, or the room deleted. The last entry was the one that says so. */
  readonly onEnded?: () => void;
};

/** Older messages, ascending by seq, as the log up to `asOf` left them. */
export type EarlierPage = {
  readonly messages: readonly ChatMessage[];
  readonly asOf: number;
  readonly hasMore: boolean;
};

/** A place in a log: all up to `seq` has been delivered. */
type Position = { readonly seq: number; readonly epoch: string };

const FIRST_PAGE = 50;

/**
 * The states are in room-state.ts. History is read first, up to a head; SUBSCRIBE then asks for all after it, and after
 * every reconnect for all after what was delivered last. So there is one way to follow the log and no seam in it, and
 * nothing is held back here: an entry that isn't the next one is either known or the sign of a hole.
 */
export class RoomSubscription {
  readonly #roomId: string;
  readonly #rest: RestClient;
  readonly #handlers: RoomHandlers;
  readonly #onOver: (error: ClientError | null) => void;
  readonly #backoffOptions: BackoffOptions;
  #backoff: Backoff;
  #state: RoomState = 'idle';
  #connection: StompConnection | null = null;
  #position: Position | null = null;
  /** The head that the RECEIPT told. */
  #head = 0;
  /** Messages before this seq haven't been loaded. */
  #firstSeq = 0;
  #hasEarlier = false;
  #unsubscribe: (() => void) | null = null;
  /** Ends what the present state waits for; what comes of it later is nobody's any more. */
  #turn = new AbortController();

  /** `onOver` is called when this ends by itself; with an error if it is the whole client that must sign in. */
  constructor(options: {
    roomId: string;
    rest: RestClient;
    handlers: RoomHandlers;
    onOver: (error: ClientError | null) => void;
    backoff?: BackoffOptions | undefined;
  }) {
    this.#roomId = options.roomId;
    this.#rest = options.rest;
    this.#handlers = options.handlers;
    this.#onOver = options.onOver;
    this.#backoffOptions = options.backoff ?? {};
    this.#backoff = new Backoff(this.#backoffOptions);
  }

  attach(connection: StompConnection): void {
    this.detach();
    this.#connection = connection;
    this.#enter('attach');
  }

  /** The connection is gone. */
  detach(): void {
    this.#connection = null;
    this.#unsubscribe = null;
    this.#enter('detach');
  }

  close(): void {
    this.#enter('end');
  }

  /**
   * The messages before all that were loaded so far. `null`: nothing is loaded, or what is was reset meanwhile.
   * Errors: those of the REST call; ask again.
   */
  async earlier(limit = FIRST_PAGE): Promise<EarlierPage | null> {
    const before = this.#firstSeq;
    const asked = this.#position;
    if (asked === null) return null;
    const page = await this.#rest.listMessages(this.#roomId, { before, limit });
    if (this.#position?.epoch !== asked.epoch || this.#firstSeq !== before) return null;
    this.#firstSeq = page.messages[0]?.seq ?? before;
    return { messages: page.messages, asOf: page.head ?? asked.seq, hasMore: page.hasMore };
  }

  #enter(event: RoomEvent): boolean {
    const next = nextRoomState(this.#state, event);
    if (next === null) return false;
    this.#state = next;
    // These two go on with the same subscription.
    if (event === 'receipt' || event === 'head') return true;
    this.#turn.abort();
    this.#turn = new AbortController();
    this.#unsubscribe?.();
    this.#unsubscribe = null;
    const { signal } = this.#turn;
    if (next === 'loading') void this.#load(signal);
    else if (next === 'resuming') this.#resume(signal);
    else if (next === 'waiting') void this.#wait(signal);
    return true;
  }

  async #load(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const room = await this.#rest.findRoom(this.#roomId, signal);
        const page = await this.#rest.listMessages(this.#roomId, { limit: FIRST_PAGE }, signal);
        if (signal.aborted) return;
        // The page was read after the room was: what was created in between comes from the log, as all that follows.
        const messages = page.messages.filter(({ seq }) => seq <= room.head);
        const asOf = page.head ?? room.head;
        this.#position = { seq: room.head, epoch: room.logEpoch };
        this.#firstSeq = messages[0]?.seq ?? room.head + 1;
        this.#hasEarlier = page.hasMore;
        callListener(this.#handlers.onRoom, room);
        for (const message of messages) {
          if (!signal.aborted) callListener(this.#handlers.onEntry, message, asOf);
        }
        if (!signal.aborted) this.#enter('loaded');
        return;
      } catch (error) {
        if (signal.aborted) return;
        if (!(error instanceof ClientError)) throw error;
        if (error.code === 'sign-in-needed') return this.#onOver(error);
        if (error.status === 403 || error.status === 404) return this.#refuse(error.code);
        await pause(this.#backoff.next(Date.now()), signal);
      }
    }
  }

  #resume(signal: AbortSignal): void {
    const connection = this.#connection;
    const position = this.#position;
    if (connection === null || position === null) return;
    this.#unsubscribe = connection.subscribe(
      roomDestination(this.#roomId),
      {
        onMessage: (body, headers) => {
          if (!signal.aborted) this.#onEntry(body as RoomEntry, headers);
        },
        onReceipt: (headers) => {
          if (!signal.aborted) this.#onReceipt(headers);
        },
        onRefused: ({ code }) => {
          if (!signal.aborted) this.#onRefused(knownCode(code));
        },
        onEnded: () => {
          if (!signal.aborted) this.#end();
        },
      },
      { 'from-seq': String(position.seq), 'log-epoch': position.epoch },
    );
  }

  async #wait(signal: AbortSignal): Promise<void> {
    await pause(this.#backoff.next(Date.now()), signal);
    if (!signal.aborted) this.#enter('retry');
  }

  #onReceipt(headers: StompHeaders): void {
    const head = Number(headers.seq);
    if (!Number.isSafeInteger(head)) return this.#refuse('unexpected-answer');
    if (headers['log-epoch'] !== this.#position?.epoch) return this.#reset();
    this.#head = head;
    this.#backoff = new Backoff(this.#backoffOptions);
    this.#enter('receipt');
    this.#seeHead();
  }

  #onEntry(entry: RoomEntry, headers: StompHeaders): void {
    const position = this.#position;
    const { seq } = entry;
    if (position === null || !Number.isSafeInteger(seq)) return;
    const epoch = headers['log-epoch'] ?? position.epoch;
    if (epoch !== position.epoch) return this.#reset();
    if (seq <= position.seq) return;
    // Never promised to happen; if it does, the log has what is missing.
    if (seq > position.seq + 1) return void this.#enter('disturbed');
    this.#position = { seq, epoch };
    callListener(this.#handlers.onEntry, entry, seq);
    if (entry.type === 'room.deleted') this.#end();
    else this.#seeHead();
  }

  #seeHead(): void {
    if (this.#state !== 'catching-up' || (this.#position?.seq ?? 0) < this.#head) return;
    this.#enter('head');
    callListener(this.#handlers.onReady, { hasEarlier: this.#hasEarlier });
  }

  #onRefused(code: ClientErrorCode): void {
    const retry = retryOf(code);
    if (code === 'reset-required') this.#reset();
    else if (retry === 'never') this.#refuse(code);
    else if (retry === 'later') this.#enter('disturbed');
  }

  /** What was delivered is of another log: forgotten before anything of the new one is read. */
  #reset(): void {
    this.#position = null;
    callListener(this.#handlers.onReset);
    this.#enter('reset');
  }

  #end(): void {
    if (!this.#enter('end')) return;
    this.#onOver(null);
    callListener(this.#handlers.onEnded);
  }

  #refuse(code: ClientErrorCode): void {
    if (!this.#enter('end')) return;
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
