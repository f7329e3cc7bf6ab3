// Maru as it really runs: one process, or one for each role, on free ports and in a folder of its own.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import { freePort } from './free-port.ts';
import { type Exit, MaruProcess, type Settings } from './maru-process.ts';

/** Which `maru` commands make up the system; `unix`: gateway and chat service meet at a Unix socket. */
const TOPOLOGIES = {
  together: { commands: ['start'], unix: false },
  apart: { commands: ['identity', 'chat', 'gateway', 'web'], unix: false },
  'apart by a Unix socket': { commands: ['identity', 'chat', 'gateway', 'web'], unix: true },
} as const satisfies Record<string, { commands: readonly string[]; unix: boolean }>;

export type Topology = keyof typeof TOPOLOGIES;
export type Role = 'identity' | 'chat' | 'gateway' | 'web';

type Ports = Readonly<Record<Role, number>>;

/** States: *made* → *running* (`start`) → *stopped* (`stop`); `kill` and `restart` end and begin single processes. */
export class Maru {
  readonly topology: Topology;
  #wanted: Settings;
  readonly #processes = new Map<string, MaruProcess>();
  #output = '';
  #folder = '';
  #ports: Ports = { identity: 0, chat: 0, gateway: 0, web: 0 };
  /** Of each command's process: its health and metrics. */
  readonly #operationsPorts = new Map<string, number>();

  constructor(topology: Topology, settings: Settings = {}) {
    this.topology = topology;
    this.#wanted = settings;
  }

  /** The gateway: `publicUrl`. */
  get url(): string {
    return `http://localhost:${this.#ports.gateway}`;
  }

  get chatUrl(): string {
    return `ws://localhost:${this.#ports.gateway}/chat`;
  }

  /** The page, and with that the one origin that is allowed by default. */
  get pageUrl(): string {
    return `http://127.0.0.1:${this.#ports.web}`;
  }

  get ports(): Ports {
    return this.#ports;
  }

  /** Health, readiness and metrics of the process that runs a role. */
  operationsUrl(role: Role): string {
    return `http://127.0.0.1:${this.#operationsPorts.get(this.#commandOf(role))}`;
  }

  /** Of every process that runs. */
  get pids(): readonly number[] {
    return [...this.#processes.values()].map(({ pid }) => pid);
  }

  /** Of the process that runs a role. */
  pidOf(role: Role): number {
    return this.#processes.get(this.#commandOf(role))?.pid ?? 0;
  }

  get folder(): string {
    return this.#folder;
  }

  get dataDir(): string {
    return join(this.#folder, 'data');
  }

  /** All that the processes have said, in the order of saying it. */
  get output(): string {
    return this.#output;
  }

  /** Other settings for whatever is started from now on. */
  use(settings: Settings): void {
    this.#wanted = { ...this.#wanted, ...settings };
  }

  async start(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'maru-e2e-'));
    const [identity, chat, gateway, web] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ];
    this.#ports = { identity, chat, gateway, web };
    for (const command of TOPOLOGIES[this.topology].commands) {
      this.#operationsPorts.set(command, await freePort());
    }
    try {
      await this.restart();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** Starts every process that isn't running, on the same ports and data; resolves when all are ready. */
  async restart(): Promise<void> {
    const { commands } = TOPOLOGIES[this.topology];
    const missing = commands.filter((command) => !this.#processes.has(command));
    const starting = missing.map((command) => {
      const starting = new MaruProcess([command], {
        folder: this.#folder,
        settings: { 'operations.port': this.#operationsPorts.get(command) ?? 0, ...this.#settings() },
        onOutput: (text) => {
          this.#output += text.replaceAll(/^(?=.)/gm, `${command}| `);
        },
      });
      this.#processes.set(command, starting);
      return starting.ready().catch((error: unknown) => {
        this.#processes.delete(command);
        throw error;
      });
    });
    await Promise.all(starting);
  }

  /** Ends the process that runs a role, together with whatever other roles it runs. */
  async end(role: Role, signal: NodeJS.Signals): Promise<Exit> {
    const command = this.#commandOf(role);
    const found = this.#processes.get(command);
    if (found === undefined) throw new Error(`${role} does not run`);
    const exit = await found.end(signal);
    this.#processes.delete(command);
    return exit;
  }

  /** Ends whatever runs, and removes the folder. */
  async stop(): Promise<void> {
    await Promise.all([...this.#processes.values()].map((running) => running.end()));
    await rm(this.#folder, { recursive: true, force: true });
  }

  #commandOf(role: Role): string {
    return this.topology === 'together' ? 'start' : role;
  }

  #settings(): Settings {
    const { identity, chat, gateway, web } = this.#ports;
    const { unix } = TOPOLOGIES[this.topology];
    const socket = `unix:${join(this.#folder, 'chat.sock')}`;
    // One configuration for all processes, as one maru.yaml would be.
    return {
      dataDir: this.dataDir,
      'identity.port': identity,
      'chat.port': chat,
      'gateway.port': gateway,
      'web.port': web,
      'gateway.identityUpstream': `http://127.0.0.1:${identity}`,
      'gateway.chatUpstream': unix ? socket : `http://127.0.0.1:${chat}`,
      ...(unix ? { 'chat.host': socket } : {}),
      ...this.#wanted,
    };
  }
}

/** A Maru for the tests of the surrounding `describe`; what it said meanwhile is shown beside a test that fails. */
export function useMaru(topology: Topology, settings: Settings = {}): Maru {
  const maru = new Maru(topology, settings);
  beforeAll(() => maru.start());
  afterAll(() => maru.stop());
  beforeEach(({ onTestFailed }) => {
    const before = maru.output.length;
    onTestFailed(() => console.error(maru.output.slice(before)));
  });
  return maru;
}

/** The same scenarios in every topology: what a client sees does not depend on it. */
export function describeTopologies(scenarios: (maru: Maru) => void, settings: Settings = {}): void {
  for (const topology of Object.keys(TOPOLOGIES) as Topology[]) {
    describe(topology, () => scenarios(useMaru(topology, settings)));
  }
}
