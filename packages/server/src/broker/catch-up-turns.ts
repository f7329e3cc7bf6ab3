// Who of those behind reads on next: within a session its subscriptions in turn, and of all sessions a few at a time.

/** A subscription that may be behind. None of its methods throws or rejects. */
export interface Waiter {
  /** Reads one page on, if it is behind and there is a place for more. */
  takeTurn(): Promise<void>;
  /** The session has no place for more. */
  full(): void;
  /** It has again. */
  resume(): void;
}

/** Pages of all sessions that one turn of the event loop hands out: what is live passes between them. */
const PAGES_A_TURN = 16;

/**
 * Hands out turns in the order in which they were asked for. Bound: whoever waits does so once, and there are no more of
 * them than sessions.
 */
export class Pace {
  #waiting: (() => void)[] = [];
  #scheduled = false;

  next(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#scheduled) return;
      this.#scheduled = true;
      setImmediate(this.#run);
    });
  }

  readonly #run = (): void => {
    const now = this.#waiting.slice(0, PAGES_A_TURN);
    this.#waiting = this.#waiting.slice(PAGES_A_TURN);
    this.#scheduled = this.#waiting.length > 0;
    if (this.#scheduled) setImmediate(this.#run);
    for (const go of now) go();
  };
}

/**
 * The turns of one session's subscriptions, round and round: one page is read for a session at a time, so what it has in
 * memory past its bound is one page, and a busy room doesn't keep the others waiting.
 * Bound: each subscription stands in the queue at most once.
 */
export class CatchUpTurns {
  readonly #pace: Pace;
  readonly #waiters = new Set<Waiter>();
  readonly #queue = new Set<Waiter>();
  #running = false;

  constructor(pace: Pace) {
    this.#pace = pace;
  }

  enter(waiter: Waiter): void {
    this.#waiters.add(waiter);
  }

  leave(waiter: Waiter): void {
    this.#waiters.delete(waiter);
    this.#queue.delete(waiter);
  }

  /** It is behind, and may read on when its turn has come. */
  ask(waiter: Waiter): void {
    this.#queue.add(waiter);
    if (this.#running) return;
    this.#running = true;
    void this.#run();
  }

  full(): void {
    for (const waiter of this.#waiters) waiter.full();
  }

  resume(): void {
    for (const waiter of this.#waiters) waiter.resume();
  }

  async #run(): Promise<void> {
    while (this.#queue.size > 0) {
      await this.#pace.next();
      const [next] = this.#queue;
      if (next === undefined) break;
      this.#queue.delete(next);
      await next.takeTurn();
    }
    this.#running = false;
  }
}
