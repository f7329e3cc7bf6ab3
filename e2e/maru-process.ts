// One `maru` command as a child process: started, waited for, its output kept, ended by its pid.
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export type Settings = Readonly<Record<string, string | number>>;

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

const CLI = fileURLToPath(new URL('../packages/server/src/cli.ts', import.meta.url));

/** Past this a process that was asked to end counts as one that cannot. */
const END_WITHIN_MS = 15_000;

/** What a test runner sets for itself must not reach Maru. */
const FOREIGN_VARIABLE = /^(MARU_|NODE_|VITEST)/;

export class MaruProcess {
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #ready: Promise<void>;
  readonly #killWithUs = () => this.#child.kill('SIGKILL');
  readonly #onOutput: (text: string) => void;
  stdout = '';
  stderr = '';

  constructor(
    command: readonly string[],
    options: {
      /** Its working folder. */
      readonly folder: string;
      /** Default: the one of this checkout. */
      readonly cli?: string;
      readonly settings?: Settings;
      readonly variables?: Readonly<Record<string, string>>;
      readonly onOutput?: (text: string) => void;
    },
  ) {
    const { folder, cli = CLI, settings = {}, variables = {}, onOutput = () => undefined } = options;
    this.#onOutput = onOutput;
    const inherited = Object.entries(process.env).filter(([name]) => !FOREIGN_VARIABLE.test(name));
    const assignments = Object.entries(settings).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    this.#child = spawn(process.execPath, [cli, ...command, ...assignments], {
      cwd: folder,
      env: { ...Object.fromEntries(inherited), ...variables },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    process.once('exit', this.#killWithUs);
    // `close`, not `exit`: all of its output has been read then.
    this.exited = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', (code, signal) => {
        process.off('exit', this.#killWithUs);
        resolve({ code, signal });
      });
    });
    this.#ready = this.#watch();
    this.#ready.catch(() => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Resolves when it has said that it is ready; rejects with its output if it ended instead. */
  ready(): Promise<void> {
    return this.#ready;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Asks it to end as Ctrl-C or a service manager does, and waits until it has. */
  async end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Exit> {
    this.#child.kill(signal);
    const timer = setTimeout(this.#killWithUs, END_WITHIN_MS);
    const exit = await this.exited;
    clearTimeout(timer);
    return exit;
  }

  #watch(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
        this.stdout += text;
        this.#onOutput(text);
        if (/ is ready after \d+ ms/.test(this.stdout)) resolve();
      });
      this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        this.stderr += text;
        this.#onOutput(text);
      });
      const fail = () => reject(new Error(`Maru ended before it was ready:\n${this.stdout}${this.stderr}`));
      this.exited.then(fail, reject);
    });
  }
}
