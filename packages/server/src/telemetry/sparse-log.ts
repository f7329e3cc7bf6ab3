// A log for what others can make happen as often as they like: one line a second for each kind of it, with a count.
import type { Logger } from './log.ts';

export type SparseLogOptions = {
  readonly log: Logger;
  /** Default: warn. */
  readonly level?: 'warn' | 'error';
  /** Default: a second. */
  readonly windowMs?: number;
  /** Kinds told apart within a window; what is past them is one kind together. */
  readonly maxKinds?: number;
};

type Kind = { times: number; facts: object; readonly message: string; readonly timer: NodeJS.Timeout };

const REST = 'the rest';

/**
 * States of a kind: *quiet* → *told* (its line was written, a window runs) → *told* again when the window ends, if it
 * happened meanwhile: a line with the last one's facts and `times`; else *quiet*. Bounds: `maxKinds` + 1 lines a window.
 */
export class SparseLog {
  readonly #log: Logger;
  readonly #level: 'warn' | 'error';
  readonly #windowMs: number;
  readonly #maxKinds: number;
  readonly #kinds = new Map<string, Kind>();

  constructor({ log, level = 'warn', windowMs = 1_000, maxKinds = 64 }: SparseLogOptions) {
    this.#level = level;
    this.#log = log;
    this.#windowMs = windowMs;
    this.#maxKinds = maxKinds;
  }

  tell(kind: string, facts: object, message: string): void {
    const isRest = !this.#kinds.has(kind) && this.#kinds.size >= this.#maxKinds;
    const key = isRest ? REST : kind;
    const known = this.#kinds.get(key);
    if (known === undefined) {
      this.#log[this.#level](facts, message);
      this.#begin(key, facts, message);
      return;
    }
    known.times += 1;
    known.facts = facts;
  }

  /** Says what was only counted so far. */
  flush(): void {
    for (const key of [...this.#kinds.keys()]) this.#end(key);
  }

  #begin(key: string, facts: object, message: string): void {
    const timer = setTimeout(() => {
      const { times } = this.#kinds.get(key) ?? { times: 0 };
      this.#end(key);
      if (times > 0) this.#begin(key, facts, message);
    }, this.#windowMs);
    timer.unref();
    this.#kinds.set(key, { times: 0, facts, message, timer });
  }

  #end(key: string): void {
    const kind = this.#kinds.get(key);
    if (kind === undefined) return;
    clearTimeout(kind.timer);
    this.#kinds.delete(key);
    if (kind.times > 0) this.#log[this.#level]({ ...kind.facts, times: kind.times }, kind.message);
  }
}
