// Rooms that are heard of without anybody's cursor on them: for lists of rooms and for signals. In order, each entry once.
import type { Committed, Store } from '../store/store.ts';
import type { Bus, Following } from './bus.ts';
import { EarlyEntries } from './early-entries.ts';
import { PAGE } from './room-pages.ts';

export type HeardRoomsOptions = {
  readonly store: Pick<Store, 'listEntries'>;
  readonly bus: Pick<Bus, 'followRoom'> | undefined;
  readonly tell: (committed: Committed) => void;
  /** The log can't be read: the next comparing of heads tries again. */
  readonly onFailure: (error: unknown) => void;
};

/** `Following` of one who wants the room. */
type Heard = { readonly room: HeardRoom; readonly following: Following | undefined; count: number };

/**
 * Where several services write, the bus may lose, double or reorder what it brings. Guarantees: of a room that is followed
 * each entry after the head at which that began is told once, in order; what is missing is read from the log, after 50 ms or
 * when `RoomHeads` finds it.
 * Bound: what is followed; 64 entries that are early for each.
 */
export class HeardRooms {
  readonly #options: HeardRoomsOptions;
  readonly #heard = new Map<string, Heard>();
  /** For `RoomHeads`. */
  readonly rooms = new Map<string, HeardRoom>();

  constructor(options: HeardRoomsOptions) {
    this.#options = options;
  }

  /** @param head entries after it are told; of a room that is followed already it says nothing */
  follow(roomId: string, head: number): Following {
    let heard = this.#heard.get(roomId);
    if (heard === undefined) {
      const { bus, ...options } = this.#options;
      const room = new HeardRoom(roomId, head, options);
      heard = { room, following: bus?.followRoom(roomId), count: 0 };
      this.#heard.set(roomId, heard);
      this.rooms.set(roomId, room);
    }
    heard.count += 1;
    const followed = heard;
    let isOver = false;
    return {
      ready: followed.following?.ready ?? Promise.resolve(),
      end: () => {
        if (isOver) return;
        isOver = true;
        followed.count -= 1;
        if (followed.count === 0) this.#forget(roomId, followed);
      },
    };
  }

  /** In whatever order, some of it twice. */
  publish(entries: readonly Committed[]): void {
    for (const committed of entries) this.rooms.get(committed.entry.roomId)?.publish(committed);
  }

  #forget(roomId: string, { room, following }: Heard): void {
    this.#heard.delete(roomId);
    this.rooms.delete(roomId);
    following?.end();
    room.close();
  }
}

/** States: *live* ⇄ *reading* (what is missing, from the log; what comes meanwhile is found there); *closed*. */
class HeardRoom {
  readonly #roomId: string;
  readonly #options: Omit<HeardRoomsOptions, 'bus'>;
  readonly #early = new EarlyEntries(() => this.#catchUp());
  #head: number;
  /** The newest entry that is known to be in the log. */
  #known: number;
  #reading: Promise<void> | null = null;
  #closed = false;

  constructor(roomId: string, head: number, options: Omit<HeardRoomsOptions, 'bus'>) {
    this.#roomId = roomId;
    this.#head = head;
    this.#known = head;
    this.#options = options;
  }

  publish(committed: Committed): void {
    const { seq } = committed.entry;
    this.#known = Math.max(this.#known, seq);
    if (this.#reading !== null || seq <= this.#head) return;
    if (seq > this.#head + 1) {
      this.#early.keep(committed);
      return;
    }
    for (
      let next: Committed | undefined = committed;
      next !== undefined;
      next = this.#early.take(this.#head + 1)
    ) {
      this.#tell(next);
    }
  }

  /** The log is known to be so long. Resolves when all of it was told, or could not be read. */
  async reach(head: number): Promise<void> {
    this.#known = Math.max(this.#known, head);
    if (this.#known > this.#head) await this.#catchUp();
  }

  close(): void {
    this.#closed = true;
    this.#early.clear();
  }

  #catchUp(): Promise<void> {
    this.#early.clear();
    this.#reading ??= this.#readMissing();
    return this.#reading;
  }

  async #readMissing(): Promise<void> {
    try {
      while (this.#head < this.#known && !this.#closed) {
        const page = await this.#options.store.listEntries(this.#roomId, this.#head, PAGE);
        for (const committed of page) {
          if (committed.entry.seq === this.#head + 1 && !this.#closed) this.#tell(committed);
        }
        // The room is gone, log and all.
        if (page.length === 0) return;
      }
    } catch (error) {
      this.#options.onFailure(error);
    } finally {
      // In the same moment as the last look at what is known: whatever comes from here on is taken as it comes.
      this.#reading = null;
    }
  }

  #tell(committed: Committed): void {
    this.#head = committed.entry.seq;
    this.#options.tell(committed);
  }
}
