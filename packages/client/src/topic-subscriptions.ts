// Destinations whose messages aren't kept (signals of a room, the changes of the room list), followed over reconnects.
import { callListener } from './listener.ts';
import { retryOf, type StompConnection } from './stomp-connection.ts';

export type TopicListener = {
  readonly onMessage: (body: unknown) => void;
  /** From now on every message comes; what there was before, also while the connection was lost, does not. */
  readonly onReady?: (() => void) | undefined;
};

type Topic = { readonly listeners: Set<TopicListener>; unsubscribe: (() => void) | null; isReady: boolean };

/** Until a SUBSCRIBE that was refused for now is tried again. */
const RETRY_MS = 5_000;

/** One subscription a destination, while it has listeners. One that is refused for good is asked for again by the next connection. */
export class TopicSubscriptions {
  readonly #topics = new Map<string, Topic>();
  #connection: StompConnection | null = null;

  /** @returns a function that removes the listener. */
  follow(destination: string, listener: TopicListener): () => void {
    let topic = this.#topics.get(destination);
    if (topic === undefined) {
      topic = { listeners: new Set(), unsubscribe: null, isReady: false };
      this.#topics.set(destination, topic);
    }
    const { listeners } = topic;
    listeners.add(listener);
    if (topic.isReady) callListener(listener.onReady);
    else if (topic.unsubscribe === null) this.#subscribe(destination, topic);
    return () => {
      if (!listeners.delete(listener) || listeners.size > 0) return;
      this.#topics.delete(destination);
      topic.unsubscribe?.();
    };
  }

  attach(connection: StompConnection): void {
    this.detach();
    this.#connection = connection;
    for (const [destination, topic] of this.#topics) this.#subscribe(destination, topic);
  }

  detach(): void {
    this.#connection = null;
    for (const topic of this.#topics.values()) {
      topic.unsubscribe = null;
      topic.isReady = false;
    }
  }

  #subscribe(destination: string, topic: Topic): void {
    const connection = this.#connection;
    if (connection === null) return;
    const isCurrent = () => this.#connection === connection && this.#topics.get(destination) === topic;
    topic.unsubscribe = connection.subscribe(destination, {
      onMessage: (body) => {
        for (const listener of topic.listeners) callListener(listener.onMessage, body);
      },
      onReceipt: () => {
        if (!isCurrent()) return;
        topic.isReady = true;
        for (const listener of topic.listeners) callListener(listener.onReady);
      },
      onRefused: ({ code }) => {
        if (retryOf(code) !== 'later') return;
        setTimeout(() => {
          if (isCurrent() && !topic.isReady) this.#subscribe(destination, topic);
        }, RETRY_MS);
      },
    });
  }
}
