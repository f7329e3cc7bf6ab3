// Whether the storage works: red from the first failure on, green again when a write got through.
import type { MaruError } from '@maru/contract';
import { STORAGE_FAULTS, StorageError } from './storage-fault.ts';

/** What is wrong with the storage: in words for an operator, and the error that showed it. */
export type StorageTrouble = { readonly problem: string; readonly error: MaruError };

export type StorageHealthOptions = {
  /** Rejects while the storage fails. Never called while one runs. */
  readonly probe: () => Promise<unknown>;
  /** Milliseconds from a failure to the first probe; twice as long after each that fails, up to eight times. */
  readonly probeMs: number;
  /** Called at each change; `null`: it works again. */
  readonly onChange: (trouble: StorageTrouble | null) => void;
};

const LONGEST_WAIT = 8;

/**
 * | state | a failure of the disk | a damaged page | a probe |
 * |---|---|---|---|
 * | *sound* | → *troubled* | → *damaged* | – |
 * | *troubled* | stays; the newest problem counts | → *damaged* | passes → *sound*; fails → the next one, later |
 * | *damaged* | stays | stays | – |
 * | *closed* | – | – | – |
 *
 * Only a probe makes it *sound*, not a write that happens to get through: so it changes once a `probeMs` at most.
 * *damaged* is for good: what a page lost doesn't come back while the process lives.
 */
export class StorageHealth {
  readonly #options: StorageHealthOptions;
  #state: 'sound' | 'troubled' | 'damaged' | 'closed' = 'sound';
  #trouble: StorageTrouble | null = null;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StorageHealthOptions) {
    this.#options = options;
  }

  get trouble(): StorageTrouble | null {
    return this.#trouble;
  }

  /** Takes note of an error of the store; those that aren't the storage's say nothing. */
  observe(error: MaruError): void {
    if (error.code !== 'storage-unavailable' || !(error.cause instanceof StorageError)) return;
    if (this.#state === 'damaged' || this.#state === 'closed') return;
    const { problem, of } = STORAGE_FAULTS[error.cause.fault];
    const isNews = problem !== this.#trouble?.problem;
    if (of === 'page') {
      clearTimeout(this.#timer);
      this.#state = 'damaged';
    } else if (this.#state === 'sound') {
      this.#state = 'troubled';
      this.#probeAfter(1);
    }
    this.#trouble = { problem, error };
    if (isNews) this.#options.onChange(this.#trouble);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#state = 'closed';
  }

  #probeAfter(factor: number): void {
    this.#timer = setTimeout(() => void this.#probe(factor), this.#options.probeMs * factor);
    this.#timer.unref();
  }

  async #probe(factor: number): Promise<void> {
    const passed = await this.#options.probe().then(
      () => true,
      () => false,
    );
    if (this.#state !== 'troubled') return;
    if (!passed) return this.#probeAfter(Math.min(factor * 2, LONGEST_WAIT));
    this.#state = 'sound';
    this.#trouble = null;
    this.#options.onChange(null);
  }
}
