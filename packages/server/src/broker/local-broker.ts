// The broker of one process: the registries of rooms and topics, fed by the store's own commits and by handlers.
import { MaruError } from '@maru/contract';
import { nanoid } from 'nanoid';
import type { Committed, Store } from '../store/store.ts';
import { Counts } from '../telemetry/counts.ts';
import type { Broker, Live, Publication, Subscribed, Subscriber, Topic } from './broker.ts';
import { RoomChannel } from './room-channel.ts';
import { RoomCursor } from './room-cursor.ts';
import { TopicChannel } from './topic-channel.ts';
import type { Turn } from './turn.ts';

export class LocalBroker implements Broker {
  readonly #store: Store;
  readonly #turn: Turn;
  readonly #rooms = new Map<string, RoomChannel>();
  readonly #topics = new Map<string, TopicChannel>();
  /** Message ids of topics: no other process, nor this one after a restart, makes the same. */
  readonly #idPrefix = nanoid(12);
  readonly #counts: Counts;
  #published = 0;
  #subscriptions = 0;

  constructor(store: Store, turn: Turn, counts: Counts = new Counts()) {
    this.#store = store;
    this.#turn = turn;
    this.#counts = counts;
  }

  get subscriptions(): number {
    return this.#subscriptions;
  }

  publish(entries: readonly Committed[]): void {
    for (const committed of entries) {
      this.#rooms.get(committed.entry.roomId)?.publish(committed);
    }
  }

  async subscribe(roomId: string, subscriber: Subscriber): Promise<Live> {
    // The channel listens before the store is read: nothing committed in between can be missed.
    const channel = this.#roomOf(roomId);
    const arrival = channel.arrive(subscriber.userId);
    try {
      const standing = await this.#store.findStanding(roomId, subscriber.userId);
      if (standing === null) throw new MaruError('room-not-found');
      channel.open(standing.head, standing.epoch);
      if (standing.role === null || arrival.leftAt > standing.head) {
        throw new MaruError(standing.visibility === 'private' ? 'room-not-found' : 'not-a-member');
      }
      return this.#join(channel, subscriber);
    } finally {
      channel.depart(arrival);
      this.#forgetIdle(channel);
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

  #join(channel: RoomChannel, subscriber: Subscriber): Live {
    this.#subscriptions += 1;
    let isOver = false;
    const end = (): void => {
      // The own `member.left` may be what its session is too slow for: it is over by both then.
      if (isOver) return;
      isOver = true;
      this.#subscriptions -= 1;
      this.#forgetIdle(channel);
    };
    const member: Subscriber = {
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
    const cursor =
      member.window === null ? null : new RoomCursor(channel, this.#store, member, member.window);
    if (cursor === null) channel.add(member);
    else channel.addCursor(cursor);
    return {
      head: channel.head,
      epoch: channel.epoch,
      resume: () => cursor?.resume(),
      unsubscribe: () => {
        // What came before it left is for it, as far as there are places; it may end by that.
        if (!isOver) channel.flush();
        if (isOver) return;
        channel.remove(member);
        cursor?.close();
        end();
      },
    };
  }

  #roomOf(roomId: string): RoomChannel {
    let channel = this.#rooms.get(roomId);
    if (channel === undefined) {
      channel = new RoomChannel(roomId, this.#turn, this.#counts);
      this.#rooms.set(roomId, channel);
    }
    return channel;
  }

  #forgetIdle(channel: RoomChannel): void {
    if (!channel.idle || this.#rooms.get(channel.roomId) !== channel) return;
    channel.flush();
    this.#rooms.delete(channel.roomId);
  }
}

/** No destination holds a space, so no two topics have one key. */
function keyOf({ destination, userId }: Topic): string {
  return userId === null ? destination : `${destination} ${userId}`;
}
