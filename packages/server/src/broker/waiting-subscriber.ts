// A topic's subscriber that acknowledges: past its window messages wait here for a place, since no log has them.
import type { Version } from '@maru/stomp';
import type { Counts } from '../telemetry/counts.ts';
import type { DeliveryWindow, Subscriber } from './broker.ts';
import { encodeOwnHead, joinFrames } from './message-frame.ts';
import { binaryIfEither, type Opcode } from './websocket-frame.ts';

export type Offered = { readonly messageId: string; readonly tail: Buffer; readonly opcode: Opcode };

/** Most octets that wait for one subscription. */
const WAITING_OCTETS = 65_536;

/**
 * States: *flowing* (the window has places, nothing waits) → *waiting* (no place: messages queue up) → *flowing* by
 * `resume()`. Bound: 64 KiB wait, or a single larger message; what comes past that is dropped and counted: a topic
 * promises nothing to who doesn't keep up, and a room's log is there for what must not be lost.
 */
export class WaitingSubscriber {
  readonly #subscriber: Subscriber;
  readonly #window: DeliveryWindow;
  readonly #counts: Counts;
  #queue: Offered[] = [];
  #octets = 0;

  constructor(subscriber: Subscriber, window: DeliveryWindow, counts: Counts) {
    this.#subscriber = subscriber;
    this.#window = window;
    this.#counts = counts;
  }

  get version(): Version {
    return this.#subscriber.version;
  }

  offer(message: Offered): void {
    if (this.#queue.length === 0 && this.#window.free > 0) return this.#deliver(message);
    if (this.#queue.length > 0 && this.#octets + message.tail.length > WAITING_OCTETS) {
      this.#counts.ephemeralDropped += 1;
      return;
    }
    this.#queue.push(message);
    this.#octets += message.tail.length;
  }

  resume(): void {
    let delivered = 0;
    for (const message of this.#queue) {
      if (this.#window.free === 0) break;
      this.#deliver(message);
      this.#octets -= message.tail.length;
      delivered += 1;
    }
    if (delivered > 0) this.#queue = this.#queue.slice(delivered);
  }

  #deliver({ messageId, tail, opcode }: Offered): void {
    const ownHead = encodeOwnHead(this.#subscriber.headLine + this.#window.take(messageId));
    this.#subscriber.outlet.enqueue(
      joinFrames(ownHead, [tail], binaryIfEither(opcode, this.#subscriber.opcode)),
    );
    this.#counts.messagesDelivered += 1;
  }
}
