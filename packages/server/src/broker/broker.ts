// The broker: who hears a room's log live. Interface; the registry and fan-out are behind it.
import type { Committed } from '../store/store.ts';

/** Where deliveries of one session go: whole WebSocket frames, in order, never changed after they were handed over. */
export interface Outlet {
  enqueue(frames: Buffer): void;
}

/** One STOMP subscription as the broker knows it. */
export type Subscriber = {
  readonly userId: string;
  /** The encoded `subscription:<id>` header line with its LF; empty for a STOMP 1.0 subscription without an id. */
  readonly headLine: string;
  readonly outlet: Outlet;
  /** Called once when the broker ends the subscription: after the caller's own `member.left` was delivered. */
  readonly onEnded: () => void;
};

/** A live subscription: every entry with a greater seq than `head` will be delivered, in order, each once. */
export type Live = { readonly head: number; readonly epoch: string; unsubscribe(): void };

/**
 * Guarantees:
 * - A room's entries reach each of its subscribers in seq order, each once, with no hole, from `Live.head` on.
 * - Whoever lost membership gets their own `member.left` as the last entry, never the one after it.
 * - After `unsubscribe()` returned nothing more is enqueued for that subscription; what came before it is enqueued.
 * - Delivery never waits for a socket.
 */
export interface Broker {
  /** Entries just committed, in commit order, with no hole in any room. */
  publish(entries: readonly Committed[]): void;
  /** `room-not-found` (also for a private room the caller isn't in), `not-a-member`. */
  subscribe(roomId: string, subscriber: Subscriber): Promise<Live>;
  readonly subscriptions: number;
}
