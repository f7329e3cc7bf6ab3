// A subscription that acknowledges, as a cursor on its room's log: live while its window has places, else it waits in the log.
import { MaruError } from '@maru/contract';
import type { Committed, Store } from '../store/store.ts';
import type { DeliveryWindow, Subscriber } from './broker.ts';
import { encodeOwnHead, encodeSharedTail, joinFrames, messageIdOf } from './message-frame.ts';
import type { RoomChannel } from './room-channel.ts';

/** Entries read at a time: a page is at most this many times the longest content in memory. */
const PAGE = 64;

/** An entry as the live set has encoded it. */
export type LiveEntry = { readonly committed: Committed; readonly tail: Buffer };

/**
 * | state | an entry comes live | places become free | the page is read | unsubscribe |
 * |---|---|---|---|---|
 * | *live* (at the head) | delivered; without a place → *paused* | – | – | → *closed* |
 * | *paused* (behind) | left in the log | → *reading* | – | → *closed* |
 * | *reading* | left in the log | the page goes on | delivered; at the head → *live*, without a place → *paused*, else the next page | → *closed* |
 * | *closed* | nothing | nothing | dropped | nothing |
 *
 * The own `member.left`, met in whatever state, is delivered and closes. Bound: what is on its way is the window's, what
 * is in memory besides is one page.
 */
export class RoomCursor {
  readonly subscriber: Subscriber;
  readonly #window: DeliveryWindow;
  readonly #channel: RoomChannel;
  readonly #store: Store;
  #state: 'live' | 'paused' | 'reading' | 'closed' = 'live';
  /** seq of the last entry delivered. */
  #position: number;

  constructor(channel: RoomChannel, store: Store, subscriber: Subscriber, window: DeliveryWindow) {
    this.#channel = channel;
    this.#store = store;
    this.subscriber = subscriber;
    this.#window = window;
    this.#position = channel.head;
  }

  /** Entries of the live set, right behind each other. */
  offer(entries: readonly LiveEntry[]): void {
    for (const { committed, tail } of entries) {
      if (this.#state !== 'live') return;
      // A rejoining cursor has read some of them already.
      if (committed.entry.seq <= this.#position) continue;
      if (this.#window.free === 0) this.#state = 'paused';
      else this.#deliver(committed, tail);
    }
  }

  resume(): void {
    if (this.#state !== 'paused' || this.#window.free === 0) return;
    this.#state = 'reading';
    this.#catchUp().catch((error: unknown) => {
      if (this.#state === 'closed') return;
      this.close();
      this.subscriber.onFailed(
        error instanceof MaruError ? error : new MaruError('internal', { cause: error }),
      );
    });
  }

  close(): void {
    this.#state = 'closed';
    this.#channel.removeCursor(this);
  }

  async #catchUp(): Promise<void> {
    while (this.#state === 'reading') {
      // Past the head: the log has what is committed and not published yet, and `offer` will pass over it.
      if (this.#position >= this.#channel.head) {
        this.#state = 'live';
      } else if (this.#window.free === 0) {
        this.#state = 'paused';
      } else {
        await this.#readPage();
      }
    }
  }

  async #readPage(): Promise<void> {
    const { roomId } = this.#channel;
    const page = await this.#store.listEntries(roomId, this.#position, Math.min(this.#window.free, PAGE));
    // What was published is committed: a log that ends before its head has lost entries.
    if (page.length === 0) throw new Error(`room ${roomId}: nothing in the log after ${this.#position}`);
    for (const committed of page) {
      if (this.#state !== 'reading') return;
      this.#deliver(committed, encodeSharedTail(committed));
    }
  }

  #deliver(committed: Committed, tail: Buffer): void {
    const { entry } = committed;
    const ownHead = encodeOwnHead(this.subscriber.headLine + this.#window.take(messageIdOf(committed)));
    this.subscriber.outlet.enqueue(joinFrames(ownHead, [tail], this.subscriber.opcode));
    this.#channel.counts.messagesDelivered += 1;
    this.#position = entry.seq;
    if (entry.type !== 'member.left' || entry.userId !== this.subscriber.userId) return;
    this.close();
    this.subscriber.onEnded();
  }
}
