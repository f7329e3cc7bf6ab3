// A topic's subscriber that acknowledges: past its window messages wait here for a place, since no log has them.
import type { Version } from '@maru/stomp';
import type { Counts } from '../telemetry/counts.ts';
import type { DeliveryWindow, Subscriber } from './broker.ts';
import type { Waiter } from './catch-up-turns.ts';
import { encodeOwnHead, joinFrames } from './message-frame.ts';
import { binaryIfEither, type Opcode } from './websocket-frame.ts';

/** `kind`: the newest of each is what counts; `undefined`: it stands for itself. */
export type Offered = {
  readonly messageId: string;
  readonly tail: Buffer;
  readonly opcode: Opcode;
  readonly kind: string | undefined;
};

/** Most octets that wait for one subscription. */
const WAITING_OCTETS = 65_536;

/**
 * States: *flowing* (the window has places and the session room; nothing waits) → *waiting* (messages queue up, a newer one
 * of a kind in place of the older) → *flowing* by `resume()`. Bound: 64 KiB wait, or a single larger message; what comes past
 * that is dropped and counted, as is what a newer one replaces: a topic promises nothing to who doesn't keep up, and a
 * room's log is there for what must not be lost.
 */
export class WaitingSubscriber implements Waiter {
  readonly #subscriber: Subscriber;
  readonly #window: DeliveryWindow;
  readonly #counts: Counts;
  /** By kind, in the order in which the newest of each came; those without one by a number of their own. */
  readonly #queue = new Map<string | number, Offered>();
  #octets = 0;
  #offered = 0;

  constructor(subscriber: Subscriber, window: DeliveryWindow, counts: Counts) {
    this.#subscriber = subscriber;
    this.#window = window;
    this.#counts = counts;
    subscriber.outlet.turns.enter(this);
  }

  get version(): Version {
    return this.#subscriber.version;
  }

  offer(message: Offered): void {
    if (this.#queue.size === 0 && this.#hasPlace) return this.#deliver(message);
    this.#offered += 1;
    const key = message.kind ?? this.#offered;
    if (this.#take(key)) this.#counts.ephemeralDropped += 1;
    if (this.#queue.size > 0 && this.#octets + message.tail.length > WAITING_OCTETS) {
      this.#counts.ephemeralDropped += 1;
      return;
    }
    this.#queue.set(key, message);
    this.#octets += message.tail.length;
  }

  resume(): void {
    for (const [key, message] of this.#queue) {
      if (!this.#hasPlace) break;
      this.#take(key);
      this.#deliver(message);
    }
  }

  /** What comes from now on waits, for the session is asked each time. */
  full(): void {}

  /** Nothing of it is in a log. */
  async takeTurn(): Promise<void> {}

  close(): void {
    this.#subscriber.outlet.turns.leave(this);
  }

  get #hasPlace(): boolean {
    return this.#window.free > 0 && !this.#subscriber.outlet.isFull;
  }

  /** @returns whether it was there. */
  #take(key: string | number): boolean {
    const message = this.#queue.get(key);
    if (message === undefined) return false;
    this.#queue.delete(key);
    this.#octets -= message.tail.length;
    return true;
  }

  /** Not offered: a place of the window is taken for it, and only an acknowledgement gives that back. */
  #deliver({ messageId, tail, opcode }: Offered): void {
    const ownHead = encodeOwnHead(this.#subscriber.headLine + this.#window.take(messageId));
    this.#subscriber.outlet.enqueue(
      joinFrames(ownHead, [tail], binaryIfEither(opcode, this.#subscriber.opcode)),
    );
    this.#counts.messagesDelivered += 1;
  }
}
