// The broker: who hears a room's log live, and who a topic that isn't kept. Interface; registries and fan-out are behind it.
import type { MaruError } from '@maru/contract';
import type { Version } from '@maru/stomp';
import type { Committed } from '../store/store.ts';
import type { Opcode } from './websocket-frame.ts';

/** Where deliveries of one session go: whole WebSocket frames, in order, never changed after they were handed over. */
export interface Outlet {
  enqueue(frames: Buffer): void;
}

/** How many messages of a subscription may be on their way: those that wait for the client's ACK or NACK. */
export interface DeliveryWindow {
  /** Places free now. */
  readonly free: number;
  /** Takes a place. @returns the header lines that tell the client what to acknowledge, each with its LF. */
  take(messageId: string): string;
}

/** One STOMP subscription as the broker knows it. */
export type Subscriber = {
  readonly userId: string;
  readonly version: Version;
  /** What its frames go in as long as they are text. */
  readonly opcode: Opcode;
  /** The encoded `subscription:<id>` header line with its LF; empty for a STOMP 1.0 subscription without an id. */
  readonly headLine: string;
  readonly outlet: Outlet;
  /** `null`: ack mode auto, all is sent as it comes. */
  readonly window: DeliveryWindow | null;
  /** Called once when the broker ends the subscription: after the caller's own `member.left` was delivered. */
  readonly onEnded: () => void;
  /** Called once when the log could not be read for it; nothing more is delivered. */
  readonly onFailed: (error: MaruError) => void;
};

export type Subscribed = {
  unsubscribe(): void;
  /** Places of the window have become free. */
  resume(): void;
};

/** A live subscription: every entry with a greater seq than `head` will be delivered, in order, each once. */
export type Live = Subscribed & { readonly head: number; readonly epoch: string };

/** A destination whose messages aren't kept. With `userId` it is a user destination: each person's own. */
export type Topic = { readonly destination: string; readonly userId: string | null };

/** What is published on a topic. `headers` are user headers: none that a MESSAGE has by itself. */
export type Publication = {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly contentType: string | undefined;
  readonly body: Uint8Array;
};

/**
 * Guarantees:
 * - A room's entries reach each of its subscribers in seq order, each once, with no hole, from `Live.head` on; with a
 *   window never more at a time than it has places: the rest waits in the log.
 * - Whoever lost membership gets their own `member.left` as the last entry, never the one after it.
 * - A topic's messages reach its subscribers of that moment in the order of `publishTopic`. With a window full, a bounded
 *   number waits and what comes past that is dropped.
 * - After `unsubscribe()` returned nothing more is enqueued for that subscription; what came before it is enqueued.
 * - Delivery never waits for a socket.
 */
export interface Broker {
  /** Entries just committed, in commit order, with no hole in any room. */
  publish(entries: readonly Committed[]): void;
  /** `room-not-found` (also for a private room the caller isn't in), `not-a-member`. */
  subscribe(roomId: string, subscriber: Subscriber): Promise<Live>;
  publishTopic(topic: Topic, publication: Publication): void;
  subscribeTopic(topic: Topic, subscriber: Subscriber): Subscribed;
  readonly subscriptions: number;
}
