// Read markers: moved in the store, then told to the person's own room list and to who listens to the room.
import type { Reading } from '@maru/contract';
import type { Broker } from '../broker/broker.ts';
import type { RoomListFeed } from '../broker/room-list-feed.ts';
import type { Store } from '../store/store.ts';

/** One way for SEND `/pub/read` and PUT read: whoever moves a marker needs to tell nobody. */
export class ReadMarkers {
  readonly #store: Pick<Store, 'markRead'>;
  readonly #broker: Pick<Broker, 'publishSignal'>;
  readonly #roomLists: Pick<RoomListFeed, 'read'>;

  constructor(parts: {
    store: Pick<Store, 'markRead'>;
    broker: Pick<Broker, 'publishSignal'>;
    roomLists: Pick<RoomListFeed, 'read'>;
  }) {
    this.#store = parts.store;
    this.#broker = parts.broker;
    this.#roomLists = parts.roomLists;
  }

  /**
   * All up to `seq` is read; a marker never goes back, nor past the head of the log.
   * @returns where the person stands then, and whether the marker moved. Errors: `room-not-found`, `not-a-member`.
   */
  async mark(roomId: string, userId: string, seq: number): Promise<Reading & { readonly moved: boolean }> {
    const marked = await this.#store.markRead(roomId, userId, seq);
    if (marked.moved) {
      this.#roomLists.read(userId, roomId, marked);
      this.#broker.publishSignal({ type: 'read', roomId, userId, seq: marked.readSeq });
    }
    return marked;
  }
}
