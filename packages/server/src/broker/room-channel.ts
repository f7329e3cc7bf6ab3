// The live set of one room: its subscribers at the head of the log, and the fan-out to them.
import type { Committed } from '../store/store.ts';
import type { Counts } from '../telemetry/counts.ts';
import { Audience } from './audience.ts';
import type { Subscriber } from './broker.ts';
import { encodeSharedTail } from './message-frame.ts';
import type { LiveEntry, RoomCursor } from './room-cursor.ts';
import type { Flushable, Turn } from './turn.ts';
import { OPCODES } from './websocket-frame.ts';

/** Somebody whose membership is being read. What the log says of them meanwhile counts more than what was read. */
export type Arrival = {
  readonly userId: string /** seq of their last `member.left` heard, 0 for none. */;
  leftAt: number;
};

/**
 * States: *opening* (the head isn't known; entries are held) → *live*. Held entries are bounded by what is committed
 * during one read of the store; entries of a turn by what one turn commits (the store's batch cap per commit).
 * The order of entries is checked once per room, here, not per subscriber.
 */
export class RoomChannel implements Flushable {
  readonly roomId: string;
  readonly counts: Counts;
  readonly #turn: Turn;
  readonly #audience: Audience;
  /** Every cursor on the room, also one that waits in the log: each knows what of the live entries is for it. */
  readonly #cursors = new Set<RoomCursor>();
  readonly #arrivals = new Set<Arrival>();
  #held: Committed[] | null = [];
  #entries: LiveEntry[] = [];
  #scheduled = false;
  #head = 0;
  #epoch = '';

  constructor(roomId: string, turn: Turn, counts: Counts) {
    this.roomId = roomId;
    this.counts = counts;
    this.#turn = turn;
    this.#audience = new Audience(counts);
  }

  get head(): number {
    return this.#head;
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** Nobody subscribes and nobody is about to. */
  get idle(): boolean {
    return this.#audience.size === 0 && this.#cursors.size === 0 && this.#arrivals.size === 0;
  }

  arrive(userId: string): Arrival {
    const arrival = { userId, leftAt: 0 };
    this.#arrivals.add(arrival);
    return arrival;
  }

  depart(arrival: Arrival): void {
    this.#arrivals.delete(arrival);
  }

  /** The head as the store read it; entries heard since follow. Of several openings the first counts. */
  open(head: number, epoch: string): void {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    this.#head = head;
    this.#epoch = epoch;
    for (const committed of held) this.publish(committed);
  }

  add(subscriber: Subscriber): void {
    // What came before this subscriber is not for it.
    this.flush();
    this.#audience.add(subscriber);
  }

  /** @returns whether it was in the set. */
  remove(subscriber: Subscriber): boolean {
    if (!this.#audience.has(subscriber)) return false;
    // What came before it left is for it.
    this.flush();
    this.#audience.remove(subscriber);
    return true;
  }

  addCursor(cursor: RoomCursor): void {
    this.flush();
    this.#cursors.add(cursor);
  }

  removeCursor(cursor: RoomCursor): void {
    this.#cursors.delete(cursor);
  }

  publish(committed: Committed): void {
    if (this.#held !== null) {
      this.#follow(committed);
      this.#held.push(committed);
      return;
    }
    const { seq } = committed.entry;
    // Read from the store already when the channel opened.
    if (seq <= this.#head) return;
    if (seq !== this.#head + 1) throw new Error(`room ${this.roomId}: entry ${seq} came after ${this.#head}`);
    this.#head = seq;
    this.#epoch = committed.epoch;
    if (this.#audience.size + this.#cursors.size > 0) this.#enqueue(committed);
    this.#follow(committed);
  }

  flush(): void {
    this.#scheduled = false;
    const entries = this.#entries;
    if (entries.length === 0) return;
    this.#entries = [];
    const tails = entries.map(({ tail }) => tail);
    // No header of an entry differs between the versions.
    if (this.#audience.size > 0) this.#audience.deliver(() => tails, OPCODES.text);
    for (const cursor of this.#cursors) cursor.offer(entries);
  }

  #enqueue(committed: Committed): void {
    this.#entries.push({ committed, tail: encodeSharedTail(committed) });
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#turn.addRoom(this);
  }

  /** Keeps the set true to the log: whoever left gets their own `member.left` as the last entry. Cursors see to it themselves. */
  #follow({ entry }: Committed): void {
    if (entry.type !== 'member.left' && entry.type !== 'member.joined') return;
    const left = entry.type === 'member.left';
    for (const arrival of this.#arrivals) {
      if (arrival.userId === entry.userId) arrival.leftAt = left ? entry.seq : 0;
    }
    if (!left) return;
    for (const subscriber of this.#audience.of(entry.userId)) {
      if (this.remove(subscriber)) subscriber.onEnded();
    }
  }
}
