// The subscribers of one topic, and the fan-out to them. Nothing is kept.
import type { Version } from '@maru/stomp';
import type { Counts } from '../telemetry/counts.ts';
import { Audience } from './audience.ts';
import type { Publication, Subscriber } from './broker.ts';
import { encodeTopicTail } from './topic-message.ts';
import { WaitingSubscriber } from './waiting-subscriber.ts';
import { opcodeFor } from './websocket-frame.ts';

/**
 * A subscriber without a window gets a message at once; while its session is too slow only the newest of each kind is kept
 * for it (`Publication.replaces`), up to the bound of its outbound queue. For one with a window see `WaitingSubscriber`.
 */
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
    const waiting = this.#waiting.get(subscriber);
    const was = this.#audience.has(subscriber) || waiting !== undefined;
    this.#audience.remove(subscriber);
    waiting?.close();
    this.#waiting.delete(subscriber);
    return was;
  }

  resume(subscriber: Subscriber): void {
    this.#waiting.get(subscriber)?.resume();
  }

  publish(messageId: string, publication: Publication): void {
    this.#offer(this.#audience, this.#waiting.values(), messageId, publication);
  }

  /** To one of its subscribers alone. */
  tell(subscriber: Subscriber, messageId: string, publication: Publication): void {
    const alone = new Audience(this.#counts);
    if (this.#audience.has(subscriber)) alone.add(subscriber);
    const waiting = this.#waiting.get(subscriber);
    this.#offer(alone, waiting === undefined ? [] : [waiting], messageId, publication);
  }

  #offer(
    audience: Audience,
    waiting: Iterable<WaitingSubscriber>,
    messageId: string,
    publication: Publication,
  ): void {
    const tails = new Map<Version, Buffer>();
    const tailFor = (version: Version): Buffer => {
      let tail = tails.get(version);
      if (tail === undefined) {
        tail = encodeTopicTail(this.#destination, messageId, publication, version);
        tails.set(version, tail);
      }
      return tail;
    };
    // The head is text in any case; what the body is decides.
    const opcode = opcodeFor(publication.body);
    const kind = publication.replaces;
    // A session's queue knows no topics, so it is told of which the kind is; no destination holds a space.
    audience.offer(tailFor, opcode, kind === undefined ? undefined : `${this.#destination} ${kind}`);
    for (const each of waiting) each.offer({ messageId, tail: tailFor(each.version), opcode, kind });
  }
}
