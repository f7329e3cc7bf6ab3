// What a room doesn't keep: typing, read markers and presence, to whoever subscribed to `/topic/rooms/{roomId}`.
import { MaruError, type RoomSignal } from '@maru/contract';
import { nanoid } from 'nanoid';
import type { Committed, Standing, Store } from '../store/store.ts';
import type { Counts } from '../telemetry/counts.ts';
import type { Subscribed, Subscriber } from './broker.ts';
import type { Bus, Following, NodeWord, PresenceWord } from './bus.ts';
import type { HeardRooms } from './heard-rooms.ts';
import { SharedPresence } from './shared-presence.ts';
import { SignalRoom } from './signal-room.ts';

export type RoomSignalsOptions = {
  readonly store: Pick<Store, 'findStanding'>;
  readonly counts: Counts;
  readonly bus?: Bus | undefined;
  /** Where others write too: what finds the joins and leaves that the bus lost; `follow` is told of them. */
  readonly heard?: HeardRooms | undefined;
  /** With a bus: how often the service says that it lives. Default: 5,000. */
  readonly presenceMs?: number | undefined;
  /** A person's typing is told at most once in so long. Default: 1,000. */
  readonly typingIntervalMs?: number;
  /** People of a room up to whose number presence and read markers are told. Default: 1,000. */
  readonly crowd?: number;
  /** Whether new messages are told too. Default: they are in the room's log alone. */
  readonly messages?: boolean;
};

/**
 * Guarantees: signals of a room reach those who subscribe to it, in the order of `publish`; whoever left hears none that is
 * published after `follow` was given their `member.left`. A session that is too slow gets the newest of each kind and person.
 *
 * Bound: a room is here while somebody subscribes to its signals, or is about to; what nobody hears costs one look-up.
 */
export class RoomSignals {
  readonly #options: RoomSignalsOptions;
  readonly #rooms = new Map<string, SignalRoom>();
  readonly #followed = new Map<SignalRoom, readonly Following[]>();
  readonly #found = new Set<SignalRoom>();
  readonly #shared: SharedPresence | undefined;
  /** No other process, nor this one after a restart, makes the same message ids. */
  readonly #idPrefix = nanoid(12);
  #published = 0;
  #subscriptions = 0;

  constructor(options: RoomSignalsOptions) {
    this.#options = options;
    const { bus, presenceMs: everyMs = 5_000 } = options;
    if (bus !== undefined) this.#shared = new SharedPresence({ bus, everyMs });
  }

  get subscriptions(): number {
    return this.#subscriptions;
  }

  /**
   * The others hear that the person is there, if this is their first subscription; the subscriber hears who is.
   * Errors: `room-not-found` (also for a private room the caller isn't in), `not-a-member`.
   */
  async subscribe(roomId: string, subscriber: Subscriber): Promise<Subscribed> {
    const { userId } = subscriber;
    // The room hears of joins and leaves before the store is read: none committed in between can be missed.
    const room = this.#roomOf(roomId);
    const arrival = room.arrive(userId);
    try {
      for (const { ready } of this.#followed.get(room) ?? []) await ready;
      const standing = await this.#options.store.findStanding(roomId, userId);
      requireMember(standing, arrival.isRoomGone, arrival.leftAt);
      this.#findFrom(room, standing.head);
      const subscription = room.add(subscriber, standing.head);
      this.#subscriptions += 1;
      return {
        resume: () => room.resume(subscription),
        unsubscribe: () => {
          if (room.end(subscription)) this.#ended(room);
        },
      };
    } finally {
      room.depart(arrival);
      this.#forgetIdle(room);
    }
  }

  publish(signal: RoomSignal): void {
    this.#rooms.get(signal.roomId)?.publish(signal);
  }

  hearPresence(roomId: string, word: PresenceWord): void {
    this.#shared?.hear(roomId, word);
  }

  hearNode(word: NodeWord): void {
    this.#shared?.hearNode(word);
  }

  /** The other services hear that nobody listens here any more. */
  close(): void {
    this.#shared?.end();
  }

  /** Entries just committed: who left, and all of a deleted room, hear nothing more. */
  follow(entries: readonly Committed[]): void {
    for (const { entry } of entries) {
      const room = this.#rooms.get(entry.roomId);
      if (room === undefined) continue;
      if (this.#options.messages === true && entry.type === 'message.created') room.tellMessage(entry);
      for (const { onEnded } of room.follow(entry)) {
        this.#ended(room);
        onEnded();
      }
    }
  }

  #ended(room: SignalRoom): void {
    this.#subscriptions -= 1;
    this.#forgetIdle(room);
  }

  #roomOf(roomId: string): SignalRoom {
    let room = this.#rooms.get(roomId);
    if (room === undefined) {
      const { counts, typingIntervalMs = 1_000, crowd = 1_000 } = this.#options;
      const nextMessageId = () => {
        this.#published += 1;
        return `${this.#idPrefix}-${this.#published}`;
      };
      const onPeople = () => this.#shared?.changed(roomId);
      room = new SignalRoom({ roomId, counts, typingIntervalMs, crowd, nextMessageId, onPeople });
      this.#rooms.set(roomId, room);
      this.#followAt(room);
    }
    return room;
  }

  /** The entries too: those of leaving end subscriptions here. */
  #followAt(room: SignalRoom): void {
    const { bus } = this.#options;
    if (bus === undefined) return;
    const signals = bus.followSignals(room.roomId);
    this.#followed.set(room, [signals, bus.followRoom(room.roomId)]);
    this.#shared?.open(room, signals.ready);
  }

  /** From the first standing on that was read: what came before is in it, as it is in each that is read later. */
  #findFrom(room: SignalRoom, head: number): void {
    const { heard } = this.#options;
    if (heard === undefined || this.#found.has(room)) return;
    this.#found.add(room);
    const followed = this.#followed.get(room) ?? [];
    this.#followed.set(room, [...followed, heard.follow(room.roomId, head)]);
  }

  #forgetIdle(room: SignalRoom): void {
    if (!room.isIdle || this.#rooms.get(room.roomId) !== room) return;
    this.#rooms.delete(room.roomId);
    this.#shared?.close(room.roomId);
    for (const followed of this.#followed.get(room) ?? []) followed.end();
    this.#followed.delete(room);
    this.#found.delete(room);
  }
}

/** @param leftAt seq of a `member.left` heard while the standing was read; 0 for none. */
function requireMember(
  standing: Standing | null,
  isRoomGone: boolean,
  leftAt: number,
): asserts standing is Standing {
  if (standing === null || isRoomGone) throw new MaruError('room-not-found');
  if (standing.role !== null && leftAt <= standing.head) return;
  throw new MaruError(standing.visibility === 'private' ? 'room-not-found' : 'not-a-member');
}
