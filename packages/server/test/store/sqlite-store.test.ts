// The store on SQLite: the common promises, and those about files, threads and processes.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { DatabaseSync } from 'node:sqlite';
import { text } from 'node:stream/consumers';
import type { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MIGRATIONS, migrate } from '../../src/store/migrations/index.ts';
import { openSqliteStore, type SqliteStoreOptions, type StoreFailure } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { everyEntry, type OpenStore, range, refused, storeContract } from './store.contract.ts';

const newFolder = () => mkdtemp(join(tmpdir(), 'maru-store-'));

const open: OpenStore = async (limits = {}) => {
  const folder = await newFolder();
  let store = await openSqliteStore({ folder, ...limits });
  return {
    store,
    async reopen() {
      await store.close();
      store = await openSqliteStore({ folder, ...limits });
      return store;
    },
    async dispose() {
      await store.close();
      await rm(folder, { recursive: true });
    },
  };
};

storeContract('SQLite', open);

describe('SQLite', () => {
  let folder: string;
  const stores: Store[] = [];
  beforeEach(async () => {
    folder = await newFolder();
  });
  afterEach(async () => {
    await Promise.all(stores.splice(0).map((store) => store.close()));
    await rm(folder, { recursive: true });
  });

  const openStore = async (options: Partial<SqliteStoreOptions> = {}) => {
    const store = await openSqliteStore({ folder, ...options });
    stores.push(store);
    return store;
  };
  const database = () => join(folder, 'chat.db');
  const owner = { userId: 'alice', name: 'Alice' };
  const newRoom = async (store: Store) =>
    (await store.createRoom({ name: 'x', visibility: 'public', owner })).roomId;
  const say = (store: Store, roomId: string, content: string) =>
    store.appendMessage({ roomId, sender: owner, content });
  /** The program in a process of its own; what it prints, line by line. */
  const runAppender = (stderr: 'inherit' | 'pipe' = 'inherit', together = 1) => {
    const program = join(import.meta.dirname, 'append-until-killed.ts');
    const child = spawn(process.execPath, [program, folder, String(together)], {
      stdio: ['ignore', 'pipe', stderr],
    });
    if (child.stdout === null) throw new Error('the program has no output');
    return { child, lines: createInterface({ input: child.stdout }), exit: once(child, 'exit') };
  };

  describe('a crash', () => {
    test.each([
      ['appends loses nothing that was acknowledged and leaves no hole', 1],
      ['appends of seven as one leaves no half of one', 7],
      ['appends of more as one than a batch holds leaves no half of one', 300],
    ])('kill -9 in a stream of %s', { timeout: 60_000 }, async (_, together) => {
      const { child, lines, exit } = runAppender('inherit', together);
      let roomId = '';
      const acknowledged = new Map<string, number>();
      for await (const line of lines) {
        // The last line may have been cut by the kill; what wasn't read in whole was not acknowledged.
        const [clientMessageId = '', seq = '', end] = line.split(' ');
        if (end !== '.') continue;
        if (roomId === '') roomId = clientMessageId;
        else acknowledged.set(clientMessageId, Number(seq));
        if (acknowledged.size === 3_000) child.kill('SIGKILL');
      }
      expect((await exit)[1]).toBe('SIGKILL');
      expect(acknowledged.size).toBeGreaterThanOrEqual(3_000);

      const entries = (await everyEntry(await openStore(), roomId)).map(({ entry }) => entry);
      expect(entries.map(({ seq }) => seq)).toEqual(range(1, entries.length));
      const stored = new Map<string, number>();
      for (const entry of entries) {
        if (entry.type !== 'message.created') continue;
        expect(stored.has(entry.clientMessageId ?? '')).toBe(false);
        stored.set(entry.clientMessageId ?? '', entry.seq);
      }
      for (const [clientMessageId, seq] of acknowledged) expect(stored.get(clientMessageId)).toBe(seq);
      if (together > 1) {
        const calls = Map.groupBy(stored.keys(), (id) => id.split('.')[0]);
        for (const call of calls.values()) expect(call).toHaveLength(together);
      }
      const check = new DatabaseSync(database(), { readOnly: true });
      expect(check.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
      check.close();
    });

    test('a write that fails unexpectedly fails alone; the rest of its batch is kept, in order', async () => {
      const store = await openStore();
      const roomId = await newRoom(store);
      const operator = new DatabaseSync(database(), { timeout: 5_000 });
      operator.exec(`CREATE TRIGGER poison BEFORE INSERT ON entries WHEN new.content = 'poison'
        BEGIN SELECT raise(ABORT, 'poisoned'); END`);
      operator.close();
      const results = await Promise.allSettled(
        range(0, 100).map((index) => say(store, roomId, index === 50 ? 'poison' : String(index))),
      );
      const failed = results.flatMap((result, index) =>
        result.status === 'rejected' ? [{ index, ...result }] : [],
      );
      expect(failed).toMatchObject([{ index: 50, reason: { code: 'internal' } }]);
      expect(String(failed[0]?.reason.cause)).toContain('poisoned');
      const { messages } = await store.listMessages(roomId, 'alice', {}, 200);
      expect(messages.map(({ seq }) => seq)).toEqual(range(2, 99));
      expect(messages.map(({ content }) => content)).toEqual(
        range(0, 100)
          .filter((index) => index !== 50)
          .map(String),
      );
    });

    test('a message that fails unexpectedly takes those appended with it along, and nobody else', async () => {
      const store = await openStore();
      const roomId = await newRoom(store);
      const operator = new DatabaseSync(database(), { timeout: 5_000 });
      operator.exec(`CREATE TRIGGER poison BEFORE INSERT ON entries WHEN new.content = 'poison'
        BEGIN SELECT raise(ABORT, 'poisoned'); END`);
      operator.close();
      const reported: number[] = [];
      store.onCommitted((entries) => reported.push(...entries.map(({ entry }) => entry.seq)));
      const together = (contents: readonly string[]) =>
        store.append(contents.map((content) => ({ kind: 'message', roomId, sender: owner, content })));
      const [before, poisoned, between, after] = await Promise.allSettled([
        say(store, roomId, 'before'),
        together(['a', 'b', 'poison', 'c']),
        together(['d', 'e']),
        say(store, roomId, 'after'),
      ]);
      expect(poisoned).toMatchObject({ status: 'rejected', reason: { code: 'internal' } });
      expect([before, between, after].map(({ status }) => status)).toEqual(Array(3).fill('fulfilled'));
      const { messages } = await store.listMessages(roomId, 'alice', {}, 200);
      expect(messages.map(({ content }) => content)).toEqual(['before', 'd', 'e', 'after']);
      expect(reported).toEqual([2, 3, 4, 5]);
    });

    test.each([0, 1])(
      'when thread %i of two dies, every call rejects and the owner is told once',
      async (victim) => {
        const threads: Worker[] = [];
        const collect = (worker: Worker) => threads.push(worker);
        process.on('worker', collect);
        const failures: StoreFailure[] = [];
        const told = Promise.withResolvers<void>();
        const store = await openStore({
          onFailure: (failure) => {
            failures.push(failure);
            told.resolve();
          },
        });
        process.off('worker', collect);
        const roomId = await newRoom(store);
        const reading = Array.from({ length: 20 }, () => store.listEntries(roomId, 0, 10));
        const writing = range(0, 5_000).map((index) => say(store, roomId, String(index)));
        const settled = Promise.allSettled([...writing, ...reading]);
        const killed = threads[victim]?.terminate();
        const results = await settled;
        await killed;
        await told.promise;
        const reasons = results.flatMap((result) =>
          result.status === 'rejected' ? [result.reason.code] : [],
        );
        expect(reasons.length).toBeGreaterThan(0);
        expect(new Set(reasons)).toEqual(new Set(['internal']));
        await refused(say(store, roomId, 'later'), 'internal');
        await refused(store.findUser('alice'), 'internal');
        await store.close();
        expect(failures).toEqual(['thread-died']);
      },
    );

    test('a listener that throws is reported', async () => {
      const failures: [StoreFailure, string][] = [];
      const store = await openStore({
        onFailure: (failure, error) => failures.push([failure, error.message]),
      });
      store.onCommitted(() => {
        throw new Error('no more');
      });
      await newRoom(store);
      expect(failures).toEqual([['listener-threw', 'no more']]);
    });
  });

  describe('the data folder', () => {
    test('is made for its owner alone, with every folder above it', async () => {
      const inside = join(folder, 'a', 'b');
      await openStore({ folder: inside });
      const modes = await Promise.all(
        ['.', 'chat.db', 'chat.db-wal', 'chat.db-shm', 'chat.lock', 'chat.pid'].map(async (file) =>
          ((await stat(join(inside, file))).mode & 0o777).toString(8),
        ),
      );
      expect(modes).toEqual(['700', '600', '600', '600', '600', '600']);
    });

    test('that cannot be made is named together with the reason', async () => {
      const file = join(folder, 'file');
      await writeFile(file, '');
      const inside = join(file, 'data');
      await expect(openSqliteStore({ folder: inside })).rejects.toThrow(
        `cannot create ${inside}: not a directory`,
      );
    });

    test('with a chat.db that is no database is refused with the reason', async () => {
      await writeFile(
        database(),
        'this is a text, long enough to be taken for a header of SQLite'.repeat(20),
      );
      await expect(openStore()).rejects.toThrow(`cannot open ${database()}: file is not a database`);
    });

    test('is refused to a second store of the same process while the first is open', async () => {
      const first = await openStore();
      await expect(openStore()).rejects.toThrow(
        `another Maru process (pid ${process.pid}) is using ${folder}`,
      );
      await newRoom(first);
      await first.close();
      await openStore();
    });

    test('is refused while another process uses it, and free as soon as that is killed', {
      timeout: 30_000,
    }, async () => {
      const { child, lines, exit } = runAppender();
      await once(lines, 'line');
      // Nobody reads on: it must hold the folder also while it waits for its reader.
      lines.pause();
      for (let attempt = 0; attempt < 3; attempt += 1) {
        await expect(openStore()).rejects.toThrow(
          `another Maru process (pid ${child.pid}) is using ${folder}`,
        );
      }
      child.kill('SIGKILL');
      expect(await exit).toEqual([null, 'SIGKILL']);
      await newRoom(await openStore());
    });

    test('stays locked to other processes after a second store of its own process was refused', async () => {
      const first = await openStore();
      await expect(openStore()).rejects.toThrow('another Maru process');
      const { child, exit } = runAppender('pipe');
      const complaint = child.stderr === null ? '' : await text(child.stderr);
      expect(complaint).toContain(`another Maru process (pid ${process.pid}) is using ${folder}`);
      expect(await exit).toEqual([1, null]);
      await newRoom(first);
    });

    test('holds the whole database in chat.db alone once the store is closed', async () => {
      const store = await openStore();
      const roomId = await newRoom(store);
      await Promise.all(range(0, 500).map((index) => say(store, roomId, String(index))));
      await store.close();
      await expect(stat(`${database()}-wal`)).rejects.toThrow('ENOENT');
      const copy = new DatabaseSync(database(), { readOnly: true });
      expect(copy.prepare('SELECT count(*) AS entries FROM entries').get()).toEqual({ entries: 501 });
      copy.close();
    });
  });

  describe('the schema', () => {
    test('of a database from before the first migration is brought up to date and recorded', async () => {
      new DatabaseSync(database()).close();
      await newRoom(await openStore());
      const db = new DatabaseSync(database(), { readOnly: true });
      const names = db.prepare('SELECT name FROM migrations ORDER BY position').all();
      db.close();
      expect(names).toEqual(MIGRATIONS.map(({ name }) => ({ name })));
    });

    test('of before owners were passed on gives each room with members an owner', async () => {
      const old = new DatabaseSync(database());
      migrate(old, MIGRATIONS.slice(0, 1));
      old.exec(`INSERT INTO rooms VALUES
        (1, 'lost', 'x', 'public', 'gone', 0, 'e', 9, 0, 2, 0), (2, 'other', 'x', 'public', 'gone', 0, 'e', 9, 0, 2, 0),
        (3, 'sound', 'x', 'public', 'ann', 0, 'e', 9, 0, 3, 0), (4, 'empty', 'x', 'public', 'gone', 0, 'e', 9, 0, 0, 0)`);
      old.exec(`INSERT INTO members (room_key, user_id, role, joined_at, joined_seq) VALUES
        (1, 'ann', 'member', 0, 7), (1, 'bob', 'member', 0, 3),
        (2, 'ann', 'member', 0, 2), (2, 'bob', 'owner', 0, 3),
        (3, 'zoe', 'owner', 0, 1), (3, 'ann', 'owner', 0, 2), (3, 'bob', 'member', 0, 3)`);
      old.close();
      const store = await openStore();
      const found: Record<string, unknown> = {};
      for (const roomId of ['lost', 'other', 'sound', 'empty']) {
        const { items } = await store.listMembers(roomId, undefined, 10);
        const owners = items.filter(({ role }) => role === 'owner').map(({ userId }) => userId);
        found[roomId] = [(await store.findRoom(roomId, 'ann'))?.ownerId, owners];
      }
      expect(found).toEqual({
        lost: ['bob', ['bob']],
        other: ['bob', ['bob']],
        sound: ['ann', ['zoe', 'ann']],
        empty: ['gone', []],
      });
    });

    test('of a newer Maru is refused and left as it is', async () => {
      await (await openStore()).close();
      const db = new DatabaseSync(database());
      const next = MIGRATIONS.length + 1;
      db.prepare('INSERT INTO migrations VALUES (?, ?, 0)').run(next, '9999-from-the-future');
      db.close();
      await expect(openStore()).rejects.toThrow(/newer Maru: it has the migration "9999-from-the-future"/);
    });
  });

  test('reads are answered while a big batch of writes runs', { timeout: 30_000 }, async () => {
    const store = await openStore({ batchLimit: 5_000 });
    const roomId = await newRoom(store);
    // One transaction of 5,000 writes: no read could pass it if they shared a thread or a lock.
    const writing = Promise.all(range(0, 5_000).map(() => say(store, roomId, 'x'.repeat(4_000))));
    for (let index = 0; index < 5; index += 1) {
      expect(await store.findStanding(roomId, 'alice')).toMatchObject({ head: 1 });
      expect(store.pending).toBe(5_000);
    }
    await writing;
    expect(await store.findStanding(roomId, 'alice')).toMatchObject({ head: 5_001 });
  });

  test('the reader refuses one read more than its limit', async () => {
    const store = await openStore({ readLimit: 3 });
    const reading = range(0, 3).map(() => store.findUser('alice'));
    await refused(store.findUser('alice'), 'overloaded');
    expect(await Promise.all(reading)).toEqual([null, null, null]);
    expect(await store.findUser('alice')).toBeNull();
  });
});
