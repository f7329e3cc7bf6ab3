// What is left of a deleted message in chat.db: its place in the log, and not a word of it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';

const ALICE = { userId: 'alice', name: 'Alice' };
const BOB = { userId: 'bob-who-is-mentioned', name: 'Bob' };

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maru-deleted-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Every row of every table, as text. */
function rowsOf(path: string): Record<string, readonly string[]> {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    // The index of the search follows moments later, in its own time: it has a test of its own.
    const tables = db
      .prepare(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND NOT name GLOB '*_index*' AND NOT name GLOB 'search_*'",
      )
      .all();
    return Object.fromEntries(
      tables.map(({ name }) => {
        const rows = db.prepare(`SELECT * FROM "${name}"`).all();
        const texts = rows.map((row) =>
          Object.values(row)
            .map((value) =>
              value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : `${value}`,
            )
            .join('|'),
        );
        return [String(name), texts];
      }),
    );
  } finally {
    db.close();
  }
}

test('no row of any table has its content, any content it was edited from, its mentions or its reactions', async () => {
  const store = await openSqliteStore({ folder });
  const path = join(folder, 'chat.db');
  try {
    const { roomId } = await store.createRoom({ name: 'x', visibility: 'public', owner: ALICE });
    await store.join(roomId, BOB, 'member');
    const message = { roomId, sender: ALICE, clientMessageId: 'c1', mentions: [BOB.userId] };
    const { entry } = await store.appendMessage({ ...message, content: 'first zebra words' });
    const about = { roomId, sender: ALICE, messageId: entry.messageId };
    await store.append([
      { kind: 'edit', ...about, content: 'second zebra words' },
      { kind: 'react', ...about, sender: BOB, emoji: '👍', remove: false },
      { kind: 'edit', ...about, content: `zebra ${'long '.repeat(3_000)}` },
    ]);
    const before = rowsOf(path);
    expect(before.entries?.filter((row) => row.includes('zebra'))).toHaveLength(3);
    expect(before.mentions).toHaveLength(1);
    expect(before.reactions).toHaveLength(1);

    await store.append([{ kind: 'delete', ...about }]);
    const after = rowsOf(path);
    expect(
      Object.values(after)
        .flat()
        .filter((row) => row.includes('zebra')),
    ).toEqual([]);
    expect(after.mentions).toEqual([]);
    expect(after.reactions).toEqual([]);
    // Beside the row of their own joining and of their reaction, nothing of the log names who was mentioned.
    expect(after.entries?.filter((row) => row.includes(BOB.userId))).toHaveLength(2);
    expect(after.entries).toHaveLength(7);
  } finally {
    await store.close();
  }
});
