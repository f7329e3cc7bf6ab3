// The settings and the query plans that the store's promises and its speed rest on, read back from SQLite itself.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CURRENT_SQL } from '../../src/store/current-message.ts';
import { MESSAGE_SQL } from '../../src/store/message-queries.ts';
import { MIGRATIONS, migrate } from '../../src/store/migrations/index.ts';
import { PEOPLE_SQL } from '../../src/store/people-queries.ts';
import { ROOM_SQL } from '../../src/store/room-queries.ts';
import { openReaderConnection, openWriterConnection } from '../../src/store/sqlite-connection.ts';
import { createWriteOperations } from '../../src/store/write-operations.ts';
import { WRITE_SQL } from '../../src/store/write-sql.ts';

const READ_SQL = { ...PEOPLE_SQL, ...ROOM_SQL, ...MESSAGE_SQL, ...CURRENT_SQL };

let folder: string;
let db: DatabaseSync;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'maru-connection-'));
  db = openWriterConnection(join(folder, 'chat.db'));
  migrate(db);
});
afterAll(() => {
  db.close();
  rmSync(folder, { recursive: true });
});

test('every commit is forced to the disk', () => {
  expect(db.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
  expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
});

test('deleted content is overwritten, and references are checked', () => {
  expect(db.prepare('PRAGMA secure_delete').get()).toEqual({ secure_delete: 1 });
  expect(db.prepare('PRAGMA foreign_keys').get()).toEqual({ foreign_keys: 1 });
});

test('the reader cannot write', () => {
  const reader = openReaderConnection(join(folder, 'chat.db'));
  expect(() => reader.exec('DELETE FROM entries')).toThrow('readonly');
  reader.close();
});

test.each([...Object.entries(READ_SQL), ...Object.entries(WRITE_SQL)])(
  '%s finds its rows by index and sorts nothing',
  (_, sql) => {
    const plan = db
      .prepare(`EXPLAIN QUERY PLAN ${sql}`)
      .all()
      .map(({ detail }) => String(detail))
      // What is scanned in these is a list that was given, and rows that an index found.
      .filter((step) => !/^SCAN (json_each VIRTUAL TABLE|\(subquery|unread$|found$)/.test(step));
    expect(plan.filter((step) => /SCAN|TEMP B-TREE|AUTOMATIC/.test(step))).toEqual([]);
  },
);

test.each([
  ['listEntries', 'SEARCH entries USING PRIMARY KEY (room_key=? AND seq>?)'],
  ['listMessagesBefore', 'SEARCH entries USING INDEX entries_messages (room_key=? AND seq<?)'],
  ['listMessagesAfter', 'SEARCH entries USING INDEX entries_messages (room_key=? AND seq>?)'],
  [
    'findDuplicate',
    'USING INDEX entries_by_client_message_id (room_key=? AND actor_id=? AND client_message_id=?)',
  ],
  ['listEdits', 'SEARCH entries USING PRIMARY KEY (room_key=? AND seq=?)'],
  ['listReactions', 'SEARCH reactions USING PRIMARY KEY (room_key=? AND message_seq=?)'],
  ['findLastMessage', 'SEARCH entries USING INDEX entries_messages (room_key=?)'],
  ['eraseEdits', 'USING INDEX entries_edits (room_key=? AND target_seq=?)'],
  ['findReading', 'SEARCH x USING PRIMARY KEY (room_key=? AND user_id=? AND seq>?)'],
  ['countEmojis', 'SEARCH reactions USING PRIMARY KEY (room_key=? AND message_seq=?)'],
  ['findDirectRoom', 'USING INDEX rooms_direct (direct_a=? AND direct_b=?)'],
  ['findUsers', 'SEARCH w USING PRIMARY KEY (word>? AND word<?)'],
  ['findRoom', 'USING INDEX sqlite_autoindex_rooms_1 (room_id=?)'],
  ['listMembers', 'USING INDEX members_by_joining (room_key=? AND joined_seq>?)'],
  ['listJoinedRooms', 'USING INDEX members_by_user (user_id=? AND room_key<?)'],
  ['findFirstOwner', 'USING COVERING INDEX members_owners (room_key=?)'],
  ['findFirstMember', 'USING COVERING INDEX members_by_joining (room_key=?)'],
  ['listPublicRooms', 'USING INDEX rooms_public (room_key<?)'],
] as const)('%s is planned as meant', (name, step) => {
  const plan = db.prepare(`EXPLAIN QUERY PLAN ${{ ...WRITE_SQL, ...READ_SQL }[name]}`).all();
  expect(plan.map(({ detail }) => detail).join('\n')).toContain(step);
});

test('an entry is never older than the one before it, though the clock is set back', () => {
  let clock = Date.UTC(2026, 0, 2);
  const operations = createWriteOperations(db, () => clock);
  const owner = { userId: 'alice', name: 'Alice' };
  const created = operations.createRoom({ name: 'x', visibility: 'public', owner });
  if ('error' in created) throw new Error(created.error.code);
  clock = Date.UTC(2026, 0, 1);
  const appended = operations.appendMessage({ roomId: created.value.roomId, sender: owner, content: 'x' });
  expect(appended).toMatchObject({ value: { entry: { createdAt: '2026-01-02T00:00:00.000Z' } } });
});

test('a migration that fails changes nothing and is named', () => {
  const broken = { name: '9999-broken', sql: 'CREATE TABLE half (a); CREATE TABLE half (a);' };
  expect(() => migrate(db, [...MIGRATIONS, broken])).toThrow(
    'the migration "9999-broken" failed: table half already exists',
  );
  expect(db.isTransaction).toBe(false);
  expect(db.prepare("SELECT name FROM sqlite_schema WHERE name = 'half'").all()).toEqual([]);
});

test('a database one migration behind gets that one only, and one ahead is refused', () => {
  const next = { name: '9999-next', sql: 'CREATE TABLE next (a)' };
  migrate(db, [...MIGRATIONS, next]);
  migrate(db, [...MIGRATIONS, next]);
  expect(db.prepare('SELECT name FROM migrations ORDER BY position').all()).toEqual(
    [...MIGRATIONS, next].map(({ name }) => ({ name })),
  );
  expect(() => migrate(db)).toThrow('it has the migration "9999-next" where this one knows none after');
});
