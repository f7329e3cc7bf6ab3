// The answers to a session's frames, in the order of the frames: receipts leave in order, an ERROR waits for those before it.
import type { MaruError } from '@maru/contract';

/** A place in the queue. Settled once, with frames to send or with none, or failed with what ends the session. */
export type Reply = {
  readonly since: number;
  settled: boolean;
  frames: readonly Uint8Array[];
  failure: MaruError | null;
};

const NONE: readonly Uint8Array[] = [];

/**
 * States of a reply: *reserved* → *settled* | *failed*. The queue sends settled replies from its head; the first failed
 * one ends it and what is behind is dropped. Bound: the session reserves no more than its limit of frames in flight.
 */
export class ReplyQueue {
  readonly #send: (octets: Uint8Array) => void;
  readonly #onFailed: (failure: MaruError, octets: Uint8Array | null) => void;
  readonly #onDrained: () => void;
  #replies: Reply[] = [];
  #first = 0;

  constructor(options: {
    send: (octets: Uint8Array) => void;
    /** The failed reply has come to the head. */
    onFailed: (failure: MaruError, octets: Uint8Array | null) => void;
    /** A reply has left; there is room, perhaps the queue is empty. */
    onDrained: () => void;
  }) {
    this.#send = options.send;
    this.#onFailed = options.onFailed;
    this.#onDrained = options.onDrained;
  }

  get size(): number {
    return this.#replies.length - this.#first;
  }

  /** When the place at the head was reserved; `null`: none is. */
  get oldestSince(): number | null {
    return this.#replies[this.#first]?.since ?? null;
  }

  /** @param now of a clock that never goes back */
  reserve(now: number): Reply {
    const reply: Reply = { since: now, settled: false, frames: NONE, failure: null };
    this.#replies.push(reply);
    return reply;
  }

  settle(reply: Reply, frames: readonly Uint8Array[]): void {
    reply.settled = true;
    reply.frames = frames;
    this.#advance();
  }

  fail(reply: Reply, failure: MaruError, octets: Uint8Array | null): void {
    reply.failure = failure;
    this.settle(reply, octets === null ? NONE : [octets]);
  }

  /** Drops everything: nothing is sent any more. */
  clear(): void {
    this.#replies = [];
    this.#first = 0;
  }

  #advance(): void {
    let left = false;
    for (let reply = this.#replies[this.#first]; reply?.settled; reply = this.#replies[this.#first]) {
      if (reply.failure !== null) {
        this.clear();
        this.#onFailed(reply.failure, reply.frames[0] ?? null);
        return;
      }
      this.#first += 1;
      left = true;
      for (const octets of reply.frames) this.#send(octets);
    }
    if (!left) return;
    // Amortised: the array is cut only when it is empty or its dead half is long.
    if (this.#first === this.#replies.length) this.clear();
    else if (this.#first > 512) {
      this.#replies = this.#replies.slice(this.#first);
      this.#first = 0;
    }
    this.#onDrained();
  }
}
