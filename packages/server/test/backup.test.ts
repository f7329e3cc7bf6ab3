// A backup of a folder that is written to, and what it is restored to.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { backUp } from '../src/backup.ts';
import { restore } from '../src/restore.ts';
import { lockDataFolder } from '../src/store/data-folder.ts';
import { verify } from '../src/verify.ts';
import { VERSION } from '../src/version.ts';
import { leavesOf, wreckPage } from './store/damage.ts';
import { openWriting } from './store/writing.ts';

const owner = { userId: 'ann', name: 'Ann' };

let folder: string;
let dataDir: string;
let target: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maru-backup-'));
  dataDir = join(folder, 'data');
  target = join(folder, 'backups', 'today');
});
afterEach(() => rm(folder, { recursive: true }));

/** A data folder with a room of a few messages, as a server that ended left it. */
async function makeData(): Promise<void> {
  const writing = openWriting(dataDir);
  for (const name of ['x', 'y']) {
    const { roomId } = writing.write({ name: 'createRoom', input: { name, visibility: 'public', owner } });
    const sender = owner;
    for (let n = 0; n < 20; n += 1) {
      writing.write({ name: 'appendMessage', input: { roomId, sender, content: 'x'.repeat(900) } });
    }
  }
  writing.close();
  await writeFile(join(dataDir, 'secrets.json'), '{"identitySecret":"none of the backup’s business"}', {
    mode: 0o600,
  });
  await writeFile(join(dataDir, 'chat.lock'), '', { mode: 0o600 });
}

const read = (path: string, sql: string) => {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return db.prepare(sql).all();
  } finally {
    db.close();
  }
};
const modeOf = async (path: string) => ((await stat(path)).mode & 0o777).toString(8);

