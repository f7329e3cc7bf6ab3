// `/user/queue/rooms`: each person's room list as it changes, made at this node from what is committed.
import { type RoomListEvent, USER_DESTINATIONS } from '@maru/contract';
import type { Committed, Store } from '../store/store.ts';
import type { Broker } from './broker.ts';
import { RoomPulse } from './room-pulse.ts';

/** Rooms of one person that are followed: the newest ones. */
const ROOM_LIMIT = 5_000;
const PAGE = 200;

/** A person who is told: by how many subscriptions, and of which rooms. */
type Watcher = {
  subscriptions: number;
  readonly rooms: Set<string>;
  /** Rooms left while the list was being read: what was read may be older than that. */
  readonly left: Set<string>;
  /** Resolves when the list has been read. */
  ready: Promise<void> | null;
};

/**
 * A SEND costs one look-up here, whatever the number of members; each room tells its watchers at most once an interval.
 * Bounds: who subscribes × `ROOM_LIMIT` rooms; one timer for each room that changed within the interval.
 */
export class RoomListFeed {
  readonly #store: Store;
  readonly #broker: Pick<Broker, 'publishTopic'>;
  readonly #intervalMs: number;
  readonly #onFailure: (error: unknown) => void;
  readonly #watchers = new Map<string, Watcher>();
  readonly #pulses = new Map<string, RoomPulse>();

  /** @param options.onFailure a room could not be read; whoever was to hear of it reads the list anew by REST. */
  constructor(options: {
    store: Store;
    broker: Pick<Broker, 'publishTopic'>;
    intervalMs?: number;
    onFailure: (error: unknown) => void;
  }) {
    this.#store = options.store;
    this.#broker = options.broker;
    this.#intervalMs = options.intervalMs ?? 1_000;
    this.#onFailure = options.onFailure;
  }

  /** From when it resolves, every change is told. @returns what ends that */
  async watch(userId: string): Promise<() => void> {
    // Told of joins and leaves from here on; a room left while the list is read must not be watched by it.
    const watcher: Watcher = this.#watchers.get(userId) ?? {
      subscriptions: 0,
      rooms: new Set(),
      left: new Set(),
      ready: null,
    };
    this.#watchers.set(userId, watcher);
    watcher.subscriptions += 1;
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      watcher.subscriptions -= 1;
      if (watcher.subscriptions > 0) return;
      this.#watchers.delete(userId);
      for (const roomId of watcher.rooms) this.#unwatch(userId, roomId);
    };
    try {
      watcher.ready ??= this.#watchAll(userId, watcher);
      await watcher.ready;
      return end;
    } catch (error) {
      end();
      throw error;
    }
  }

  publish(entries: readonly Committed[]): void {
    for (const { entry } of entries) {
      const { roomId } = entry;
      if (entry.type === 'message.created') {
        this.#pulses.get(roomId)?.say(entry);
        continue;
      }
      const watcher = this.#watchers.get(entry.userId);
      if (watcher === undefined) continue;
      const hasLeft = entry.type === 'member.left';
      if (hasLeft) watcher.left.add(roomId);
      else watcher.left.delete(roomId);
      this.#watch(entry.userId, watcher, roomId).note(entry.userId, hasLeft ? 'left' : 'joined');
    }
  }

  close(): void {
    for (const pulse of this.#pulses.values()) pulse.stop();
    this.#pulses.clear();
  }

  async #watchAll(userId: string, watcher: Watcher): Promise<void> {
    let cursor: string | undefined;
    do {
      const page = await this.#store.listRooms('joined', userId, cursor, PAGE);
      for (const { roomId } of page.items) {
        if (!watcher.left.has(roomId)) this.#watch(userId, watcher, roomId);
      }
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined && watcher.rooms.size < ROOM_LIMIT && watcher.subscriptions > 0);
    watcher.left.clear();
    // Whoever went meanwhile left nothing behind.
    if (watcher.subscriptions === 0) for (const roomId of watcher.rooms) this.#unwatch(userId, roomId);
  }

  #watch(userId: string, watcher: Watcher, roomId: string): RoomPulse {
    watcher.rooms.add(roomId);
    let pulse = this.#pulses.get(roomId);
    if (pulse === undefined) {
      pulse = new RoomPulse({
        roomId,
        intervalMs: this.#intervalMs,
        tell: (who, event) => this.#tell(who, event),
        tellJoined: (who) => void this.#tellJoined(who, roomId),
        onLeft: (who) => {
          this.#watchers.get(who)?.rooms.delete(roomId);
          this.#unwatch(who, roomId);
        },
      });
      this.#pulses.set(roomId, pulse);
    }
    pulse.watchers.add(userId);
    return pulse;
  }

  #unwatch(userId: string, roomId: string): void {
    const pulse = this.#pulses.get(roomId);
    if (pulse === undefined) return;
    pulse.watchers.delete(userId);
    if (pulse.watchers.size > 0) return;
    pulse.stop();
    this.#pulses.delete(roomId);
  }

  async #tellJoined(userId: string, roomId: string): Promise<void> {
    try {
      const room = await this.#store.findRoom(roomId, userId);
      // They may have left, and been told so, while the room was read.
      const isWatched = this.#watchers.get(userId)?.rooms.has(roomId) === true;
      if (isWatched && room !== null && room.role !== null)
        this.#tell(userId, { type: 'room.added', roomId, room });
    } catch (error) {
      this.#onFailure(error);
    }
  }

  #tell(userId: string, event: RoomListEvent): void {
    this.#broker.publishTopic(
      { destination: USER_DESTINATIONS.rooms, userId },
      { headers: [], contentType: 'application/json', body: Buffer.from(JSON.stringify(event)) },
    );
  }
}
