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
  /**
   * Most weight in one batch: bounds how long one transaction runs, and so how long the first of them waits. A write
   * that weighs more makes a batch of its own.
   */
  readonly batchLimit: number;
  /** Most weight accepted and not yet answered, that of the running batch included. A heavier write never gets in. */
  readonly queueLimit: number;
};

type Pending<Write, Result> = PromiseWithResolvers<Result> & {
  readonly write: Write;
  readonly weight: number;
};

/**
 * States, and what `enqueue` does in each:
 *
 *   idle        nothing waits, no batch runs         → starts the loop at the end of this microtask turn
 *   committing  one batch runs, 0 … N writes wait    → waits
 *   draining    close() was called, the rest commits → `going-away`
 *   closed      drained                              → `going-away`
 *   failed      commit() rejected                    → `internal`, and so did every pending write
 *
 * In the first two: `overloaded` for a write that, with all that is pending, weighs more than `queueLimit`.
 *
 * Never more than one batch runs: it is what keeps the order of calls the order of commits. Every accepted write
 * settles exactly once, in the order of the calls.
 */
export class AppendQueue<Write, Result> {
  readonly #options: AppendQueueOptions<Write, Result>;
  readonly #waiting: Pending<Write, Result>[] = [];
  readonly #drained = Promise.withResolvers<void>();
  #pending = 0;
  #running = false;
  #closing = false;
  #failure: { readonly cause: unknown } | undefined;

  constructor(options: AppendQueueOptions<Write, Result>) {
    this.#options = options;
  }

  /** The weight accepted and not yet answered. */
  get pending(): number {
    return this.#pending;
  }

  /** `weight`: how many writes of one row it is worth, for both limits. */
  enqueue(write: Write, weight = 1): Promise<Result> {
    if (this.#failure !== undefined) return Promise.reject(new MaruError('internal', this.#failure));
    if (this.#closing) return Promise.reject(new MaruError('going-away'));
    if (this.#pending + weight > this.#options.queueLimit) {
      return Promise.reject(new MaruError('overloaded'));
    }
    this.#pending += weight;
    const pending: Pending<Write, Result> = { write, weight, ...Promise.withResolvers<Result>() };
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
      const { batch, weight } = this.#takeBatch();
      try {
        const outcomes = await this.#options.commit(batch.map(({ write }) => write));
        this.#pending -= weight;
        settle(batch, outcomes);
      } catch (cause) {
        this.#fail(batch, cause);
      }
    }
    this.#running = false;
    if (this.#closing) this.#drained.resolve();
  }

  /** As many of those that wait, in order, as the limit allows; at least one. */
  #takeBatch(): { readonly batch: readonly Pending<Write, Result>[]; readonly weight: number } {
    let count = 0;
    let weight = 0;
    for (const waiting of this.#waiting) {
      if (count > 0 && weight + waiting.weight > this.#options.batchLimit) break;
      count += 1;
      weight += waiting.weight;
    }
    return { batch: this.#waiting.splice(0, count), weight };
  }

  #fail(batch: readonly Pending<Write, Result>[], cause: unknown): void {
    this.#failure = { cause };
    this.#pending = 0;
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
