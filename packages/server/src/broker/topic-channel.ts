// The subscribers of one topic, and the fan-out to them. Nothing is kept.
import type { Version } from '@maru/stomp';
import type { Counts } from '../telemetry/counts.ts';
import { Audience } from './audience.ts';
import type { Publication, Subscriber } from './broker.ts';
import { encodeTopicTail } from './topic-message.ts';
import { WaitingSubscriber } from './waiting-subscriber.ts';
import { opcodeFor } from './websocket-frame.ts';

export class TopicChannel {
  readonly #destination: string;
  readonly #audience: Audience;
  readonly #waiting = new Map<Subscriber, WaitingSubscriber>();
  readonly #counts: Counts;

  constructor(destination: string, counts: Counts) {
    this.#destination = destination;
    this.#counts = counts;
    this.#audience = new Audience(counts);
  }

  get size(): number {
    return this.#audience.size + this.#waiting.size;
  }

  add(subscriber: Subscriber): void {
    const { window } = subscriber;
    if (window === null) this.#audience.add(subscriber);
    else this.#waiting.set(subscriber, new WaitingSubscriber(subscriber, window, this.#counts));
  }

  /** @returns whether it was there. */
  remove(subscriber: Subscriber): boolean {
    const was = this.#audience.has(subscriber) || this.#waiting.has(subscriber);
    this.#audience.remove(subscriber);
    this.#waiting.delete(subscriber);
    return was;
  }

  resume(subscriber: Subscriber): void {
    this.#waiting.get(subscriber)?.resume();
  }

  publish(messageId: string, publication: Publication): void {
    const tails = new Map<Version, readonly [Buffer]>();
    const tailsFor = (version: Version): readonly [Buffer] => {
      let tail = tails.get(version);
      if (tail === undefined) {
        tail = [encodeTopicTail(this.#destination, messageId, publication, version)];
        tails.set(version, tail);
      }
      return tail;
    };
    // The head is text in any case; what the body is decides.
    const opcode = opcodeFor(publication.body);
    this.#audience.deliver(tailsFor, opcode);
    for (const waiting of this.#waiting.values()) {
      const [tail] = tailsFor(waiting.version);
      waiting.offer({ messageId, tail, opcode });
    }
  }
}
