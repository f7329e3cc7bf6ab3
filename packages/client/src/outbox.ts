// Messages on their way: kept until their RECEIPT, sent again with the same id after every reconnect.
import { ClientError } from './client-error.ts';

export type Sent = { readonly messageId: string; readonly seq: number; readonly clientMessageId: string };

export type OutgoingMessage = {
  readonly roomId: string;
  readonly content: string;
  readonly clientMessageId: string;
};

type Kept = OutgoingMessage & {
  readonly promise: Promise<Sent>;
  readonly resolve: (sent: Sent) => void;
  readonly reject: (error: ClientError) => void;
};

export const OUTBOX_LIMIT = 100;

export class Outbox {
  /** In the order of sending; so is resending. */
  readonly #kept = new Map<string, Kept>();

  get size(): number {
    return this.#kept.size;
  }

  /** @returns `isNew: false` if the same message is waiting already; its promise is shared. */
  add(message: OutgoingMessage): { readonly promise: Promise<Sent>; readonly isNew: boolean } {
    const waiting = this.#kept.get(message.clientMessageId);
    if (waiting !== undefined) return { promise: waiting.promise, isNew: false };
    if (this.#kept.size >= OUTBOX_LIMIT) {
      const full = new ClientError('outbox-full', `${OUTBOX_LIMIT} messages are waiting to be sent already`);
      return { promise: Promise.reject(full), isNew: false };
    }
    const { promise, resolve, reject } = Promise.withResolvers<Sent>();
    this.#kept.set(message.clientMessageId, { ...message, promise, resolve, reject });
    return { promise, isNew: true };
  }

  /** What has no RECEIPT yet, oldest first. */
  unreceipted(): readonly OutgoingMessage[] {
    // The message alone: the server refuses a body with a key that it doesn't know.
    return [...this.#kept.values()].map(({ roomId, content, clientMessageId }) => ({
      roomId,
      content,
      clientMessageId,
    }));
  }

  settle(sent: Sent): void {
    this.#take(sent.clientMessageId)?.resolve(sent);
  }

  fail(clientMessageId: string, error: ClientError): void {
    this.#take(clientMessageId)?.reject(error);
  }

  failAll(error: ClientError): void {
    for (const id of [...this.#kept.keys()]) this.fail(id, error);
  }

  #take(clientMessageId: string): Kept | undefined {
    const kept = this.#kept.get(clientMessageId);
    this.#kept.delete(clientMessageId);
    return kept;
  }
}

/** 128 random bits. Not `crypto.randomUUID`: browsers offer that on https and localhost only. */
export function createClientMessageId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
