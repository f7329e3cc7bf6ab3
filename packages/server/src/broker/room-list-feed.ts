// `/user/queue/rooms`: each person's room list as it changes, made at this node from what is committed.
import {
  type Reading,
  type Room,
  type RoomEntry,
  type RoomListEvent,
  USER_DESTINATIONS,
} from '@maru/contract';
import type { Committed, Store } from '../store/store.ts';
import type { Broker } from './broker.ts';
import type { Bus, Following, MarkedWord } from './bus.ts';
import type { HeardRooms } from './heard-rooms.ts';
import { RoomPulse } from './room-pulse.ts';

/** Rooms of one person that are followed: the newest ones, and those joined since. */
const ROOM_LIMIT = 5_000;
const PAGE = 200;

/** What happened while a list was being read, which may be older: rooms left, and where in others the marker is. */
type Meanwhile = { readonly left: Set<string>; readonly marked: Map<string, number> };

/** A person who is told: by how many subscriptions, and of which rooms. */
type Watcher = {
  subscriptions: number;
  readonly rooms: Set<string>;
  /** `null`: the list has been read. */
  meanwhile: Meanwhile | null;
  /** Resolves when the list has been read. */
  ready: Promise<void> | null;
};

export type RoomListFeedOptions = {
  readonly store: Pick<Store, 'listRooms' | 'findRoom'>;
  readonly broker: Pick<Broker, 'publishTopic'>;
  readonly bus?: Bus | undefined;
  /** Where others write too: what brings the rooms of the lists here, in order. It is told what `publish` is told else. */
  readonly heard?: HeardRooms | undefined;
  /** Default: 1,000. */
  readonly intervalMs?: number;
  /** A room could not be read; whoever was to hear of it hears of its next change, or reads the list anew by REST. */
  readonly onFailure: (error: unknown) => void;
};

/**
 * A SEND costs a look-up of its room here, and in a room that is watched one of its sender and of each person mentioned,
 * whatever the number of members; each room tells its watchers at most once an interval.
 * Bounds: who subscribes × `ROOM_LIMIT` rooms; one timer for each room that changed within the interval.
 */
export class RoomListFeed {
  readonly #options: RoomListFeedOptions;
  readonly #watchers = new Map<string, Watcher>();
  readonly #pulses = new Map<string, RoomPulse>();
  /** By the id of the room or the person. */
  readonly #followed = { rooms: new Map<string, Following>(), users: new Map<string, Following>() };

  constructor(options: RoomListFeedOptions) {
    this.#options = options;
  }

  /** From when it resolves, every change is told. @returns what ends that */
  async watch(userId: string): Promise<() => void> {
    // Told of joins and leaves from here on; a room left while the list is read must not be watched by it.
    const watcher: Watcher = this.#watchers.get(userId) ?? {
      subscriptions: 0,
      rooms: new Set(),
      meanwhile: null,
      ready: null,
    };
    this.#watchers.set(userId, watcher);
    const { bus } = this.#options;
    if (bus !== undefined && !this.#followed.users.has(userId))
      this.#followed.users.set(userId, bus.followUser(userId));
    watcher.subscriptions += 1;
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      watcher.subscriptions -= 1;
      if (watcher.subscriptions > 0) return;
      this.#watchers.delete(userId);
      endOf(this.#followed.users, userId);
      for (const roomId of watcher.rooms) this.#unwatch(userId, roomId);
    };
    watcher.ready ??= this.#watchAll(userId, watcher);
    const { ready } = watcher;
    try {
      await ready;
      return end;
    } catch (error) {
      // Whoever comes next reads the list anew.
      if (watcher.ready === ready) watcher.ready = null;
      end();
      throw error;
    }
  }

  publish(entries: readonly Committed[]): void {
    for (const { entry } of entries) {
      const { type, roomId } = entry;
      if (type === 'member.joined' || type === 'member.left') this.#follow(entry.userId, entry);
      this.#pulses.get(roomId)?.hear(entry);
    }
  }

  /** A person's read marker was moved to somewhere; messages of their own need not be said. */
  read(userId: string, roomId: string, { readSeq }: Pick<Reading, 'readSeq'>): void {
    this.hearMarked({ userId, roomId, readSeq });
    this.#options.bus?.publishMarked({ userId, roomId, readSeq });
  }

