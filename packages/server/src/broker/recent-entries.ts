// The newest entries of a room, kept while somebody is behind: the last step of catching up needs no read of the log.
import type { EncodedEntry } from './encoded-entry.ts';

const ENTRIES = 256;
const OCTETS = 262_144;

/** Bound: 256 entries and 256 KiB of them; the oldest goes first. They stand right behind each other. */
export class RecentEntries {
  #entries: EncodedEntry[] = [];
  #octets = 0;

  push(entry: EncodedEntry): void {
    this.#entries.push(entry);
    this.#octets += entry.tail.length;
    if (this.#entries.length <= ENTRIES && this.#octets <= OCTETS) return;
    // A quarter at once: to take off the first one each time would move all the others.
    let gone = 0;
    while (gone < this.#entries.length && (gone < ENTRIES / 4 || this.#octets > OCTETS)) {
      this.#octets -= this.#entries[gone]?.tail.length ?? 0;
      gone += 1;
    }
    this.#entries = this.#entries.slice(gone);
  }

  /** All after that seq; `null` if older ones than are here come first. */
  after(seq: number): readonly EncodedEntry[] | null {
    const first = this.#entries[0]?.committed.entry.seq;
    if (first === undefined || first > seq + 1) return null;
    return this.#entries.slice(seq + 1 - first);
  }

  clear(): void {
    this.#entries = [];
    this.#octets = 0;
  }
}
