// The broker of one process: the subscription registry by room, fed by the store's own commits.
import { MaruError } from '@maru/contract';
import type { Committed, Store } from '../store/store.ts';
import type { Broker, Live, Subscriber } from './broker.ts';
import { RoomChannel } from './room-channel.ts';
import type { Turn } from './turn.ts';

export class LocalBroker implements Broker {
  readonly #store: Store;
  readonly #turn: Turn;
  readonly #channels = new Map<string, RoomChannel>();
  #subscriptions = 0;

  constructor(store: Store, turn: Turn) {
    this.#store = store;
    this.#turn = turn;
  }

  get subscriptions(): number {
    return this.#subscriptions;
  }

  publish(entries: readonly Committed[]): void {
    for (const committed of entries) {
      this.#channels.get(committed.entry.roomId)?.publish(committed);
    }
  }

  async subscribe(roomId: string, subscriber: Subscriber): Promise<Live> {
    // The channel listens before the store is read: nothing committed in between can be missed.
    const channel = this.#channelOf(roomId);
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

  #join(channel: RoomChannel, subscriber: Subscriber): Live {
    const end = (): void => {
      this.#subscriptions -= 1;
      this.#forgetIdle(channel);
    };
    const member: Subscriber = {
      ...subscriber,
      onEnded: () => {
        end();
        subscriber.onEnded();
      },
    };
    channel.add(member);
    this.#subscriptions += 1;
    return {
      head: channel.head,
      epoch: channel.epoch,
      unsubscribe: () => {
        if (channel.remove(member)) end();
      },
    };
  }

  #channelOf(roomId: string): RoomChannel {
    let channel = this.#channels.get(roomId);
    if (channel === undefined) {
      channel = new RoomChannel(roomId, this.#turn);
      this.#channels.set(roomId, channel);
    }
    return channel;
  }

  #forgetIdle(channel: RoomChannel): void {
    if (!channel.idle || this.#channels.get(channel.roomId) !== channel) return;
    channel.flush();
    this.#channels.delete(channel.roomId);
  }
}
