// What keeps Maru from its data is one clear line at the start, and an exit code.
import { execFile } from 'node:child_process';
import { chmod, cp, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from './free-port.ts';
import { MaruProcess } from './maru-process.ts';

const CLI = fileURLToPath(new URL('../packages/server/src/cli.ts', import.meta.url));

/** Root may write whatever the mode of a file: without its capabilities it is a user as any other. */
const AS_A_USER = process.getuid?.() === 0 ? ['setpriv', '--inh-caps=-all', '--bounding-set=-all'] : [];

let folder: string;
let sound: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maru-start-failure-'));
  sound = join(folder, 'sound');
  for (const role of ['chat', 'identity'] as const) {
    const maru = new MaruProcess([role], {
      folder,
      settings: { dataDir: sound, [`${role}.port`]: await freePort(), 'operations.port': 0 },
    });
    await maru.ready();
    await maru.end();
  }
});
afterAll(() => rm(folder, { recursive: true }));

type Ended = { readonly code: unknown; readonly lines: readonly string[] };

const maru = (args: readonly string[]) =>
  new Promise<Ended>((resolve) => {
    const [command = '', ...rest] = [...AS_A_USER, process.execPath, CLI, ...args];
    const settings = ['--set', 'operations.port=0', '--set', 'log.level=silent'];
    execFile(command, [...rest, ...settings], { timeout: 20_000, cwd: folder }, (error, out, err) =>
      resolve({ code: error?.code ?? 0, lines: (out + err).split('\n').filter((line) => line !== '') }),
    );
  });

const DAMAGED = 'the database is damaged: run maru verify';

describe.each([
  ['chat', 'chat.db is read-only', 'chat.db', (path: string) => chmod(path, 0o400), 'permission denied'],
  ['chat', 'chat.lock is read-only', 'chat.lock', (path: string) => chmod(path, 0o400), 'permission denied'],
  ['chat', 'chat.db is not ours', 'chat.db', (path: string) => chmod(path, 0o000), 'permission denied'],
  ['chat', 'the folder is read-only', '', (path: string) => chmod(path, 0o500), 'permission denied'],
  [
    'chat',
    'chat.db is something else',
    'chat.db',
    (path: string) => writeFile(path, 'x'.repeat(9_999)),
    DAMAGED,
  ],
  ['chat', 'chat.db was cut off', 'chat.db', (path: string) => truncate(path, 8_192), DAMAGED],
  [
    'identity',
    'identity.db is read-only',
    'identity.db',
    (path: string) => chmod(path, 0o400),
    'permission denied',
  ],
  [
    'identity',
    'identity.db is something else',
    'identity.db',
    (path: string) => writeFile(path, 'x'.repeat(9_999)),
    'file is not a database',
  ],
] as const)('maru %s, when %s,', (role, _, file, spoil, reason) => {
  it('says so in one line and ends with 1', async () => {
    const dataDir = join(folder, 'data');
    await cp(sound, dataDir, { recursive: true, preserveTimestamps: true });
    const path = join(dataDir, file);
    try {
      await spoil(path);
      const { code, lines } = await maru([role, '--set', `dataDir=${dataDir}`]);
      expect([code, lines]).toEqual([1, [expect.stringContaining(reason)]]);
      expect(lines[0]).toMatch(/^maru: cannot /);
      expect(lines[0]).toContain(path.replace(/\/$/, ''));
    } finally {
      await chmod(path, 0o700);
      await rm(dataDir, { recursive: true });
    }
  });
});
