// What is on its way to the server: kept until its RECEIPT, sent again after every reconnect.
import type { ApplicationDestination } from '@maru/contract';
import type { StompHeaders } from '@stomp/stompjs';
import { Backoff, type BackoffOptions } from './backoff.ts';
import { ClientError, knownCode } from './client-error.ts';
import { type ReceiptHandlers, retryOf } from './stomp-connection.ts';

/** Something to SEND that may be sent twice without being done twice. */
export type Outgoing = {
  /** What is added again under the key of one that waits is the same. */
  readonly key: string;
  readonly destination: ApplicationDestination;
  readonly body: unknown;
};

/** What the outbox needs of a connection. */
export interface Sender {
  send(destination: string, body: unknown, handlers: ReceiptHandlers): void;
}

type Kept = Outgoing & {
  readonly promise: Promise<StompHeaders>;
  readonly resolve: (receipt: StompHeaders) => void;
  readonly reject: (error: ClientError) => void;
  /** On its way over the present connection. */
  isSent: boolean;
};

export const OUTBOX_LIMIT = 100;

/**
 * States of what is kept: *waiting* (no connection, or refused for now) → *sent* → gone, by its RECEIPT or a refusal that
 * repeating can't change; with the connection all that is sent is waiting again. What waits is sent in the order of adding:
 * all of it at once, but after a refusal for now only the oldest, until it has its RECEIPT. So no younger one overtakes it,
 * those excepted that were under way already.
 * Bound: `OUTBOX_LIMIT` kept; past it `add` rejects with `outbox-full`.
 */
export class Outbox {
  readonly #kept = new Map<string, Kept>();
  readonly #backoffOptions: BackoffOptions;
  #backoff: Backoff;
  #sender: Sender | null = null;
  #pause: ReturnType<typeof setTimeout> | undefined;
  #isRefused = false;

  constructor(backoff: BackoffOptions = {}) {
    this.#backoffOptions = backoff;
    this.#backoff = new Backoff(backoff);
  }

  get size(): number {
    return this.#kept.size;
  }

  /** Resolves with the RECEIPT's headers. */
  add(outgoing: Outgoing): Promise<StompHeaders> {
    const waiting = this.#kept.get(outgoing.key);
    if (waiting !== undefined) return waiting.promise;
    if (this.#kept.size >= OUTBOX_LIMIT) {
      return Promise.reject(
        new ClientError('outbox-full', `${OUTBOX_LIMIT} messages are waiting to be sent already`),
      );
    }
    const { promise, resolve, reject } = Promise.withResolvers<StompHeaders>();
    this.#kept.set(outgoing.key, { ...outgoing, promise, resolve, reject, isSent: false });
    this.#flush();
    return promise;
  }

  attach(sender: Sender): void {
    this.detach();
    this.#sender = sender;
    this.#flush();
  }

  /** The connection is gone, and with it whatever RECEIPTs were on their way. */
  detach(): void {
    this.#sender = null;
    clearTimeout(this.#pause);
    this.#pause = undefined;
    for (const kept of this.#kept.values()) kept.isSent = false;
  }

  /** The server could not even read a frame; RECEIPTs leave in order, so the oldest that was sent without one is it. */
  failOldest(error: { readonly code: string; readonly message: string }): void {
    for (const [key, { isSent }] of this.#kept) {
      if (isSent) return this.#fail(key, new ClientError(knownCode(error.code), error.message));
    }
  }

  failAll(error: ClientError): void {
    for (const key of [...this.#kept.keys()]) this.#fail(key, error);
  }

  #flush(): void {
    const sender = this.#sender;
    if (sender === null || this.#pause !== undefined) return;
    for (const kept of this.#kept.values()) {
      if (kept.isSent) {
        if (this.#isRefused) return;
        continue;
      }
      kept.isSent = true;
      sender.send(kept.destination, kept.body, {
        onReceipt: (receipt) => {
          this.#backoff = new Backoff(this.#backoffOptions);
          this.#take(kept.key)?.resolve(receipt);
          this.#isRefused = false;
          this.#flush();
        },
        onRefused: (error) => {
          const retry = retryOf(error.code);
          if (retry === 'never') this.#fail(kept.key, new ClientError(knownCode(error.code), error.message));
          else this.#later(kept);
        },
      });
      if (this.#isRefused) return;
    }
  }

  #later(kept: Kept): void {
    kept.isSent = false;
    this.#isRefused = true;
    this.#pause ??= setTimeout(() => {
      this.#pause = undefined;
      this.#flush();
    }, this.#backoff.next(Date.now()));
  }

  #fail(key: string, error: ClientError): void {
    this.#take(key)?.reject(error);
    // It may be the one that the others wait for.
    this.#flush();
  }

  #take(key: string): Kept | undefined {
    const kept = this.#kept.get(key);
    this.#kept.delete(key);
    return kept;
  }
}

/** 128 random bits. Not `crypto.randomUUID`: browsers offer that on https and localhost only. */
export function createClientMessageId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
