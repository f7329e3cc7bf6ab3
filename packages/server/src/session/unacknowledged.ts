// The messages of one subscription that wait for the client's ACK or NACK (STOMP 1.2 §SUBSCRIBE ack Header).
import type { Version } from '@maru/stomp';
import type { DeliveryWindow } from '../broker/broker.ts';

export type AckMode = 'client' | 'client-individual';

/** `number`: of the subscription, among all that the session ever had. */
type Ack = { readonly number: number; readonly messageId: string };

/** The value of the `ack` header; server-made ids hold no underscore before the first. */
function writeAck({ number, messageId }: Ack): string {
  return `${number}_${messageId}`;
}

/** `undefined`: no `ack` header was ever like this. */
export function readAck(text: string): Ack | undefined {
  const [, number = '', messageId = ''] = /^(\d{1,15})_(.+)$/.exec(text) ?? [];
  return number === '' ? undefined : { number: Number(number), messageId };
}

/** Bound: `limit` messages; the broker sends no more until places are free again. */
export class Unacknowledged implements DeliveryWindow {
  readonly number: number;
  readonly limit: number;
  readonly #mode: AckMode;
  readonly #version: Version;
  /** In the order of delivery, each with its place in that. */
  readonly #messageIds = new Map<string, number>();
  #taken = 0;

  constructor(options: { number: number; mode: AckMode; limit: number; version: Version }) {
    this.number = options.number;
    this.limit = options.limit;
    this.#mode = options.mode;
    this.#version = options.version;
  }

  get free(): number {
    return this.limit - this.#messageIds.size;
  }

  take(messageId: string): string {
    this.#taken += 1;
    this.#messageIds.set(messageId, this.#taken);
    // Before 1.2 the message-id itself is acknowledged.
    return this.#version === '1.2' ? `ack:${writeAck({ number: this.number, messageId })}\n` : '';
  }

  has(messageId: string): boolean {
    return this.#messageIds.has(messageId);
  }

  /**
   * Whether settling one message settles that other one too; one that isn't waiting any more settles none. Asked for every
   * acknowledgement of every open transaction, so it looks through no list.
   */
  covers(settled: string, messageId: string): boolean {
    if (this.#mode === 'client-individual') return settled === messageId;
    const last = this.#messageIds.get(settled);
    const place = this.#messageIds.get(messageId);
    return last !== undefined && place !== undefined && place <= last;
  }

  /**
   * Frees the place of a message; in mode `client` those of all before it too. One that isn't waiting (any more) frees none.
   * @returns how many places
   */
  settle(messageId: string): number {
    if (!this.#messageIds.has(messageId)) return 0;
    if (this.#mode === 'client-individual') {
      this.#messageIds.delete(messageId);
      return 1;
    }
    let settled = 0;
    for (const earlier of this.#messageIds.keys()) {
      this.#messageIds.delete(earlier);
      settled += 1;
      if (earlier === messageId) break;
    }
    return settled;
  }
}
