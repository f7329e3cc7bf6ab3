// One subscription to a room's log: a place in it, and what brings it forward.
import { MaruError } from '@maru/contract';
import type { Subscriber } from './broker.ts';
import type { Waiter } from './catch-up-turns.ts';
import { CURSOR_STATES, type CursorEvent, type CursorState } from './cursor-states.ts';
import type { EncodedEntry } from './encoded-entry.ts';
import { encodeOwnHead, joinFrames, messageIdOf } from './message-frame.ts';
import type { RoomChannel } from './room-channel.ts';
import type { RoomPages } from './room-pages.ts';

/** Where it begins. */
export type Begin = {
  /** The entries after it are for this subscription. */
  readonly position: number;
  /** seq of the `member.joined` that it rests on: of what came before, nothing ends it. */
  readonly joinedSeq: number;
};

/**
 * States and events: `CURSOR_STATES`. Bound: what it has on its way is its window's, or past the session's outbound bound
 * one page; what it has not reached yet is in the log.
 */
export class RoomCursor implements Waiter {
  readonly subscriber: Subscriber;
  readonly #room: RoomChannel;
  readonly #pages: RoomPages;
  readonly #joinedSeq: number;
  #state: CursorState = 'paused';
  /** seq of the last entry delivered. While it is live without a window, the room knows that of all alike. */
  #position: number;

  constructor(room: RoomChannel, pages: RoomPages, subscriber: Subscriber, begin: Begin) {
    this.#room = room;
    this.#pages = pages;
    this.subscriber = subscriber;
    this.#position = begin.position;
    this.#joinedSeq = begin.joinedSeq;
  }

  get isLive(): boolean {
    return this.#state === 'live';
  }

  /** From here on it is delivered to: at once at the head, else when its turn comes. */
  begin(): void {
    this.#room.enter(this);
    this.subscriber.outlet.turns.enter(this);
    if (this.#places === 0) return;
    if (this.#isAtHead()) {
      this.#state = 'live';
      this.#room.join(this);
    } else {
      this.#on('room');
    }
  }

  full(): void {
    this.#on('full');
  }

  /** Places of its window have become free, or of its session's outbound bound. */
  resume(): void {
    if (this.#places > 0) this.#on('room');
  }

  /** Live entries, for one that has a window: who has none is delivered to with all others alike. */
  offer(entries: readonly EncodedEntry[]): void {
    const taken = entries.slice(0, this.#places);
    this.#deliver(taken);
    if (taken.length < entries.length) this.#on('full');
  }

  async takeTurn(): Promise<void> {
    if (this.#state !== 'catching-up') return;
    if (this.#places === 0) return this.#on('full');
    if (this.#isAtHead()) return this.#on('head');
    try {
      const entries =
        this.#room.recent.after(this.#position) ?? (await this.#pages.after(this.#room, this.#position));
      if (this.#state === 'catching-up') this.#takePage(entries);
    } catch (error) {
      this.fail(error instanceof MaruError ? error : new MaruError('internal', { cause: error }));
    }
  }

  /** Delivers no more, and says nothing. */
  close(): void {
    this.#on('over');
  }

  /** Its last entry has been delivered. */
  end(): void {
    if (this.#state === 'closed') return;
    this.#on('over');
    this.subscriber.onEnded();
  }

  fail(error: MaruError): void {
    if (this.#state === 'closed') return;
    this.#on('over');
    this.subscriber.onFailed(error);
  }

  /** How many entries may go now. */
  get #places(): number {
    const { outlet, window } = this.subscriber;
    return outlet.isFull ? 0 : (window?.free ?? Number.POSITIVE_INFINITY);
  }

  #isAtHead(): boolean {
    // What waits for the end of the turn goes to those who are in the set already.
    this.#room.flush();
    return this.#position >= this.#room.head;
  }

  #takePage(entries: readonly EncodedEntry[]): void {
    // The log has what is committed and not published yet: that comes live. What came after its last entry isn't for it.
    const places = this.#places;
    const due: EncodedEntry[] = [];
    let isLast = false;
    for (const entry of entries) {
      const { seq } = entry.committed.entry;
      if (seq > this.#room.head || due.length >= places || isLast) break;
      due.push(entry);
      isLast = this.isLastEntry(entry);
    }
    this.#deliver(due);
    if (isLast) this.end();
    else if (this.#places === 0) this.#on('full');
    else if (this.#isAtHead()) this.#on('head');
    else this.subscriber.outlet.turns.ask(this);
  }

  /** Nothing after it is for this subscription: the own `member.left`, or `room.deleted`. */
  isLastEntry({ committed: { entry } }: EncodedEntry): boolean {
    if (entry.type === 'room.deleted') return true;
    return (
      entry.type === 'member.left' && entry.userId === this.subscriber.userId && entry.seq > this.#joinedSeq
    );
  }

  #deliver(entries: readonly EncodedEntry[]): void {
    const last = entries.at(-1);
    if (last === undefined) return;
    const { window, headLine, outlet, opcode } = this.subscriber;
    if (window === null) {
      const tails = entries.map(({ tail }) => tail);
      outlet.enqueue(joinFrames(encodeOwnHead(headLine), tails, opcode));
    } else {
      for (const { committed, tail } of entries) {
        const ownHead = encodeOwnHead(headLine + window.take(messageIdOf(committed)));
        outlet.enqueue(joinFrames(ownHead, [tail], opcode));
      }
    }
    this.#room.counts.messagesDelivered += entries.length;
    this.#position = last.committed.entry.seq;
  }

  #on(event: CursorEvent): void {
    const from = this.#state;
    const to = CURSOR_STATES[from][event];
    this.#state = to;
    if (from === to) return;
    const { turns } = this.subscriber.outlet;
    if (from === 'live') {
      if (this.subscriber.window === null) this.#position = this.#room.delivered;
      this.#room.leave(this);
    }
    if (to === 'live') this.#room.join(this);
    if (to === 'catching-up') turns.ask(this);
    if (to === 'closed') {
      turns.leave(this);
      this.#room.forget(this);
    }
  }
}
