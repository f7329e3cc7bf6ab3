// How long to wait before the next try: exponential with full jitter.

export type BackoffOptions = {
  readonly baseMs?: number;
  readonly capMs?: number;
  /** A connection that held this long was a good one: the next wait is a first wait again. */
  readonly stableMs?: number;
  /** In [0, 1). */
  readonly random?: () => number;
};

/** A server's hint is obeyed up to this; beyond, it is more likely a mistake than a plan. */
export const MAX_RETRY_AFTER_MS = 5 * 60_000;

export class Backoff {
  readonly #baseMs: number;
  readonly #capMs: number;
  readonly #stableMs: number;
  readonly #random: () => number;
  #attempts = 0;
  #openedAt: number | null = null;

  constructor(options: BackoffOptions = {}) {
    this.#baseMs = options.baseMs ?? 1_000;
    this.#capMs = options.capMs ?? 30_000;
    this.#stableMs = options.stableMs ?? 10_000;
    this.#random = options.random ?? Math.random;
  }

  /** Tries since the last stable connection. */
  get attempts(): number {
    return this.#attempts;
  }

  opened(now: number): void {
    this.#openedAt = now;
  }

  isStable(now: number): boolean {
    return this.#openedAt !== null && now - this.#openedAt >= this.#stableMs;
  }

  /**
   * The wait in milliseconds. The first one is jittered too: all who were cut off by one restart would otherwise come
   * back in the same moment. A hint of the server is the least wait, with the jitter on top.
   */
  next(now: number, retryAfterMs = 0): number {
    if (this.isStable(now)) this.#attempts = 0;
    this.#openedAt = null;
    const ceiling = Math.min(this.#capMs, this.#baseMs * 2 ** this.#attempts);
    this.#attempts += 1;
    return Math.min(retryAfterMs, MAX_RETRY_AFTER_MS) + Math.floor(this.#random() * ceiling);
  }
}
