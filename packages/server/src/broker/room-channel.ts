// One room at this node: the head of its log, the fan-out to those who are at it, and who is behind.
import { MaruError } from '@maru/contract';
import type { Committed, Store } from '../store/store.ts';
import type { Counts } from '../telemetry/counts.ts';
import { Audience } from './audience.ts';
import type { Following } from './bus.ts';
import { EarlyEntries } from './early-entries.ts';
import { type EncodedEntry, encodeEntry } from './encoded-entry.ts';
import { RecentEntries } from './recent-entries.ts';
import type { RoomCursor } from './room-cursor.ts';
import { PAGE } from './room-pages.ts';
import type { Flushable, Turn } from './turn.ts';
import { OPCODES } from './websocket-frame.ts';

/** Somebody whose membership is being read. What the log says of them meanwhile counts more than what was read. */
export type Arrival = {
  readonly userId: string;
  /** seq of their last `member.left` heard, 0 for none. */
  leftAt: number;
  isRoomGone: boolean;
};

/**
 * States: *opening* (the head isn't known) → *live* ⇄ *repairing* (an entry is missing, and didn't come in a while: what is
 * missing is read from the log, once for all). While it is not live it keeps of what comes only the seq: the log has the rest.
 * Bounds: entries of a turn are what one turn commits (the store's batch cap a commit); those kept for who is behind are
 * bounded by `RecentEntries`.
 * The order of entries is checked once per room, here, not per subscriber.
 */
export class RoomChannel implements Flushable {
  readonly roomId: string;
  readonly counts: Counts;
  readonly recent = new RecentEntries();
  readonly #store: Store;
  readonly #turn: Turn;
  readonly #followed: Following | undefined;
  readonly #onRead: (committed: Committed) => void;
  /** Those at the head without a window: all are alike. */
  readonly #audience: Audience;
  /** Those at the head with one. */
  readonly #windowed = new Set<RoomCursor>();
  readonly #cursors = new Set<RoomCursor>();
  readonly #arrivals = new Set<Arrival>();
  #entries: EncodedEntry[] = [];
  #scheduled = false;
  #isOpen = false;
  readonly #early = new EarlyEntries(() => this.#repairHole());
  #repair: Promise<void> | null = null;
  /** The newest entry that is known to be in the log. */
  #known = 0;
  #head = 0;
  #delivered = 0;
  #epoch = '';
  #revision = 0;

  /** `onRead`: told of each entry that the bus didn't bring and the log did. */
  constructor(
    roomId: string,
    parts: {
      readonly store: Store;
      readonly turn: Turn;
      readonly counts: Counts;
      readonly followed?: Following | undefined;
      readonly onRead?: (committed: Committed) => void;
    },
  ) {
    this.roomId = roomId;
    this.counts = parts.counts;
    this.#store = parts.store;
    this.#turn = parts.turn;
    this.#followed = parts.followed;
    this.#onRead = parts.onRead ?? (() => {});
    this.#audience = new Audience(parts.counts);
  }

  /** Resolves when the bus brings what others write to the room. */
  get followed(): Promise<void> | undefined {
    return this.#followed?.ready;
  }

  get head(): number {
    return this.#head;
  }

  /** Up to where those at the head have all: the head itself, but for what waits for the end of the turn. */
  get delivered(): number {
    return this.#delivered;
  }

  get epoch(): string {
    return this.#epoch;
  }

  get revision(): number {
    return this.#revision;
  }

  /** How many are not at the head. */
  get behind(): number {
    return this.#cursors.size - this.#audience.size - this.#windowed.size;
  }

  /** Nobody subscribes and nobody is about to. */
  get idle(): boolean {
    return this.#cursors.size === 0 && this.#arrivals.size === 0;
  }

  arrive(userId: string): Arrival {
    const arrival = { userId, leftAt: 0, isRoomGone: false };
    this.#arrivals.add(arrival);
    return arrival;
  }

  depart(arrival: Arrival): void {
    this.#arrivals.delete(arrival);
  }

