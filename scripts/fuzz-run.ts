// One run of a fuzzer: how long it may last, and what it tells meanwhile.
import { setImmediate as turn } from 'node:timers/promises';

export type FuzzVerdict = {
  readonly runs: number;
  /** What is wrong; absent: nothing was found. */
  readonly wrong?: string;
  /** The least input that shows it. */
  readonly shown?: string;
  /** The command that shows it again. */
  readonly again?: string;
};

const TELL_EVERY_MS = 5_000;

export class FuzzRun {
  readonly name: string;
  readonly seed: number;
  readonly #began = performance.now();
  readonly #ends: number;
  #tellAt = this.#began + TELL_EVERY_MS;

  constructor(name: string, options: { readonly seconds: number; readonly seed: number }) {
    this.name = name;
    this.seed = options.seed;
    this.#ends = this.#began + options.seconds * 1_000;
  }

  get seconds(): number {
    return (performance.now() - this.#began) / 1_000;
  }

  goesOn(): boolean {
    return performance.now() < this.#ends;
  }

  /** Says now and then how far it is; lets timers and signals have their turn. */
  async tell(story: () => string): Promise<void> {
    const now = performance.now();
    if (now < this.#tellAt) return;
    this.#tellAt = now + TELL_EVERY_MS;
    const left = Math.max(0, Math.round((this.#ends - now) / 1_000));
    console.log(`${this.name}: ${story()}; ${left} s left`);
    await turn();
  }
}