describe('a backup', () => {
  test('taken while accounts and rooms are written has all that was committed before it began, and fits together', {
    timeout: 60_000,
  }, async () => {
    await mkdir(dataDir);
    const program = join(import.meta.dirname, 'write-both.ts');
    const child = spawn(process.execPath, [program, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
    const exit = once(child, 'exit');
    try {
      let committed = 0;
      const lines = createInterface({ input: child.stdout });
      lines.on('line', (line) => {
        committed = Number(line);
      });
      for (let round = 1; round <= 5; round += 1) {
        const before = committed;
        await expect.poll(() => committed, { interval: 1, timeout: 20_000 }).toBeGreaterThan(before + 20);
        const known = committed;
        await backUp({ dataDir, folder: `${target}-${round}` });
        const chat = join(`${target}-${round}`, 'chat.db');
        const joined = read(chat, 'SELECT user_id FROM members').map((row) => row.user_id);
        expect(joined.length).toBeGreaterThan(known);
        const accounts = read(join(`${target}-${round}`, 'identity.db'), 'SELECT id FROM accounts');
        const ids = new Set(accounts.map(({ id }) => id));
        expect(joined.filter((userId) => userId !== 'ann' && !ids.has(userId))).toEqual([]);
        expect(verify({ dataDir: `${target}-${round}`, quick: false }).problems).toEqual([]);
      }
    } finally {
      child.kill('SIGKILL');
      await exit;
    }
  });

  test('is for its owner alone, whole in plain files, and says what is in it', async () => {
    await makeData();
    const shares: number[] = [];
    const manifest = await backUp({ dataDir, folder: target, onProgress: (_, share) => shares.push(share) });
    expect((await readdir(target)).sort()).toEqual(['backup.json', 'chat.db', 'secrets.json']);
    expect(await modeOf(target)).toBe('700');
    for (const file of await readdir(target)) expect(await modeOf(join(target, file)), file).toBe('600');
    expect(JSON.parse(await readFile(join(target, 'backup.json'), 'utf8'))).toEqual(manifest);
    expect(manifest).toMatchObject({ format: 1, version: VERSION });
    expect(manifest.files.map(({ name }) => name)).toEqual(['chat.db', 'secrets.json']);
    expect(shares.every((share) => share >= 0 && share <= 1)).toBe(true);
    // Reading it leaves no other file beside it.
    expect(verify({ dataDir: target, quick: false })).toMatchObject({ problems: [], rooms: 2, entries: 42 });
    expect(await readdir(target)).toHaveLength(3);
    expect(await readdir(join(folder, 'backups'))).toEqual(['today']);
  });

  test('goes into a folder that is empty, and into no other', async () => {
    await makeData();
    await mkdir(target, { recursive: true });
    await backUp({ dataDir, folder: target });
    await expect(backUp({ dataDir, folder: target })).rejects.toThrow(
      `cannot back up to ${target}: it is not empty`,
    );
    const file = join(target, 'secrets.json');
    await expect(backUp({ dataDir, folder: file })).rejects.toThrow(
      `cannot back up to ${file}: not a directory`,
    );
    await expect(backUp({ dataDir: folder, folder: join(folder, 'b') })).rejects.toThrow(
      `there is no data of Maru in ${folder}`,
    );
  });

  test('that fails leaves nothing behind', async () => {
    await makeData();
    await writeFile(join(dataDir, 'identity.db'), 'x'.repeat(9_999));
    await expect(backUp({ dataDir, folder: target })).rejects.toThrow(
      `cannot back up to ${target}: file is not a database`,
    );
    expect(await readdir(join(folder, 'backups'))).toEqual([]);
  });
});

describe('what is restored', () => {
  let restored: string;
  beforeEach(async () => {
    restored = join(folder, 'elsewhere', 'data');
    await makeData();
    await backUp({ dataDir, folder: target });
  });

  test('is what was backed up, but for the epoch of each log', async () => {
    const { rooms, manifest } = await restore(target, restored);
    expect([rooms, manifest.files.map(({ name }) => name)]).toEqual([2, ['chat.db', 'secrets.json']]);
    const of = (path: string, sql: string) => read(join(path, 'chat.db'), sql);
    for (const table of ['entries', 'members', 'users', 'migrations']) {
      expect(of(restored, `SELECT * FROM ${table}`)).toEqual(of(dataDir, `SELECT * FROM ${table}`));
    }
    const rest = 'SELECT room_id, name, head, created_count, owner_id FROM rooms';
    expect(of(restored, rest)).toEqual(of(dataDir, rest));
    const epochs = [dataDir, restored].flatMap((path) => of(path, 'SELECT epoch FROM rooms'));
    expect(new Set(epochs.map(({ epoch }) => epoch)).size).toBe(4);
    for (const { epoch } of epochs) expect(epoch).toMatch(/^[\w-]{12}$/);
    expect(await readFile(join(restored, 'secrets.json'))).toEqual(
      await readFile(join(dataDir, 'secrets.json')),
    );
    expect(await modeOf(restored)).toBe('700');
    for (const file of await readdir(restored)) expect(await modeOf(join(restored, file)), file).toBe('600');
    expect(verify({ dataDir: restored, quick: false })).toMatchObject({
      problems: [],
      rooms: 2,
      entries: 42,
    });
    // And again, from the same backup: other epochs still.
    await restore(target, `${restored}-2`);
    expect(of(`${restored}-2`, 'SELECT epoch FROM rooms')).not.toEqual(
      of(restored, 'SELECT epoch FROM rooms'),
    );
  });

  test('never meets other data: a folder that has any is refused, and left as it is', async () => {
    await expect(restore(target, dataDir)).rejects.toThrow(
      `cannot restore into ${dataDir}: it is not empty; set dataDir to a new folder`,
    );
    expect(verify({ dataDir, quick: false })).toMatchObject({ problems: [], rooms: 2 });
  });

  test('is not put where a server runs, which is said', async () => {
    const lock = lockDataFolder(dataDir);
    try {
      await expect(restore(target, dataDir)).rejects.toThrow(
        `another Maru process (pid ${process.pid}) is using ${dataDir}`,
      );
    } finally {
      lock.release();
    }
  });

  test.each([
    [
      'no backup',
      () => rm(join(target, 'backup.json')),
      'is no backup of Maru: it has no backup.json that can be read',
    ],
    [
      'another format',
      () => rewrite((manifest) => ({ ...manifest, format: 2 })),
      'is no backup that this Maru knows',
    ],
    [
      'a file outside of it',
      () =>
        rewrite((manifest) => ({ ...manifest, files: [{ ...manifest.files[0], name: '../data/chat.db' }] })),
      'is no backup that this Maru knows',
    ],
    ['a file that is not there', () => rm(join(target, 'chat.db')), 'is not whole: chat.db cannot be read'],
    [
      'a file that grew',
      () => appendFile(join(target, 'chat.db'), 'x'),
      'is not as it was made: chat.db has changed',
    ],
    ['a page that rotted', () => rot(), 'is not as it was made: chat.db has changed'],
  ] as const)('is not made of %s: that is said, and nothing is written', async (_, spoil, reason) => {
    await spoil();
    await expect(restore(target, restored)).rejects.toThrow(reason);
    expect(existsSync(restored)).toBe(false);
  });

  test('is nothing when it fails half way: the folder is empty again', async () => {
    // A database with another schema: whole, and no chat.db.
    const path = join(target, 'chat.db');
    const db = new DatabaseSync(path);
    db.exec('PRAGMA foreign_keys = off; DROP TABLE rooms');
    db.close();
    const copy = join(folder, 'again');
    await backUp({ dataDir: target, folder: copy });
    await expect(restore(copy, restored)).rejects.toThrow(
      `cannot restore into ${restored}: no such table: rooms`,
    );
    expect(await readdir(restored)).toEqual([]);
  });

  async function rewrite(change: (manifest: { files: object[] }) => object): Promise<void> {
    const path = join(target, 'backup.json');
    await writeFile(path, JSON.stringify(change(JSON.parse(await readFile(path, 'utf8')))));
  }

  async function rot(): Promise<void> {
    const path = join(target, 'chat.db');
    const [page] = leavesOf(path, 'entries');
    if (page === undefined) throw new Error('the log has no pages');
    await chmod(path, 0o600);
    wreckPage(path, page);
  }
});
