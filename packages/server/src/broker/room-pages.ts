// Pages of rooms' logs for those who catch up: cursors at the same place share one read and one encoding.
import type { Store } from '../store/store.ts';
import type { Counts } from '../telemetry/counts.ts';
import { type EncodedEntry, encodeEntry } from './encoded-entry.ts';

/** Entries of a page; pages begin at multiples of it, so that cursors that are near each other read the same ones. */
export const PAGE = 64;

/**
 * A room that hears of every entry as it is published, as long as it is there: what was read for one isn't used for another.
 * `revision` changes when something was taken out of the log: a message deleted.
 */
export type Readable = { readonly roomId: string; readonly revision: number };

/** For whom something was read. */
type Moment = { readonly room: Readable; readonly revision: number };
type Page = Moment & { readonly entries: readonly EncodedEntry[]; readonly octets: number };
type Reading = Moment & { readonly page: Promise<Page> };

/**
 * Bound: whole pages are kept up to `limit` octets, the one used longest ago goes first; reads under way are bounded by who
 * waits for them, one for each session at most.
 */
export class RoomPages {
  readonly #store: Store;
  readonly #counts: Counts;
  readonly #limit: number;
  readonly #kept = new Map<string, Page>();
  readonly #reading = new Map<string, Reading>();
  #octets = 0;

  constructor(store: Store, counts: Counts, limit: number) {
    this.#store = store;
    this.#counts = counts;
    this.#limit = limit;
  }

  /**
   * The entries after that seq, in order, up to the end of the page that the next one is in; at least one.
   * Rejects as `Store.listEntries` does, and if there is none: whoever asks knows that the log goes on.
   */
  async after(room: Readable, seq: number): Promise<readonly EncodedEntry[]> {
    const number = Math.floor(seq / PAGE);
    const key = `${room.roomId} ${number}`;
    for (;;) {
      const kept = this.#use(key, room);
      if (kept !== undefined) return kept.entries.slice(seq - number * PAGE);
      // One that somebody else began may have ended before the entry that is wanted was there.
      const begun = this.#reading.get(key);
      const isShared = begun !== undefined && isOf(begun, room);
      const reading = isShared ? begun : this.#begin(room, number, key);
      const { entries } = await reading.page;
      // What was deleted meanwhile must not be told by a page that was read before.
      if (!isOf(reading, room)) continue;
      const rest = entries.slice(seq - number * PAGE);
      if (rest.length > 0) return rest;
      if (!isShared) throw new Error(`room ${room.roomId}: nothing in the log after ${seq}`);
    }
  }

  #begin(room: Readable, number: number, key: string): Reading {
    const { revision } = room;
    const reading: Reading = { page: this.#read(room, number), room, revision };
    this.#reading.set(key, reading);
    const done = (page: Page | null): void => {
      if (this.#reading.get(key) !== reading) return;
      this.#reading.delete(key);
      // One that isn't full yet goes on growing.
      if (page?.entries.length === PAGE) this.#keep(key, page);
    };
    // Whoever waits for the page is told of what went wrong.
    reading.page.then(done, () => done(null));
    return reading;
  }

  async #read(room: Readable, number: number): Promise<Page> {
    const { revision } = room;
    this.#counts.pagesRead += 1;
    const committed = await this.#store.listEntries(room.roomId, number * PAGE, PAGE);
    const entries = committed.map(encodeEntry);
    let octets = 0;
    for (const { tail } of entries) octets += tail.length;
    return { entries, octets, room, revision };
  }

  /** Moves it to the end of those that go first. */
  #use(key: string, room: Readable): Page | undefined {
    const page = this.#kept.get(key);
    if (page === undefined) return undefined;
    this.#forget(key, page);
    if (!isOf(page, room)) return undefined;
    this.#keep(key, page);
    return page;
  }

  #keep(key: string, page: Page): void {
    const old = this.#kept.get(key);
    if (old !== undefined) this.#forget(key, old);
    this.#kept.set(key, page);
    this.#octets += page.octets;
    for (const [oldest, first] of this.#kept) {
      if (this.#octets <= this.#limit) break;
      this.#forget(oldest, first);
    }
  }

  #forget(key: string, page: Page): void {
    this.#kept.delete(key);
    this.#octets -= page.octets;
  }
}

function isOf({ room, revision }: Moment, asking: Readable): boolean {
  return room === asking && revision === asking.revision;
}
