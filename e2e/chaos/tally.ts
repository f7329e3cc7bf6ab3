// How often something has happened, and a promise of the moment when it has so many times.

export class Tally {
  #count = 0;
  #waiting: { readonly count: number; readonly resolve: () => void }[] = [];

  get count(): number {
    return this.#count;
  }

  add(): void {
    this.#count += 1;
    if (this.#waiting.length === 0) return;
    const reached = this.#waiting.filter(({ count }) => count <= this.#count);
    if (reached.length === 0) return;
    this.#waiting = this.#waiting.filter(({ count }) => count > this.#count);
    for (const { resolve } of reached) resolve();
  }

  /** Resolves when it has happened so many times more than by now. */
  more(times: number): Promise<void> {
    if (times <= 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ count: this.#count + times, resolve }));
  }
}
