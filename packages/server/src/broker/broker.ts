// The broker: who hears a room's log live, and who a topic that isn't kept. Interface; registries and fan-out are behind it.
import type { MaruError, RoomSignal } from '@maru/contract';
import type { Version } from '@maru/stomp';
import type { Committed } from '../store/store.ts';
import type { CatchUpTurns } from './catch-up-turns.ts';
import type { Opcode } from './websocket-frame.ts';

/** Where deliveries of one session go: whole WebSocket frames, in order, never changed after they were handed over. */
export interface Outlet {
  /** Takes what must arrive, whatever waits already. */
  enqueue(frames: Buffer): void;
  /**
   * Takes what may be lost: dropped while the session is too slow. With a key the newest of each key is kept for when it
   * isn't any more, up to a bound.
   */
  offer(frames: Buffer, replaces: string | undefined): void;
  /** More waits than may. The rest of a room's log waits in the log, until `turns.resume()`. */
  readonly isFull: boolean;
  /** In which order the subscriptions of the session that are behind read on. */
  readonly turns: CatchUpTurns;
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
  /** Called once when the broker ends the subscription: after its last entry, the caller's own `member.left` or `room.deleted`. */
  readonly onEnded: () => void;
  /** Called once when the log could not be read for it; nothing more is delivered. */
  readonly onFailed: (error: MaruError) => void;
};

export type Subscribed = {
  unsubscribe(): void;
  /** Places of the window have become free. */
  resume(): void;
};

/** `head`: of the room's log when the subscription began. */
export type Live = Subscribed & { readonly head: number; readonly epoch: string };

/** A destination whose messages aren't kept. With `userId` it is a user destination: each person's own. */
export type Topic = { readonly destination: string; readonly userId: string | null };

/** What is published on a topic. `headers` are user headers: none that a MESSAGE has by itself. */
export type Publication = {
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly contentType: string | undefined;
  readonly body: Uint8Array;
  /** Of those with one key, on one topic, that wait for a slow reader, only the newest is kept. Absent: none is. */
  readonly replaces?: string;
};

/** From where a subscription reads: after that seq, of that log if it is said. */
export type From = { readonly seq: number; readonly epoch: string | undefined };

/**
 * Guarantees:
 * - A room's entries reach each of its subscribers in seq order, each once, with no hole: those after `from.seq`, else those
 *   after `Live.head`. What a subscriber is too slow for, or has no window for, waits in the log and follows.
 * - Whoever lost membership gets their own `member.left` as the last entry, never the one after it; of a deleted room
 *   everybody gets `room.deleted`.
 * - A topic's messages reach its subscribers of that moment in the order of `publishTopic`. For a session that is too slow
 *   they are dropped; with a window full, a bounded number waits and what comes past that is dropped.
 * - A room's signals reach those who subscribed to them while they are members.
 * - After `unsubscribe()` returned nothing more is enqueued for that subscription; what came before it is enqueued, as far
 *   as the session was at the head of the log.
 * - Delivery never waits for a socket.
 */
export interface Broker {
  /** Entries just committed, in commit order. A hole in a room is read from the log. */
  publish(entries: readonly Committed[]): void;
  /**
   * `room-not-found` (also for a private room the caller isn't in), `not-a-member`; `reset-required` if `from` is past the
   * head or of another log. `from` null: live from now.
   */
  subscribe(roomId: string, subscriber: Subscriber, from: From | null): Promise<Live>;
  publishTopic(topic: Topic, publication: Publication): void;
  subscribeTopic(topic: Topic, subscriber: Subscriber): Subscribed;
  /** Typing, read markers: nobody is asked whether they may, nothing is kept. */
  publishSignal(signal: RoomSignal): void;
  /** Who subscribes is present in the room. Errors: `room-not-found`, `not-a-member`. */
  subscribeSignals(roomId: string, subscriber: Subscriber): Promise<Subscribed>;
  readonly subscriptions: number;
  /** Those of rooms that are not at the head of their log. */
  readonly behind: number;
}
