// Maru under the run: on one data folder and the same ports for ever, together or apart, killed without a word.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../free-port.ts';
import { MaruProcess, type Settings } from '../maru-process.ts';
import { within } from './deadline.ts';

/** Which `maru` commands make up the system; the first is the one that holds the rooms' logs, and that a kill is for. */
const PLANS = {
  together: ['start'],
  apart: ['chat', 'identity', 'gateway'],
} as const satisfies Record<string, readonly string[]>;

export type Plan = keyof typeof PLANS;

const READY_WITHIN_MS = 60_000;
/** Of what the processes said last, in the story of something that went wrong. */
const LAST_OUTPUT = 4_000;

/** States: *down* ⇄ *up* (`start`, `kill`); `stop` for the end. A start can be killed before it is done. */
export class System {
  readonly #processes = new Map<string, MaruProcess>();
  #folder = '';
  #settings: Settings = {};
  #output = '';
  #gatewayPort = 0;
  plan: Plan = 'together';
  kills = 0;

  get url(): string {
    return `http://localhost:${this.#gatewayPort}`;
  }

  get chatUrl(): string {
    return `ws://localhost:${this.#gatewayPort}/chat`;
  }

  get dataDir(): string {
    return join(this.#folder, 'data');
  }

  /** What the processes said last. */
  get output(): string {
    return this.#output;
  }

  /** Makes the folder and finds the ports; nothing runs yet. */
  async prepare(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'maru-chaos-'));
    const [gateway, chat, identity, web] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    this.#gatewayPort = gateway;
    this.#settings = {
      dataDir: this.dataDir,
      'gateway.port': gateway,
      'chat.port': chat,
      'identity.port': identity,
      'web.port': web,
      'operations.port': 0,
      'gateway.chatUpstream': `http://127.0.0.1:${chat}`,
      'gateway.identityUpstream': `http://127.0.0.1:${identity}`,
      // The people of a run sign in once.
      'identity.accessTokenSeconds': 86_400,
    };
  }

  /** Begins to start what is missing of a plan; whatever belongs to another plan is killed before. */
  async begin(plan: Plan): Promise<{ readonly ready: Promise<unknown> }> {
    const commands: readonly string[] = PLANS[plan];
    const foreign = [...this.#processes.keys()].filter((command) => !commands.includes(command));
    await Promise.all(foreign.map((command) => this.#kill(command)));
    this.plan = plan;
    const missing = commands.filter((command) => !this.#processes.has(command));
    const starting = missing.map((command) => {
      const started = new MaruProcess([command], {
        folder: this.#folder,
        settings: this.#settings,
        onOutput: (text) => {
          this.#output = (this.#output + text).slice(-LAST_OUTPUT);
        },
      });
      this.#processes.set(command, started);
      return started.ready();
    });
    return { ready: Promise.all(starting) };
  }

  async start(plan: Plan): Promise<void> {
    const { ready } = await this.begin(plan);
    await within(READY_WITHIN_MS, ready, () => `Maru is not ready, ${plan}\n${this.#output}`);
  }

  /** kill -9 of the process that holds the logs; resolves when it is gone. */
  async kill(): Promise<void> {
    this.kills += 1;
    await this.#kill(PLANS[this.plan][0]);
  }

  /** Ends all in good order; @throws if a process doesn't end with code 0. */
  async stop(): Promise<void> {
    // The gateway first, so that it sees no service go.
    for (const [command, process] of [...this.#processes].reverse()) {
      const { code, signal } = await process.end('SIGTERM');
      this.#processes.delete(command);
      if (code !== 0) throw new Error(`${command} ended with ${code ?? signal}\n${this.#output}`);
    }
  }

  /** `maru verify` of the data. @returns what it said if it found anything, else nothing */
  async verify(): Promise<string> {
    const verification = new MaruProcess(['verify'], {
      folder: this.#folder,
      settings: { dataDir: this.dataDir },
    });
    const { code } = await verification.exited;
    return code === 0 ? '' : `${verification.stdout}${verification.stderr}`;
  }

  /** Ends whatever still runs, and removes the folder. */
  async remove(): Promise<void> {
    await Promise.all([...this.#processes.keys()].map((command) => this.#kill(command)));
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #kill(command: string): Promise<void> {
    const process = this.#processes.get(command);
    if (process === undefined) throw new Error(`${command} does not run`);
    this.#processes.delete(command);
    const { code, signal } = await process.end('SIGKILL');
    if (signal !== 'SIGKILL') throw new Error(`${command} had ended by itself: ${code}\n${this.#output}`);
  }
}
