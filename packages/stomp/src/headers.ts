// The headers of a frame, in the order they came.

export class FrameHeaders implements Iterable<readonly [name: string, value: string]> {
  readonly #flat: readonly string[];

  /** Takes the array as its own: name, value, name, value … */
  constructor(flat: readonly string[]) {
    this.#flat = flat;
  }

  static from(entries: Iterable<readonly [string, string]>): FrameHeaders {
    return new FrameHeaders(Array.from(entries).flat());
  }

  /** Entries, repeated ones included. */
  get size(): number {
    return this.#flat.length / 2;
  }

  /** The value of the first entry of that name: later ones are history (STOMP 1.2 §Repeated Header Entries). */
  get(name: string): string | undefined {
    const flat = this.#flat;
    for (let i = 0; i < flat.length; i += 2) {
      if (flat[i] === name) return flat[i + 1];
    }
    return undefined;
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  *[Symbol.iterator](): Generator<readonly [name: string, value: string], void, undefined> {
    const flat = this.#flat;
    for (let i = 0; i < flat.length; i += 2) yield [flat[i] as string, flat[i + 1] as string];
  }
}