  /** The store has read that the log is so long. Resolves when all of it was published here; rejects if it can't be read. */
  async reach(head: number, epoch: string): Promise<void> {
    if (!this.#isOpen) {
      this.#isOpen = true;
      this.#head = head;
      this.#delivered = head;
      this.#epoch = epoch;
    }
    this.#known = Math.max(this.#known, head);
    if (this.#known > this.#head) await this.#catchUp();
  }

  enter(cursor: RoomCursor): void {
    this.#cursors.add(cursor);
  }

  /** It is at the head. */
  join(cursor: RoomCursor): void {
    if (cursor.subscriber.window === null) this.#audience.add(cursor.subscriber);
    else this.#windowed.add(cursor);
    if (this.behind === 0) this.recent.clear();
  }

  /** It isn't any more. */
  leave(cursor: RoomCursor): void {
    this.#audience.remove(cursor.subscriber);
    this.#windowed.delete(cursor);
  }

  forget(cursor: RoomCursor): void {
    this.#cursors.delete(cursor);
    if (this.behind === 0) this.recent.clear();
  }

  publish(committed: Committed): void {
    const { seq } = committed.entry;
    this.#tellArrivals(committed);
    this.#known = Math.max(this.#known, seq);
    if (!this.#isOpen || this.#repair !== null) return;
    // Read from the store already.
    if (seq <= this.#head) return;
    if (seq > this.#head + 1) {
      this.#early.keep(committed);
      return;
    }
    for (
      let next: Committed | undefined = committed;
      next !== undefined;
      next = this.#early.take(this.#head + 1)
    ) {
      this.#append(next);
    }
  }

  #repairHole(): void {
    this.#catchUp().catch((error: unknown) => this.#fail(error));
  }

  /** Nobody needs it any more. */
  close(): void {
    this.#early.clear();
    this.#followed?.end();
  }

  flush(): void {
    this.#scheduled = false;
    const entries = this.#entries;
    this.#delivered = this.#head;
    if (entries.length === 0) return;
    this.#entries = [];
    const tails = entries.map(({ tail }) => tail);
    // No header of an entry differs between the versions.
    if (this.#audience.size > 0) this.#audience.deliver(() => tails, OPCODES.text);
    for (const cursor of this.#windowed) cursor.offer(entries);
  }

  #append(committed: Committed): void {
    const { entry } = committed;
    this.#head = entry.seq;
    this.#epoch = committed.epoch;
    if (entry.type === 'message.deleted') {
      // What was encoded before holds its content still.
      this.#revision += 1;
      this.recent.clear();
    }
    if (this.#cursors.size === 0) {
      this.#delivered = this.#head;
      return;
    }
    const encoded = encodeEntry(committed);
    this.#entries.push(encoded);
    if (this.behind > 0) this.recent.push(encoded);
    if (!this.#scheduled) {
      this.#scheduled = true;
      this.#turn.addRoom(this);
    }
    this.#endThose(encoded);
  }

  /** Those whose last entry it is have it as their last; who is behind finds it in the log. */
  #endThose(encoded: EncodedEntry): void {
    const { type } = encoded.committed.entry;
    if (type !== 'member.left' && type !== 'room.deleted') return;
    this.flush();
    for (const cursor of this.#cursors) {
      // A window may just have kept it from getting this entry.
      if (cursor.isLive && cursor.isLastEntry(encoded)) cursor.end();
    }
  }

  #tellArrivals({ entry }: Committed): void {
    const { type } = entry;
    if (type !== 'member.left' && type !== 'member.joined' && type !== 'room.deleted') return;
    for (const arrival of this.#arrivals) {
      if (type === 'room.deleted') arrival.isRoomGone = true;
      else if (arrival.userId === entry.userId) arrival.leftAt = type === 'member.left' ? entry.seq : 0;
    }
  }

  #catchUp(): Promise<void> {
    this.#early.clear();
    this.#repair ??= this.#readMissing();
    return this.#repair;
  }

  async #readMissing(): Promise<void> {
    try {
      while (this.#head < this.#known) {
        const page = await this.#store.listEntries(this.roomId, this.#head, PAGE);
        for (const committed of page) {
          this.#tellArrivals(committed);
          if (committed.entry.seq !== this.#head + 1) continue;
          this.#append(committed);
          this.#onRead(committed);
        }
        if (page.length === 0) throw new Error(`room ${this.roomId}: nothing in the log after ${this.#head}`);
      }
    } finally {
      // In the same moment as the last look at what is known: whatever comes from here on is taken as it comes.
      this.#repair = null;
    }
  }

  /** The log can't be read: whoever is at its head would miss something without knowing it. */
  #fail(cause: unknown): void {
    const error = cause instanceof MaruError ? cause : new MaruError('internal', { cause });
    for (const cursor of this.#cursors) cursor.fail(error);
  }
}
