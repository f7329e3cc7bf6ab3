// The index of the search on SQLite: that it is used, that it follows what becomes of messages, and that it goes with a room.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openSqliteStore, type SqliteStoreOptions } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { range } from './store.contract.ts';

const ALICE = { userId: 'alice', name: 'Alice' };

let folder: string;
let store: Store;
let database: DatabaseSync;
const open = async (options: Partial<SqliteStoreOptions> = {}) => {
  store = await openSqliteStore({ folder, ...options });
};
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maru-search-index-'));
  await open({ eraseWithinMs: 1, purgeAfterMs: 1 });
  database = new DatabaseSync(join(folder, 'chat.db'), { readOnly: true });
});
afterEach(async () => {
  database.close();
  await store.close();
  await rm(folder, { recursive: true });
});

const newRoom = async () =>
  (await store.createRoom({ name: 'x', visibility: 'public', owner: ALICE })).roomId;

async function say(roomId: string, contents: readonly string[]): Promise<readonly string[]> {
  const message = { kind: 'message', roomId, sender: ALICE } as const;
  const appended = await store.append(contents.map((content) => ({ ...message, content })));
  return appended.map(({ entry }) => (entry?.type === 'message.created' ? entry.messageId : ''));
}

const count = (sql: string): number => Number(database.prepare(sql).get()?.n);

/** Resolves when the index has all that is in the logs, as they are. */
async function untilIndexed(): Promise<void> {
  const behind = `SELECT count(*) AS n FROM entries e LEFT JOIN search_positions p USING (room_key)
    WHERE e.type = 'message.created' AND e.seq > coalesce(p.seq, 0)`;
  await vi.waitFor(
    () => expect([count(behind), count('SELECT count(*) AS n FROM search_changes')]).toEqual([0, 0]),
    { timeout: 20_000, interval: 10 },
  );
}

/** What the index itself has, without a look at any message. */
const indexed = (trigrams: string): number =>
  Number(
    database.prepare('SELECT count(*) AS n FROM message_index WHERE message_index MATCH ?').get(trigrams)?.n,
  );

const found = async (text: string, roomId?: string) =>
  (await store.search('alice', { text, roomId }, undefined, 10)).items.map(({ content }) => content);

test('what is far from the newest is found by the index, also after it was edited, and not once it is deleted', async () => {
  const roomId = await newRoom();
  const [first = '', second = ''] = await say(roomId, ['회의는 zebra 앞에서', 'another zebra']);
  for (const _ of range(0, 5))
    await say(
      roomId,
      range(0, 500).map((n) => `chatter ${n}`),
    );
  await untilIndexed();
  expect(indexed('"zeb" AND "ebr"')).toBe(2);
  expect(await found('zebra')).toEqual(['another zebra', '회의는 zebra 앞에서']);
  expect(await found('의는 ')).toEqual(['회의는 zebra 앞에서']);

  const about = { roomId, sender: ALICE };
  await store.append([{ kind: 'edit', ...about, messageId: first, content: 'now a giraffe' }]);
  expect([await found('giraffe'), await found('zebra')]).toEqual([['now a giraffe'], ['another zebra']]);
  await untilIndexed();
  expect([indexed('"gir"'), indexed('"zeb"')]).toEqual([1, 1]);
  expect([await found('giraffe'), await found('zebra')]).toEqual([['now a giraffe'], ['another zebra']]);

  await store.append([{ kind: 'delete', ...about, messageId: second }]);
  expect(await found('zebra')).toEqual([]);
  await untilIndexed();
  expect(indexed('"zeb"')).toBe(0);
  expect(indexed('"cha" AND "hat"')).toBe(2_500);
});

test('a search doesn’t wait for a million messages: one room’s matches are a small part of the index', async () => {
  const [wanted, other] = [await newRoom(), await newRoom()];
  for (const _ of range(0, 8)) {
    await say(
      other,
      range(0, 500).map((n) => `needle of the other room ${n}`),
    );
    await say(
      wanted,
      range(0, 200).map((n) => `hay ${n}`),
    );
  }
  const [, deep] = await say(wanted, ['hay', 'the needle of this room']);
  for (const _ of range(0, 3))
    await say(
      wanted,
      range(0, 500).map((n) => `hay ${n}`),
    );
  await untilIndexed();
  const { items } = await store.search('alice', { text: 'needle', roomId: wanted }, undefined, 10);
  expect(items.map(({ messageId }) => messageId)).toEqual([deep]);
});

test('nothing of a deleted room stays in any table or in the index, also when the program ends meanwhile', async () => {
  const [gone, kept] = [await newRoom(), await newRoom()];
  for (const roomId of [gone, kept]) {
    const ids = await say(
      roomId,
      range(0, 600).map((n) => `zebra number ${n}`),
    );
    const about = { roomId, sender: ALICE };
    await store.append([
      { kind: 'edit', ...about, messageId: ids[3] ?? '', content: 'an edited zebra' },
      { kind: 'react', ...about, messageId: ids[4] ?? '', emoji: '👍', remove: false },
      { kind: 'message', ...about, content: '@zebra', mentions: [ALICE.userId] },
    ]);
  }
  await untilIndexed();
  const key = count(`SELECT room_key AS n FROM rooms WHERE room_id = '${gone}'`);
  const tables = ['rooms', 'members', 'entries', 'mentions', 'reactions', 'search_positions'];
  const rows = () =>
    tables.map((table) => count(`SELECT count(*) AS n FROM ${table} WHERE room_key = ${key}`));
  expect(rows().every((each) => each > 0)).toBe(true);

  await store.deleteRoom(gone, ALICE);
  // Begun or not, it goes on where it is.
  await store.close();
  await open({ eraseWithinMs: 1, purgeAfterMs: 1 });
  await vi.waitFor(() => expect(rows()).toEqual(tables.map(() => 0)), { timeout: 20_000, interval: 10 });
  expect(indexed('"zeb"')).toBe(601);
  expect(await found('zebra', kept)).toHaveLength(10);
  expect((await store.listMessages(kept, 'alice', {}, 1_000)).messages).toHaveLength(601);
});
