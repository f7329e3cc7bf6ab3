// What was opened is closed: in reverse order, clients sent away first, also if opening or closing a part fails.

type End = () => Promise<void>;

/** The ends of what is open so far. */
export type Opened = {
  /** Called at the end; what was opened last is closed first. */
  close(end: End): void;
  /** Called before anything closes: clients get their Close frame while their sockets are still whole. */
  drain(end: End): void;
};

/** Started once, closed once. `Result` is what `open` resolves with. */
export class Lifecycle<Result> {
  readonly #open: (opened: Opened) => Promise<Result>;
  readonly #draining: End[] = [];
  readonly #closing: End[] = [];
  #started: Promise<Result> | undefined;
  #closed: Promise<void> | undefined;

  constructor(open: (opened: Opened) => Promise<Result>) {
    this.#open = open;
  }

  /** Rejects as `open` does, after all that it had opened is closed. */
  start(): Promise<Result> {
    if (this.#closed !== undefined)
      return Promise.reject(new Error('it was closed; create another to start'));
    if (this.#started !== undefined) return Promise.reject(new Error('it was started before'));
    this.#started = this.#openAll();
    return this.#started;
  }

  /** May be called again, and while it starts. Rejects if a part could not be closed; the others are closed then. */
  close(): Promise<void> {
    this.#closed ??= this.#closeAll();
    return this.#closed;
  }

  async #openAll(): Promise<Result> {
    try {
      return await this.#open({
        close: (end) => this.#closing.push(end),
        drain: (end) => this.#draining.push(end),
      });
    } catch (error) {
      await this.#endAll().catch((failure: unknown) => {
        throw new AggregateError([error, failure], 'it could not start, and a part could not be closed');
      });
      throw error;
    }
  }

  async #closeAll(): Promise<void> {
    // Whoever started it is told why it failed.
    await Promise.allSettled([this.#started]);
    await this.#endAll();
  }

  async #endAll(): Promise<void> {
    const ends = [...this.#draining.splice(0), ...this.#closing.splice(0).reverse()];
    const failures: unknown[] = [];
    for (const end of ends) await end().catch((error: unknown) => failures.push(error));
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, 'several parts could not be closed');
  }
}
