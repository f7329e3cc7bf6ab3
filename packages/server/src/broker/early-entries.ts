// Entries that came before one that is missing: on a bus with several writers that is usual, and soon over.
import type { Committed } from '../store/store.ts';

/** Most entries kept, and for how long the missing one is waited for. */
const LIMIT = 64;
const WAIT_MS = 50;

/**
 * States: *empty*; *waiting* (some are kept, a timer runs). The timer, or one entry too many: `onHole` is called once, and
 * what was kept is forgotten, for the log has it.
 */
export class EarlyEntries {
  readonly #entries = new Map<number, Committed>();
  readonly #onHole: () => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(onHole: () => void) {
    this.#onHole = onHole;
  }

  keep(committed: Committed): void {
    if (this.#entries.size === LIMIT) return this.#giveUp();
    this.#entries.set(committed.entry.seq, committed);
    this.#timer ??= setTimeout(() => this.#giveUp(), WAIT_MS);
  }

  /** The entry with this seq, if it is here. */
  take(seq: number): Committed | undefined {
    const committed = this.#entries.get(seq);
    if (committed === undefined) return undefined;
    this.#entries.delete(seq);
    if (this.#entries.size === 0) this.clear();
    return committed;
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#entries.clear();
  }

  #giveUp(): void {
    this.clear();
    this.#onHole();
  }
}
