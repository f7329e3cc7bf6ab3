// The broker of one process: the registries of rooms and topics, fed by the store's own commits, the bus and handlers.
import { MaruError, type RoomSignal } from '@maru/contract';
import { nanoid } from 'nanoid';
import type { Committed, Store } from '../store/store.ts';
import { Counts } from '../telemetry/counts.ts';
import type { Broker, From, Live, Publication, Subscribed, Subscriber, Topic } from './broker.ts';
import type { Bus, NodeWord, PresenceWord } from './bus.ts';
import type { HeardRooms } from './heard-rooms.ts';
import { RoomChannel } from './room-channel.ts';
import { RoomCursor } from './room-cursor.ts';
import { RoomPages } from './room-pages.ts';
import { RoomSignals } from './room-signals.ts';
import { TopicChannel } from './topic-channel.ts';
import type { Turn } from './turn.ts';

/** Of pages of logs that somebody has just read, for the next who comes by. */
const PAGE_OCTETS = 16_777_216;

export type LocalBrokerOptions = {
  /** Who listens to a room's signals hears its new messages too. */
  readonly messagesAsSignals?: boolean;
  readonly bus?: Bus | undefined;
  readonly heard?: HeardRooms | undefined;
  /** With a bus: how often this service says that it lives. Default: 5,000. */
  readonly presenceMs?: number | undefined;
  /** Told of each entry that neither this process committed nor the bus brought: it was read from the log. */
  readonly onRead?: (committed: Committed) => void;
};

export class LocalBroker implements Broker {
  readonly #store: Store;
  readonly #turn: Turn;
  readonly #rooms = new Map<string, RoomChannel>();
  readonly #pages: RoomPages;
  readonly #signals: RoomSignals;
  readonly #topics = new Map<string, TopicChannel>();
  /** Message ids of topics: no other process, nor this one after a restart, makes the same. */
  readonly #idPrefix = nanoid(12);
  readonly #counts: Counts;
  readonly #bus: Bus | undefined;
  readonly #onRead: (committed: Committed) => void;
  #published = 0;
  #subscriptions = 0;

  constructor(store: Store, turn: Turn, counts: Counts = new Counts(), options: LocalBrokerOptions = {}) {
    const { messagesAsSignals = false, bus, heard, presenceMs, onRead = () => {} } = options;
    this.#bus = bus;
    this.#onRead = onRead;
    this.#store = store;
    this.#turn = turn;
    this.#counts = counts;
    this.#pages = new RoomPages(store, counts, PAGE_OCTETS);
    this.#signals = new RoomSignals({ store, counts, messages: messagesAsSignals, bus, heard, presenceMs });
  }

  get subscriptions(): number {
    return this.#subscriptions + this.#signals.subscriptions;
  }

