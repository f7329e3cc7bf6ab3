// Which parts of some source files have run: what leads a fuzzer on (V8's precise coverage).
import { Session } from 'node:inspector';

type Coverage = {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly {
      /** The whole function first, then what in it ran more or less often than what is around it. */
      readonly ranges: readonly {
        readonly startOffset: number;
        readonly endOffset: number;
        readonly count: number;
      }[];
    }[];
  }[];
};

/** A look costs half a millisecond: look after several inputs, then at each of them only if there was something new. */
export class CoverageWatch {
  readonly #session = new Session();
  readonly #folder: string;
  /** For each file the characters that have run. */
  readonly #seen = new Map<string, Uint8Array>();
  #size = 0;

  /** @param folder part of the URL of the files that count. To be made before these run for the first time. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Characters of source that have run. */
  get size(): number {
    return this.#size;
  }

  /** Did anything run since the last look that had not run before? @param keep count it as seen from now on */
  look(keep: boolean): boolean {
    let isNew = false;
    // The inspector of one's own thread answers before `post` returns.
    this.#session.post('Profiler.takePreciseCoverage', (error, answer) => {
      if (error !== null) throw error;
      for (const { url, functions } of (answer as Coverage).result) {
        if (!url.includes(this.#folder)) continue;
        for (const { ranges } of functions) isNew = this.#isNew(url, ranges, keep) || isNew;
      }
    });
    return isNew;
  }

  stop(): void {
    this.#session.disconnect();
  }

  #isNew(url: string, ranges: Coverage['result'][0]['functions'][0]['ranges'], keep: boolean): boolean {
    const [whole] = ranges;
    if (whole === undefined) return false;
    const { startOffset: from, endOffset: end } = whole;
    const ran = new Uint8Array(end - from);
    for (const { startOffset, endOffset, count } of ranges) {
      ran.fill(count > 0 ? 1 : 0, startOffset - from, endOffset - from);
    }
    const seen = this.#seenOf(url, end);
    let added = 0;
    for (let at = 0; at < ran.length; at++) {
      if (ran[at] === 0 || seen[from + at] === 1) continue;
      added += 1;
      if (keep) seen[from + at] = 1;
    }
    if (keep) this.#size += added;
    return added > 0;
  }

  #seenOf(url: string, length: number): Uint8Array {
    const seen = this.#seen.get(url);
    if (seen !== undefined && seen.length >= length) return seen;
    const longer = new Uint8Array(length);
    if (seen !== undefined) longer.set(seen);
    this.#seen.set(url, longer);
    return longer;
  }
}
