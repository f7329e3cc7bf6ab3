// A real store and broker with the room list feed on them, and people who keep a list of rooms by it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Room, type RoomListEvent, roomListEventSchema, USER_DESTINATIONS } from '@maru/contract';
import { LocalBroker } from '../../src/broker/local-broker.ts';
import { RoomListFeed } from '../../src/broker/room-list-feed.ts';
import { Turn } from '../../src/broker/turn.ts';
import { ReadMarkers } from '../../src/handlers/read-markers.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Committed, Person, Store } from '../../src/store/store.ts';
import { Listener } from './listener.ts';

/** What of a room a list shows. */
export type Shown = Pick<
  Room,
  'roomId' | 'name' | 'head' | 'lastMessage' | 'readSeq' | 'unread' | 'unreadMentions'
>;

export class RoomListGround {
  readonly store: Store;
  readonly markers: ReadMarkers;
  readonly failures: unknown[] = [];
  /** Rooms that the feed has read one by one. */
  reads = 0;
  /** What the feed's reads do instead, if it is to be something else. */
  read: Store['findRoom'] | null = null;
  /** Around what is committed, on its way to the feed. */
  hear: (entries: readonly Committed[]) => readonly Committed[] = (entries) => entries;
  /** Milliseconds by which the next answer to the feed, or the next commit on its way to it, comes late. */
  lag: () => number = () => 0;
  /** What was committed is heard in that order, also if some of it comes late. */
  #heard: Promise<unknown> | null = null;
  readonly #feed: RoomListFeed;
  readonly #broker: LocalBroker;
  readonly #folder: string;

  private constructor(store: Store, folder: string, intervalMs: number) {
    this.store = store;
    this.#folder = folder;
    this.#broker = new LocalBroker(store, new Turn());
    this.#feed = new RoomListFeed({
      store: {
        listRooms: (...asked) => this.#late(store.listRooms(...asked)),
        findRoom: (...asked) => {
          this.reads += 1;
          return this.#late(this.read === null ? store.findRoom(...asked) : this.read(...asked));
        },
      },
      broker: this.#broker,
      intervalMs,
      onFailure: (error) => this.failures.push(error),
    });
    this.markers = new ReadMarkers({ store, broker: this.#broker, roomLists: this.#feed });
    store.onCommitted((entries) => {
      const lag = this.lag();
      if (this.#heard === null && lag === 0) return this.#publish(entries);
      const before = this.#heard;
      const heard: Promise<void> = Promise.all([before, sleep(lag)]).then(() => {
        if (this.#heard === heard) this.#heard = null;
        this.#publish(entries);
      });
      this.#heard = heard;
    });
  }

  static async open(intervalMs: number): Promise<RoomListGround> {
    const folder = await mkdtemp(join(tmpdir(), 'maru-room-lists-'));
    return new RoomListGround(await openSqliteStore({ folder }), folder, intervalMs);
  }

  async close(): Promise<void> {
    this.#feed.close();
    await this.store.close();
    await rm(this.#folder, { recursive: true });
  }

  #publish(entries: readonly Committed[]): void {
    this.#broker.publish(entries);
    this.#feed.publish(this.hear(entries));
  }

  async #late<T>(answer: Promise<T>): Promise<T> {
    const lag = this.lag();
    const answered = await answer;
    if (lag > 0) await sleep(lag);
    return answered;
  }

  /** As a client does: subscribes, then reads the list, then follows. */
  async watch(userId: string): Promise<Watching> {
    const watching = new Watching();
    const topic = { destination: USER_DESTINATIONS.rooms, userId };
    const { unsubscribe } = this.#broker.subscribeTopic(topic, watching.as(userId, 'rooms'));
    const unwatch = await this.#feed.watch(userId);
    watching.end = () => {
      unsubscribe();
      unwatch();
    };
    watching.begin(await this.list(userId));
    return watching;
  }

  /** The rooms of a person as the store has them. */
  async list(userId: string): Promise<readonly Shown[]> {
    const { items } = await this.store.listRooms('joined', userId, undefined, 200);
    return items.map(shownOf);
  }

  async room(owner: Person, ...others: readonly Person[]): Promise<string> {
    const { roomId } = await this.store.createRoom({ name: 'First', visibility: 'public', owner });
    for (const other of others) await this.store.join(roomId, other, 'member');
    return roomId;
  }
}

/** Somebody who keeps a list of rooms. */
export class Watching extends Listener {
  /** For what is to replace what, while a session is slow. */
  readonly kinds: (string | undefined)[] = [];
  end: () => void = () => undefined;
  #begun: readonly Shown[] = [];

  override offer(frames: Buffer, kind?: string): void {
    this.kinds.push(kind);
    super.offer(frames);
  }

  begin(rooms: readonly Shown[]): void {
    this.#begun = rooms;
  }

  get events(): readonly RoomListEvent[] {
    return this.messages.map(({ body }) =>
      roomListEventSchema.parse(JSON.parse(Buffer.from(body).toString())),
    );
  }

  /** The list as it is by all that was heard; the newest room first. */
  get shown(): readonly Shown[] {
    const rooms = new Map(this.#begun.map((room) => [room.roomId, room]));
    for (const event of this.events) {
      if (event.type === 'room.removed') rooms.delete(event.roomId);
      else if (event.type === 'room.added') rooms.set(event.roomId, shownOf(event.room));
      else if (rooms.has(event.roomId)) rooms.set(event.roomId, shownOf(event));
    }
    return [...rooms.values()];
  }

  /** The next event that isn't asked for yet. */
  async next(): Promise<RoomListEvent> {
    while (this.messages.length === 0) await this.heard();
    const [event] = this.events;
    this.messages.shift();
    if (event === undefined) throw new Error('no event was heard');
    return event;
  }
}

export function shownOf({ roomId, name, head, lastMessage, readSeq, unread, unreadMentions }: Shown): Shown {
  return { roomId, name, head, lastMessage, readSeq, unread, unreadMentions };
}
