// What fuzzing keeps between runs: inputs that reached something new, and those that failed. Not in git.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';

const FOLDER = resolve(import.meta.dirname, '../.cache/fuzz');

export class FuzzFiles {
  readonly #target: string;

  constructor(target: string) {
    this.#target = target;
    for (const kind of ['corpus', 'failures']) mkdirSync(join(FOLDER, target, kind), { recursive: true });
  }

  corpus(): Uint8Array[] {
    const folder = join(FOLDER, this.#target, 'corpus');
    return readdirSync(folder).map((name) => new Uint8Array(readFileSync(join(folder, name))));
  }

  keep(input: Uint8Array): void {
    this.#write('corpus', input);
  }

  /** @returns the command that runs it again */
  fail(input: Uint8Array): string {
    return `npm run fuzz -- --only ${this.#target} --input ${this.#write('failures', input)}`;
  }

  #write(kind: 'corpus' | 'failures', input: Uint8Array): string {
    const name = createHash('sha256').update(input).digest('hex').slice(0, 16);
    const file = join(FOLDER, this.#target, kind, name);
    writeFileSync(file, input);
    return relative(process.cwd(), file);
  }
}
