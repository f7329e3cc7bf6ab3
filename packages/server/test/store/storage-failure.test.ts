// The disk or the file fails under a store that runs: what is refused, what goes on, and when it is well again.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ERRORS } from '@maru/contract';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSqliteStore, type SqliteStoreOptions } from '../../src/store/sqlite-store.ts';
import { StorageError } from '../../src/store/storage-fault.ts';
import type { Store } from '../../src/store/store.ts';
import { leavesOf, wreckPage } from './damage.ts';
import { limitFiles } from './file-limit.ts';
import { everyEntry, range, refused } from './store.contract.ts';

const owner = { userId: 'alice', name: 'Alice' };
const DAMAGED = 'the database is damaged: run maru verify';

let folder: string;
let store: Store;
const told: (string | null)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'maru-failure-'));
  told.length = 0;
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true });
});

const database = () => join(folder, 'chat.db');
const open = async (options: Partial<SqliteStoreOptions> = {}) => {
  store = await openSqliteStore({
    folder,
    probeMs: 10,
    onStorage: (trouble) => told.push(trouble?.problem ?? null),
    ...options,
  });
};
const newRoom = async () => (await store.createRoom({ name: 'x', visibility: 'public', owner })).roomId;
const say = (roomId: string, content: string) => store.appendMessage({ roomId, sender: owner, content });

test('a store is well when it answers', async () => {
  await open();
  await newRoom();
  await store.check();
  expect(told).toEqual([]);
});

test('a full disk: every write says so, reads go on, and when there is room again so do writes', async () => {
  await open();
  const roomId = await newRoom();
  await say(roomId, 'before');
  const lift = limitFiles(process.pid, statSync(`${database()}-wal`).size);
  try {
    const writes = range(0, 300).map((index) => say(roomId, `meanwhile ${index}`));
    const errors = await Promise.all(writes.map((write) => refused(write, 'storage-unavailable')));
    expect(errors.every(({ cause }) => cause instanceof StorageError)).toBe(true);
    expect(new Set(errors.map(({ message }) => message))).toEqual(
      new Set([ERRORS['storage-unavailable'].message]),
    );
    await expect(store.check()).rejects.toThrow('the disk');
    expect((await everyEntry(store, roomId)).map(({ entry }) => entry.seq)).toEqual([1, 2]);
    expect(told).toHaveLength(1);
  } finally {
    lift();
  }
  // Nobody writes: the store finds out by itself.
  await expect.poll(() => told.at(-1), { interval: 5 }).toBeNull();
  await store.check();
  await say(roomId, 'after');
  expect((await everyEntry(store, roomId)).map(({ entry }) => entry.seq)).toEqual([1, 2, 3]);
  expect(told).toHaveLength(2);
});

test('a full disk: the store closes in good order all the same, and nothing it acknowledged is lost', async () => {
  await open();
  const roomId = await newRoom();
  await Promise.all(range(0, 300).map((index) => say(roomId, `${index} ${'x'.repeat(1_000)}`)));
  // Less than what chat.db would take when the log is copied into it.
  const lift = limitFiles(process.pid, statSync(database()).size);
  try {
    await refused(say(roomId, 'meanwhile'), 'storage-unavailable');
    await store.close();
  } finally {
    lift();
  }
  await open();
  expect((await everyEntry(store, roomId)).map(({ entry }) => entry.seq)).toEqual(range(1, 301));
});

describe('a damaged page', () => {
  /** Two rooms, and the last page of the second one's log wrecked. */
  async function damagedRooms(): Promise<readonly [sound: string, damaged: string]> {
    await open();
    const rooms = [await newRoom(), await newRoom()] as const;
    for (const roomId of rooms) {
      await Promise.all(range(0, 100).map((index) => say(roomId, `${index} ${'x'.repeat(500)}`)));
    }
    await store.close();
    const last = leavesOf(database(), 'entries').at(-1);
    if (last === undefined) throw new Error('the log has no pages');
    wreckPage(database(), last);
    await open();
    return rooms;
  }

  test('refuses who reads it, and says at once that the database is damaged, for good', async () => {
    const [sound, damaged] = await damagedRooms();
    await store.check();
    await refused(store.listMessages(damaged, 'alice', {}, 50), 'storage-unavailable');
    await expect(store.check()).rejects.toThrow(DAMAGED);
    expect((await store.listMessages(sound, 'alice', {}, 50)).messages).toHaveLength(50);
    await expect(store.check()).rejects.toThrow(DAMAGED);
    expect(told).toEqual([DAMAGED]);
  });

  test('refuses who writes to it; the other rooms go on, without a hole', async () => {
    const [sound, damaged] = await damagedRooms();
    const results = await Promise.allSettled(
      range(0, 40).map((index) => say(index % 2 === 0 ? sound : damaged, 'more')),
    );
    expect(results.map((result) => (result.status === 'rejected' ? result.reason.code : 'kept'))).toEqual(
      range(0, 40).map((index) => (index % 2 === 0 ? 'kept' : 'storage-unavailable')),
    );
    expect((await everyEntry(store, sound)).map(({ entry }) => entry.seq)).toEqual(range(1, 121));
    expect(told).toEqual([DAMAGED]);
  });
});
