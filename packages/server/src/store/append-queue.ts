// The group commit queue: every write that came while the last batch ran goes into the next one.
import { MaruError } from '@maru/contract';

/** What one write of a batch came to. */
export type Outcome<Result> = { readonly value: Result } | { readonly error: MaruError };

export type AppendQueueOptions<Write, Result> = {
  /**
   * Makes a batch durable and answers one outcome per write, in order. It rejects only when the database is gone for
   * good: a failure that later writes may survive belongs in the outcomes.
   */
  readonly commit: (batch: readonly Write[]) => Promise<readonly Outcome<Result>[]>;
  /** Most writes in one batch: bounds how long one transaction runs, and so how long the first of them waits. */
  readonly batchLimit: number;
  /** Most writes accepted and not yet answered, those of the running batch included. */
  readonly queueLimit: number;
};

type Pending<Write, Result> = PromiseWithResolvers<Result> & { readonly write: Write };

/**
 * States, and what `enqueue` does in each:
 *
 *   idle        nothing waits, no batch runs         → starts the loop at the end of this microtask turn
 *   committing  one batch runs, 0 … N writes wait    → waits, or `overloaded` if `queueLimit` writes are pending
 *   draining    close() was called, the rest commits → `going-away`
 *   closed      drained                              → `going-away`
 *   failed      commit() rejected                    → `internal`, and so did every pending write
 *
 * Never more than one batch runs: it is what keeps the order of calls the order of commits. Every accepted write
 * settles exactly once, in the order of the calls.
 */
export class AppendQueue<Write, Result> {
  readonly #options: AppendQueueOptions<Write, Result>;
  readonly #waiting: Pending<Write, Result>[] = [];
  readonly #drained = Promise.withResolvers<void>();
  #inFlight = 0;
  #running = false;
  #closing = false;
  #failure: { readonly cause: unknown } | undefined;

  constructor(options: AppendQueueOptions<Write, Result>) {
    this.#options = options;
  }

  get pending(): number {
    return this.#waiting.length + this.#inFlight;
  }

  enqueue(write: Write): Promise<Result> {
    if (this.#failure !== undefined) return Promise.reject(new MaruError('internal', this.#failure));
    if (this.#closing) return Promise.reject(new MaruError('going-away'));
    if (this.pending >= this.#options.queueLimit) return Promise.reject(new MaruError('overloaded'));
    const pending: Pending<Write, Result> = { write, ...Promise.withResolvers<Result>() };
    this.#waiting.push(pending);
    if (!this.#running) {
      this.#running = true;
      // Not at once: frames that came in one read of a socket are to share a batch.
      queueMicrotask(() => this.#run());
    }
    return pending.promise;
  }

  /** Refuses new writes; resolves when all accepted ones are settled. */
  close(): Promise<void> {
    this.#closing = true;
    if (!this.#running) this.#drained.resolve();
    return this.#drained.promise;
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, this.#options.batchLimit);
      this.#inFlight = batch.length;
      try {
        const outcomes = await this.#options.commit(batch.map(({ write }) => write));
        this.#inFlight = 0;
        settle(batch, outcomes);
      } catch (cause) {
        this.#inFlight = 0;
        this.#fail(batch, cause);
      }
    }
    this.#running = false;
    if (this.#closing) this.#drained.resolve();
  }

  #fail(batch: readonly Pending<Write, Result>[], cause: unknown): void {
    this.#failure = { cause };
    for (const { reject } of [...batch, ...this.#waiting.splice(0)]) {
      reject(new MaruError('internal', { cause }));
    }
  }
}

function settle<Write, Result>(
  batch: readonly Pending<Write, Result>[],
  outcomes: readonly Outcome<Result>[],
): void {
  if (outcomes.length !== batch.length) {
    throw new Error(`a batch of ${batch.length} writes came to ${outcomes.length} outcomes`);
  }
  for (const [index, { resolve, reject }] of batch.entries()) {
    const outcome = outcomes[index];
    if (outcome === undefined) reject(new MaruError('internal'));
    else if ('error' in outcome) reject(outcome.error);
    else resolve(outcome.value);
  }
}
