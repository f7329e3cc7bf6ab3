// What the database is asked: as much for a SEND to a big room as to a small one, as much for a long page as for a short one.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrate } from '../../src/store/migrations/index.ts';
import { createReadQueries } from '../../src/store/read-queries.ts';
import type { NewMessage } from '../../src/store/store.ts';
import { createWriteOperations } from '../../src/store/write-operations.ts';
import type { WriteOperations } from '../../src/store/writes.ts';
import { range } from './store.contract.ts';

/** SQLite itself, that also notes each statement when it is run. */
class NotingDatabase extends DatabaseSync {
  readonly ran: string[] = [];

  override prepare(sql: string): StatementSync {
    const statement = super.prepare(sql);
    for (const name of ['run', 'get', 'all', 'iterate'] as const) {
      const run = statement[name].bind(statement) as (...values: unknown[]) => unknown;
      Object.defineProperty(statement, name, {
        value: (...values: unknown[]) => {
          this.ran.push(sql.trim().replaceAll(/\s+/g, ' '));
          return run(...values);
        },
      });
    }
    return statement;
  }
}

const ALICE = { userId: 'alice', name: 'Alice' };

let folder: string;
let db: NotingDatabase;
let operations: WriteOperations;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'maru-statements-'));
  db = new NotingDatabase(join(folder, 'chat.db'));
  migrate(db);
  operations = createWriteOperations(db, Date.now);
});
afterAll(() => {
  db.close();
  rmSync(folder, { recursive: true });
});

function roomOf(members: number): string {
  const created = operations.createRoom({ name: 'x', visibility: 'public', owner: ALICE });
  if ('error' in created) throw new Error(created.error.code);
  const { roomId } = created.value;
  db.exec('BEGIN');
  for (const index of range(1, members - 1)) {
    operations.join({ roomId, person: { userId: `u${index}`, name: 'U' }, role: 'member' });
  }
  db.exec('COMMIT');
  return roomId;
}

function costOf(roomId: string, more: Partial<NewMessage> = {}) {
  const changes = () => Number(db.prepare('SELECT total_changes() AS changes').get()?.changes);
  const before = changes();
  db.ran.length = 0;
  const outcome = operations.appendMessage({ roomId, sender: ALICE, content: 'hello', ...more });
  expect(outcome).toMatchObject({ value: { duplicate: false } });
  const ran = [...db.ran];
  return { ran, changed: changes() - before };
}

test('a message runs the same four statements and changes the same three rows in a room of 2 and of 2,000', () => {
  const small = costOf(roomOf(2));
  const big = costOf(roomOf(2_000));
  expect(big).toEqual(small);
  expect(small.ran.map((sql) => sql.split(' ', 3).join(' '))).toEqual([
    'SELECT r.room_key, r.visibility,',
    'INSERT INTO entries',
    'UPDATE rooms SET',
    'UPDATE members SET',
  ]);
  expect(small.changed).toBe(3);
});

test('one with all it can have runs as many more for each mention, and no more for a bigger room', () => {
  const [small, big] = [roomOf(4), roomOf(2_000)].map((roomId) => {
    const first = operations.appendMessage({ roomId, sender: ALICE, content: 'x' });
    if ('error' in first) throw new Error(first.error.code);
    const replyTo = first.value.entry.messageId;
    return costOf(roomId, { clientMessageId: 'c1', replyTo, mentions: ['u1', 'u2', 'u3'] });
  });
  expect(big).toEqual(small);
  expect(small?.ran).toHaveLength(4 + 2 + 2 * 3);
  expect(small?.changed).toBe(3 + 3);
});

test('a page of history takes the same four statements for 2 messages as for 100, edited and reacted to', () => {
  const roomId = roomOf(2);
  for (const index of range(0, 120)) {
    const appended = operations.appendMessage({ roomId, sender: ALICE, content: `${index}` });
    if ('error' in appended) throw new Error(appended.error.code);
    const about = { roomId, sender: ALICE, messageId: appended.value.entry.messageId };
    operations.append([
      { kind: 'edit', ...about, content: `edited ${index}` },
      { kind: 'react', ...about, emoji: '👍', remove: false },
    ]);
  }
  const queries = createReadQueries(db);
  const [short, long] = [2, 100].map((limit) => {
    db.ran.length = 0;
    const { messages } = queries.listMessages(roomId, 'alice', {}, limit);
    expect(messages).toHaveLength(limit);
    for (const { content, reactions } of messages) {
      expect([content?.slice(0, 6), reactions]).toEqual(['edited', [{ emoji: '👍', count: 1, mine: true }]]);
    }
    return [...db.ran];
  });
  expect(long).toEqual(short);
  expect(short).toHaveLength(4);
});