  get behind(): number {
    let behind = 0;
    for (const room of this.#rooms.values()) behind += room.behind;
    return behind;
  }

  publish(entries: readonly Committed[]): void {
    for (const committed of entries) {
      this.#rooms.get(committed.entry.roomId)?.publish(committed);
    }
    this.#signals.follow(entries);
  }

  async subscribe(roomId: string, subscriber: Subscriber, from: From | null): Promise<Live> {
    // The channel listens before the store is read: nothing committed in between can be missed.
    const room = this.#roomOf(roomId);
    const arrival = room.arrive(subscriber.userId);
    try {
      if (room.followed !== undefined) await room.followed;
      const standing = await this.#store.findStanding(roomId, subscriber.userId);
      if (standing === null) throw new MaruError('room-not-found');
      await room.reach(standing.head, standing.epoch);
      if (arrival.isRoomGone) throw new MaruError('room-not-found');
      if (standing.role === null || arrival.leftAt > standing.head) {
        throw new MaruError(standing.visibility === 'private' ? 'room-not-found' : 'not-a-member');
      }
      if (from !== null && (from.seq > room.head || (from.epoch ?? standing.epoch) !== standing.epoch)) {
        throw new MaruError('reset-required');
      }
      return this.#begin(room, subscriber, from?.seq ?? null, standing.joinedSeq);
    } finally {
      room.depart(arrival);
      this.#forgetIdle(room);
    }
  }

  publishTopic(topic: Topic, publication: Publication): void {
    const channel = this.#topics.get(keyOf(topic));
    if (channel === undefined) return;
    this.#published += 1;
    channel.publish(`${this.#idPrefix}-${this.#published}`, publication);
  }

  subscribeTopic(topic: Topic, subscriber: Subscriber): Subscribed {
    const key = keyOf(topic);
    let channel = this.#topics.get(key);
    if (channel === undefined) {
      channel = new TopicChannel(topic.destination, this.#counts);
      this.#topics.set(key, channel);
    }
    const joined = channel;
    joined.add(subscriber);
    this.#subscriptions += 1;
    return {
      resume: () => joined.resume(subscriber),
      unsubscribe: () => {
        if (!joined.remove(subscriber)) return;
        this.#subscriptions -= 1;
        if (joined.size === 0) this.#topics.delete(key);
      },
    };
  }

  publishSignal(signal: RoomSignal): void {
    this.#signals.publish(signal);
    this.#bus?.publishSignal(signal);
  }

  /** A signal of another service. */
  hearSignal(signal: RoomSignal): void {
    this.#signals.publish(signal);
  }

  /** What another service says of who listens to a room there. */
  hearPresence(roomId: string, word: PresenceWord): void {
    this.#signals.hearPresence(roomId, word);
  }

  /** Of a room whose signals somebody here hears, in order; some of it was published before. Its messages are not said twice. */
  hearInOrder(committed: Committed): void {
    if (committed.entry.type !== 'message.created') this.#signals.follow([committed]);
  }

  hearNode(word: NodeWord): void {
    this.#signals.hearNode(word);
  }

  /** The other services hear that nobody is here any more. */
  close(): void {
    this.#signals.close();
  }

  /** Rooms with subscribers here. */
  get rooms(): ReadonlyMap<string, RoomChannel> {
    return this.#rooms;
  }

  subscribeSignals(roomId: string, subscriber: Subscriber): Promise<Subscribed> {
    return this.#signals.subscribe(roomId, subscriber);
  }

  #begin(room: RoomChannel, subscriber: Subscriber, after: number | null, joinedSeq: number): Live {
    this.#subscriptions += 1;
    let isOver = false;
    const end = (): void => {
      // The own `member.left` may be what its session is too slow for: it is over by both then.
      if (isOver) return;
      isOver = true;
      this.#subscriptions -= 1;
      this.#forgetIdle(room);
    };
    const ending: Subscriber = {
      ...subscriber,
      onEnded: () => {
        end();
        subscriber.onEnded();
      },
      onFailed: (error) => {
        end();
        subscriber.onFailed(error);
      },
    };
    // What came before this subscription is not for it, unless it asks for that.
    room.flush();
    const { head, epoch } = room;
    const cursor = new RoomCursor(room, this.#pages, ending, { position: after ?? head, joinedSeq });
    cursor.begin();
    return {
      head,
      epoch,
      resume: () => cursor.resume(),
      unsubscribe: () => {
        // What came before it left is for it, as far as there are places; it may end by that.
        if (!isOver) room.flush();
        if (isOver) return;
        cursor.close();
        end();
      },
    };
  }

  #roomOf(roomId: string): RoomChannel {
    let room = this.#rooms.get(roomId);
    if (room === undefined) {
      room = new RoomChannel(roomId, {
        store: this.#store,
        turn: this.#turn,
        counts: this.#counts,
        followed: this.#bus?.followRoom(roomId),
        onRead: (committed) => {
          this.#signals.follow([committed]);
          this.#onRead(committed);
        },
      });
      this.#rooms.set(roomId, room);
    }
    return room;
  }

  #forgetIdle(room: RoomChannel): void {
    if (!room.idle || this.#rooms.get(room.roomId) !== room) return;
    room.flush();
    room.close();
    this.#rooms.delete(room.roomId);
  }
}

/** No destination holds a space, so no two topics have one key. */
function keyOf({ destination, userId }: Topic): string {
  return userId === null ? destination : `${destination} ${userId}`;
}
