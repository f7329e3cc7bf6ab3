// The live set of one room: its subscribers at the head of the log, and the fan-out to them.
import type { Committed } from '../store/store.ts';
import type { Subscriber } from './broker.ts';
import { encodeOwnHead, encodeSharedTail, joinFrames } from './message-frame.ts';
import type { Flushable, Turn } from './turn.ts';

/** Subscribers whose MESSAGE frames are the same to the last octet: those with one `subscription` header line. */
type Group = { readonly ownHead: Buffer; readonly members: Set<Subscriber> };

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
  readonly #turn: Turn;
  readonly #groups = new Map<string, Group>();
  readonly #arrivals = new Set<Arrival>();
  #held: Committed[] | null = [];
  #tails: Buffer[] = [];
  #scheduled = false;
  #head = 0;
  #epoch = '';
  size = 0;

  constructor(roomId: string, turn: Turn) {
    this.roomId = roomId;
    this.#turn = turn;
  }

  get head(): number {
    return this.#head;
  }

  get epoch(): string {
    return this.#epoch;
  }

  /** Nobody subscribes and nobody is about to. */
  get idle(): boolean {
    return this.size === 0 && this.#arrivals.size === 0;
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
    let group = this.#groups.get(subscriber.headLine);
    if (group === undefined) {
      group = { ownHead: encodeOwnHead(subscriber.headLine), members: new Set() };
      this.#groups.set(subscriber.headLine, group);
    }
    group.members.add(subscriber);
    this.size += 1;
  }

  /** @returns whether it was in the set. */
  remove(subscriber: Subscriber): boolean {
    const group = this.#groups.get(subscriber.headLine);
    if (!group?.members.has(subscriber)) return false;
    // What came before it left is for it.
    this.flush();
    group.members.delete(subscriber);
    if (group.members.size === 0) this.#groups.delete(subscriber.headLine);
    this.size -= 1;
    return true;
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
    if (this.size > 0) this.#enqueue(committed);
    this.#follow(committed);
  }

  flush(): void {
    this.#scheduled = false;
    const tails = this.#tails;
    if (tails.length === 0) return;
    this.#tails = [];
    for (const { ownHead, members } of this.#groups.values()) {
      const frames = joinFrames(ownHead, tails);
      for (const { outlet } of members) outlet.enqueue(frames);
    }
  }

  #enqueue(committed: Committed): void {
    this.#tails.push(encodeSharedTail(committed));
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#turn.addRoom(this);
  }

  /** Keeps the set true to the log: whoever left gets their own `member.left` as the last entry. */
  #follow({ entry }: Committed): void {
    if (entry.type !== 'member.left' && entry.type !== 'member.joined') return;
    const left = entry.type === 'member.left';
    for (const arrival of this.#arrivals) {
      if (arrival.userId === entry.userId) arrival.leftAt = left ? entry.seq : 0;
    }
    if (!left) return;
    for (const { members } of [...this.#groups.values()]) {
      for (const subscriber of [...members]) {
        if (subscriber.userId === entry.userId && this.remove(subscriber)) subscriber.onEnded();
      }
    }
  }
}
