// One timer for all sessions: deadlines and heart-beats are looked at once a tick instead of by a timer each.

export interface Ticking {
  /** @param now milliseconds of a clock that never goes back. */
  tick(now: number): void;
}

/** Everything happens at most one tick late. A session costs one entry in a Set and no timer. */
export class Clock {
  readonly #all = new Set<Ticking>();
  readonly #timer: NodeJS.Timeout;
  now = performance.now();

  constructor(tickMs: number) {
    this.#timer = setInterval(() => {
      this.now = performance.now();
      for (const ticking of this.#all) ticking.tick(this.now);
    }, tickMs);
    // The clock alone is no reason for the process to live.
    this.#timer.unref();
  }

  get size(): number {
    return this.#all.size;
  }

  add(ticking: Ticking): void {
    this.#all.add(ticking);
  }

  remove(ticking: Ticking): void {
    this.#all.delete(ticking);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#all.clear();
  }
}
