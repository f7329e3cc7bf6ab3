// Says that somebody types, no oftener than it is worth hearing.

/** Whoever hears it may count on the next within this time, as long as there is typing. */
export const TYPING_EVERY_MS = 3_000;

/** Bound: one time for each room written to within `TYPING_EVERY_MS`. */
export class TypingNotices {
  readonly #now: () => number;
  readonly #saidAt = new Map<string, number>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** Whether it is to be said now; it then counts as said. */
  isDue(roomId: string): boolean {
    const now = this.#now();
    for (const [room, at] of this.#saidAt) if (now - at >= TYPING_EVERY_MS) this.#saidAt.delete(room);
    if (this.#saidAt.has(roomId)) return false;
    this.#saidAt.set(roomId, now);
    return true;
  }

  /** What was typed has been sent: the next letter is news. */
  forget(roomId: string): void {
    this.#saidAt.delete(roomId);
  }
}
