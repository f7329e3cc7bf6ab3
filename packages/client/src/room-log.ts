// Merges pages of a room's history with its live entries: each seq once, ascending, no message left out.

type Numbered = { readonly seq: number };

/**
 * While it fills (from `beginFill` to `completeFill`), live entries are held back and history is delivered; afterwards
 * live entries pass. Every method returns what is to be delivered now, in order.
 *
 * Why pages stop at the head: history has messages only, the live log has every entry. Beyond the head of the
 * subscription everything comes live; a message taken from a page there would overtake an entry that is still held.
 */
export class RoomLog<Entry extends Numbered> {
  readonly #held = new Map<number, Entry>();
  #filling = true;
  #last: number | null = null;

  /** The seq up to which all is delivered; `null` before the first fill. */
  get last(): number | null {
    return this.#last;
  }

  get filling(): boolean {
    return this.#filling;
  }

  /** While it fills: the last seq that is missing before the first held entry; `null` if none is held. */
  get holeEnd(): number | null {
    return this.#filling && this.#held.size > 0 ? Math.min(...this.#held.keys()) - 1 : null;
  }

  /** A new subscription begins; what an older one held back comes again, from history. */
  beginFill(): void {
    this.#filling = true;
    this.#held.clear();
  }

  /** Nothing of what was delivered counts any more: the seqs of another log-epoch mean something else. */
  reset(): void {
    this.#last = null;
  }

  addPage(messages: readonly Entry[], head: number): Entry[] {
    return this.#deliver(messages.filter((message) => message.seq <= head));
  }

  /** All of the log up to `head` has been delivered, or is not for us to see. */
  completeFill(head: number): Entry[] {
    this.#last = Math.max(this.#last ?? 0, head);
    this.#filling = false;
    const held = [...this.#held.values()].sort((a, b) => a.seq - b.seq);
    this.#held.clear();
    return held.flatMap((entry) => this.addLive(entry));
  }

  /** A live entry beyond a hole is held, and filling begins again: see `filling`. */
  addLive(entry: Entry): Entry[] {
    if (!this.#filling && this.#last !== null && entry.seq > this.#last + 1) this.#filling = true;
    if (this.#filling) {
      this.#held.set(entry.seq, entry);
      return [];
    }
    return this.#deliver([entry]);
  }

  #deliver(entries: readonly Entry[]): Entry[] {
    const fresh: Entry[] = [];
    for (const entry of entries) {
      if (this.#last !== null && entry.seq <= this.#last) continue;
      this.#last = entry.seq;
      fresh.push(entry);
    }
    return fresh;
  }
}
