// The load generator (bench/load, Rust): built, and run against a server. Node with as many clients would measure itself.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { ServerUnderTest } from './server-under-test.ts';

const FOLDER = join(import.meta.dirname, '../load');
const TARGET = process.env.CARGO_TARGET_DIR ?? join(FOLDER, 'target');

export type LoadTarget = {
  readonly server: ServerUnderTest;
  readonly token: string;
  readonly roomId: string;
  /** The only core that the generator may use. */
  readonly core: number;
};

/** Needs cargo. */
export function buildLoad(): void {
  execFileSync('cargo', ['build', '--release', '--quiet'], { cwd: FOLDER, stdio: 'inherit' });
}

/** @returns what it reported. Rejects when it could not run; a server that lost messages is in the report. */
export async function runLoad(
  scenario: string,
  { server, token, roomId, core }: LoadTarget,
  options: readonly string[],
): Promise<string> {
  const target = ['--url', server.webSocketUrl, '--header', `Authorization: Bearer ${token}`];
  const stomp = ['--proto', 'stomp', '--receipts', '--token', token, '--room-name', roomId];
  const child = spawn(
    'taskset',
    ['-c', String(core), join(TARGET, 'release/load'), scenario].concat(
      stomp,
      target,
      ['--server-pid', String(server.pid)],
      options,
    ),
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const [report] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  if (child.exitCode !== 0)
    throw new Error(`load ended with exit code ${child.exitCode ?? child.signalCode}`);
  return report.trimEnd();
}
