// Maru as its users run it: a process of its own with everything in it, on free ports of the loopback.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

const CLI = join(import.meta.dirname, '../../packages/server/src/cli.ts');
const ROLES = ['gateway', 'chat', 'identity', 'web', 'operations'] as const;

type Ports = Readonly<Record<(typeof ROLES)[number], number>>;
export type ServerOptions = {
  /** Where its databases are. */
  readonly folder: string;
  /** The only core it may use; absent: all. Linux. */
  readonly core?: number;
  /** `chat.noProgressMs=600000` and the like. */
  readonly settings?: readonly string[];
  /** Those of a server before it, whose tokens are then still good. */
  readonly ports?: Ports;
};

export class ServerUnderTest {
  readonly ports: Ports;
  readonly pid: number;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, ports: Ports) {
    this.#process = process;
    this.ports = ports;
    this.pid = process.pid ?? 0;
  }

  /** Resolves when it listens. */
  static async start({ folder, core, settings = [], ports }: ServerOptions): Promise<ServerUnderTest> {
    const bound = ports ?? (await freePorts());
    const all = ['log.level=warn', `dataDir=${folder}`, ...settings].concat(
      ROLES.map((role) => `${role}.port=${bound[role]}`),
    );
    const command = [process.execPath, CLI, 'start', ...all.flatMap((setting) => ['--set', setting])];
    const [program = '', ...args] =
      core === undefined ? command : ['taskset', '-c', String(core), ...command];
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const told = await Promise.race([once(child.stdout, 'data'), once(child, 'exit').then(() => null)]);
    if (told === null) throw new Error(`the server ended with exit code ${child.exitCode}`);
    child.stdout.resume();
    return new ServerUnderTest(child, bound);
  }

  get webSocketUrl(): string {
    return `ws://127.0.0.1:${this.ports.gateway}/chat`;
  }

  /** Enters a new person. @returns an access token of theirs. */
  async signUp(name: string): Promise<string> {
    const person = { name, email: `${name.toLowerCase()}@example.com`, password: 'bench bench bench' };
    const session = await this.#ask<{ token: string }>('/auth/sign-up/email', '', person);
    return (await this.#ask<{ token: string }>('/auth/token', session.token)).token;
  }

  async createRoom(name: string, token: string): Promise<string> {
    return (await this.#ask<{ roomId: string }>('/api/rooms', token, { name, visibility: 'public' })).roomId;
  }

  /** The value of a series, such as `maru_subscriptions_behind`, now; 0 where there is none. */
  async metric(series: string): Promise<number> {
    const text = await (await fetch(`http://127.0.0.1:${this.ports.operations}/metrics`)).text();
    const line = text.split('\n').find((each) => each.startsWith(`${series} `));
    return Number(line?.slice(series.length) ?? 0);
  }

  /** CPU seconds of all its threads so far. Linux. */
  cpuSeconds(): number {
    const stat = readFileSync(`/proc/${this.pid}/stat`, 'utf8');
    // After the name, which may hold blanks: the 12th and the 13th field, in hundredths.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) / 100;
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const ended = once(this.#process, 'exit');
    this.#process.kill('SIGTERM');
    await ended;
  }

  /** GET without a body, else POST. */
  async #ask<Answer>(path: string, token: string, body?: object): Promise<Answer> {
    const response = await fetch(`http://127.0.0.1:${this.ports.gateway}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        'Content-Type': 'application/json',
        ...(token === '' ? {} : { Authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return (await response.json()) as Answer;
  }
}

/** All at once, so that no two are the same. */
async function freePorts(): Promise<Ports> {
  const listeners = ROLES.map(() => createServer().listen(0, '127.0.0.1'));
  await Promise.all(listeners.map((listener) => once(listener, 'listening')));
  const ports = listeners.map((listener) => {
    const address = listener.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  });
  await Promise.all(listeners.map((listener) => once(listener.close(), 'close')));
  const [gateway = 0, chat = 0, identity = 0, web = 0, operations = 0] = ports;
  return { gateway, chat, identity, web, operations };
}