  /** As `read`, at another service. */
  hearMarked({ userId, roomId, readSeq }: MarkedWord): void {
    const watcher = this.#watchers.get(userId);
    watcher?.meanwhile?.marked.set(roomId, readSeq);
    if (watcher?.rooms.has(roomId) === true) this.#pulses.get(roomId)?.marked(userId, readSeq);
  }

  /** Somebody came into a room that may not be followed here yet. */
  hearJoined(joined: Committed): void {
    if (!this.#pulses.has(joined.entry.roomId)) this.publish([joined]);
  }

  close(): void {
    for (const pulse of this.#pulses.values()) pulse.stop();
    this.#pulses.clear();
    for (const followed of Object.values(this.#followed)) {
      for (const id of followed.keys()) endOf(followed, id);
    }
  }

  async #watchAll(userId: string, watcher: Watcher): Promise<void> {
    const meanwhile: Meanwhile = { left: new Set(), marked: new Map() };
    watcher.meanwhile = meanwhile;
    const followed = this.#followed.users.get(userId);
    if (followed !== undefined) await followed.ready;
    let cursor: string | undefined;
    do {
      const page = await this.#options.store.listRooms('joined', userId, cursor, PAGE);
      for (const room of page.items) {
        const { roomId } = room;
        if (meanwhile.left.has(roomId)) continue;
        const pulse = this.#watch(userId, watcher, roomId, room.head);
        pulse.learn(userId, room);
        pulse.marked(userId, meanwhile.marked.get(roomId) ?? 0);
      }
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined && watcher.rooms.size < ROOM_LIMIT);
    watcher.meanwhile = null;
  }

  /** Somebody came or went: the room is watched for them, be it to tell them of that. */
  #follow(userId: string, { type, roomId, seq }: RoomEntry): void {
    const watcher = this.#watchers.get(userId);
    if (watcher === undefined) return;
    if (type === 'member.left') watcher.meanwhile?.left.add(roomId);
    this.#watch(userId, watcher, roomId, seq);
  }

  /** @param head of the room's log, as far as it is known to who watches */
  #watch(userId: string, watcher: Watcher, roomId: string, head: number): RoomPulse {
    watcher.rooms.add(roomId);
    let pulse = this.#pulses.get(roomId);
    if (pulse === undefined) {
      pulse = new RoomPulse({
        roomId,
        intervalMs: this.#options.intervalMs ?? 1_000,
        tell: (who, event) => this.#tell(who, event),
        read: (who) => this.#read(who, roomId),
        onLeft: (who) => {
          this.#watchers.get(who)?.rooms.delete(roomId);
          this.#unwatch(who, roomId);
        },
      });
      this.#pulses.set(roomId, pulse);
      const followed = this.#options.heard?.follow(roomId, head);
      if (followed !== undefined) this.#followed.rooms.set(roomId, followed);
    }
    pulse.watch(userId);
    return pulse;
  }

  #unwatch(userId: string, roomId: string): void {
    const pulse = this.#pulses.get(roomId);
    if (pulse === undefined) return;
    pulse.unwatch(userId);
    if (pulse.size > 0) return;
    pulse.stop();
    this.#pulses.delete(roomId);
    endOf(this.#followed.rooms, roomId);
  }

  async #read(userId: string, roomId: string): Promise<Room | null> {
    try {
      const room = await this.#options.store.findRoom(roomId, userId);
      return room?.role == null ? null : room;
    } catch (error) {
      this.#options.onFailure(error);
      return null;
    }
  }

  #tell(userId: string, event: RoomListEvent): void {
    this.#options.broker.publishTopic(
      { destination: USER_DESTINATIONS.rooms, userId },
      {
        headers: [],
        contentType: 'application/json',
        body: Buffer.from(JSON.stringify(event)),
        replaces: `${event.roomId} ${event.type === 'room.updated' ? 'update' : 'membership'}`,
      },
    );
  }
}

function endOf(followed: Map<string, Following>, id: string): void {
  followed.get(id)?.end();
  followed.delete(id);
}
