// How far each room has been read, told to the server: the newest of each room, no oftener than it is worth it.
import { APPLICATION_DESTINATIONS, type MarkRead } from '@maru/contract';
import type { Sender } from './outbox.ts';
import { retryOf } from './stomp-connection.ts';

/** Each marker is a durable write on the server; a busy room would else have one of every reader for every message. */
const MARK_EVERY_MS = 1_000;

/**
 * States of a room here: *quiet* → *resting* (its newest seq was sent; for a while the next waits) → *quiet*. What has no
 * RECEIPT when the connection goes is sent over the next one: a marker never goes back, so twice does no harm.
 * Bound: one seq for each room that is marked and not receipted, one timer for each that rests.
 */
export class ReadMarkers {
  readonly #everyMs: number;
  readonly #wanted = new Map<string, number>();
  readonly #resting = new Map<string, ReturnType<typeof setTimeout>>();
  #sender: Sender | null = null;

  constructor(everyMs: number = MARK_EVERY_MS) {
    this.#everyMs = everyMs;
  }

  mark(roomId: string, seq: number): void {
    if (seq <= (this.#wanted.get(roomId) ?? 0)) return;
    this.#wanted.set(roomId, seq);
    this.#send(roomId);
  }

  attach(sender: Sender): void {
    this.detach();
    this.#sender = sender;
    for (const roomId of this.#wanted.keys()) this.#send(roomId);
  }

  detach(): void {
    this.#sender = null;
    for (const timer of this.#resting.values()) clearTimeout(timer);
    this.#resting.clear();
  }

  #send(roomId: string): void {
    const seq = this.#wanted.get(roomId);
    if (this.#sender === null || seq === undefined || this.#resting.has(roomId)) return;
    const rest = setTimeout(() => {
      this.#resting.delete(roomId);
      // Marked anew meanwhile, or refused for now.
      this.#send(roomId);
    }, this.#everyMs);
    this.#resting.set(roomId, rest);
    const body: MarkRead = { roomId, seq };
    const done = () => {
      if (this.#wanted.get(roomId) === seq) this.#wanted.delete(roomId);
    };
    this.#sender.send(APPLICATION_DESTINATIONS.markRead, body, {
      onReceipt: done,
      onRefused: ({ code }) => {
        if (retryOf(code) === 'never') done();
      },
    });
  }
}
