// How long the disk itself takes to make 4 KiB durable: what no commit can be faster than.
import { closeSync, fdatasyncSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const PAGE = Buffer.alloc(4_096, 'x');
/** As SQLite uses its write-ahead log: the file is there already and written over from the start, again and again. */
const PAGES = 4_000;

export class BareFsync {
  readonly #path: string;
  readonly #file: number;
  #page = 0;

  /** @param folder on the disk that is measured. */
  constructor(folder: string) {
    this.#path = join(folder, 'bare-fsync');
    this.#file = openSync(this.#path, 'w');
    for (let page = 0; page < PAGES; page += 1) writeSync(this.#file, PAGE);
    fsyncSync(this.#file);
  }

  /** Writes and syncs so many times, one after the other. @returns ms each. */
  measure(times: number): number[] {
    return Array.from({ length: times }, () => {
      const at = performance.now();
      writeSync(this.#file, PAGE, 0, PAGE.length, (this.#page % PAGES) * PAGE.length);
      fdatasyncSync(this.#file);
      this.#page += 1;
      return performance.now() - at;
    });
  }

  close(): void {
    closeSync(this.#file);
    rmSync(this.#path);
  }
}
