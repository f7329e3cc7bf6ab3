// A PostgreSQL of the test's own: Debian's, in a folder and on a port of its own, stopped by its pid.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { freePort } from './free-port.ts';

export type Postgres = {
  readonly port: number;
  /** Of a new, empty database. */
  newDatabase(): Promise<string>;
  /** kill -9, and all of its children. */
  kill(): Promise<void>;
  /** On the same folder and port. */
  start(): Promise<void>;
  stop(): Promise<void>;
};

/** Newest first, where Debian's packages put them. */
function programs(): string {
  const root = '/usr/lib/postgresql';
  const versions = existsSync(root)
    ? readdirSync(root)
        .map(Number)
        .filter((version) => version >= 15)
    : [];
  const newest = versions.sort((a, b) => b - a)[0];
  if (newest === undefined) throw new Error('PostgreSQL 15 or newer is not here: apt-get install postgresql');
  return join(root, String(newest), 'bin');
}

/** PostgreSQL refuses to run as root: as its package's own user then. */
function userIds(): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const of = (option: string) => Number(execFileSync('id', [option, 'postgres']).toString());
  return { uid: of('-u'), gid: of('-g') };
}

/** `settings`: of the server, beside its own defaults. */
export async function startPostgres(settings: Readonly<Record<string, string>> = {}): Promise<Postgres> {
  const bin = programs();
  const ids = userIds();
  const folder = mkdtempSync(join(tmpdir(), 'maru-postgres-'));
  if (ids.uid !== undefined && ids.gid !== undefined) chownSync(folder, ids.uid, ids.gid);
  const options = { ...ids, cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] as ('ignore' | 'inherit')[] };
  const data = join(folder, 'data');
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'maru', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'],
    options,
  );
  const port = await freePort();
  let server: ChildProcess | undefined;
  let databases = 0;

  const urlOf = (database: string) => `postgres://maru@127.0.0.1:${port}/${database}`;

  async function start(): Promise<void> {
    const given = {
      listen_addresses: '127.0.0.1',
      unix_socket_directories: folder,
      log_min_messages: 'panic',
      max_connections: '200',
      ...settings,
    };
    const flags = Object.entries(given).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    const starting = spawn(join(bin, 'postgres'), ['-D', data, '-p', String(port), ...flags], options);
    server = starting;
    const ended = once(starting, 'exit').then(([code]) => {
      throw new Error(`PostgreSQL ended with ${code} as it started`);
    });
    ended.catch(() => {});
    await Promise.race([answering(urlOf('postgres')), ended]);
  }

  async function end(signal: NodeJS.Signals): Promise<void> {
    if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill(signal);
    await ended;
  }

  await start();
  return {
    port,
    start,
    async newDatabase() {
      databases += 1;
      const client = new pg.Client(urlOf('postgres'));
      await client.connect();
      await client.query(`CREATE DATABASE maru_${databases}`);
      await client.end();
      return urlOf(`maru_${databases}`);
    },
    /** Its children see that it is gone and end themselves. */
    kill: () => end('SIGKILL'),
    async stop() {
      await end('SIGINT');
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
    },
  };
}

/** Resolves when it takes connections. */
async function answering(url: string): Promise<void> {
  for (;;) {
    const client = new pg.Client(url);
    // A connection refused says so twice.
    client.on('error', () => {});
    const connected = await client.connect().then(
      () => true,
      () => false,
    );
    if (connected) return client.end();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
