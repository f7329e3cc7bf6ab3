// What `maru verify` finds: a sound data folder is without a problem, and every kind of damage is named.
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { createSearchIndex } from '../src/store/search-index.ts';
import type { NewEntry } from '../src/store/store.ts';
import { verify } from '../src/verify.ts';
import { falsify, leavesOf, wreckPage } from './store/damage.ts';
import { openWriting } from './store/writing.ts';

const ann = { userId: 'ann', name: 'Ann' };
const bob = { userId: 'bob', name: 'Bob' };

let folder: string;
let sound: string;
let dataDir: string;
/** In it: seq 1, 2 joined; 3 deleted; 4 edited by 5; 6 said; 7 mentions bob; 8 a reaction to 6; 9 deletes 3; 10 … said. */
let roomId: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'maru-verify-'));
  sound = join(folder, 'sound');
  const writing = openWriting(sound);
  for (const person of [ann, bob]) {
    writing.write({ name: 'enterUser', input: { ...person, issuer: 'here', subject: person.userId } });
  }
  const room = (name: string) =>
    writing.write({ name: 'createRoom', input: { name, visibility: 'public', owner: ann } });
  const { roomId: id, logEpoch } = room('Maru');
  roomId = id;
  writing.write({ name: 'join', input: { roomId, person: bob, role: 'member' } });
  const say = (content: string, mentions: readonly string[] = []): NewEntry => ({
    kind: 'message',
    roomId,
    sender: ann,
    content,
    clientMessageId: `client-${content}`,
    mentions,
  });
  const about = (seq: number) => ({ roomId, sender: ann, messageId: `${logEpoch}-${seq}` });
  writing.write({
    name: 'append',
    input: [
      say('regretted'),
      say('mistyped'),
      { kind: 'edit', ...about(4), content: 'typed' },
      say('liked'),
      say('to bob', ['bob']),
      { kind: 'react', ...about(6), emoji: '👍', remove: false },
      { kind: 'delete', ...about(3) },
    ],
  });
  writing.write({
    name: 'append',
    input: Array.from({ length: 60 }, (_, n) => say(`${n} ${'x'.repeat(900)}`)),
  });
  writing.write({ name: 'markRead', input: { roomId, userId: 'bob', seq: 6 } });
  writing.write({ name: 'openDirect', input: { caller: ann, other: bob } });
  const { roomId: gone } = room('gone');
  writing.write({ name: 'deleteRoom', input: { roomId: gone, actor: ann } });
  const index = createSearchIndex(writing.db);
  while (index.advance(1_000));
  writing.close();
  new DatabaseSync(join(sound, 'identity.db')).close();
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  dataDir = join(folder, 'data');
  cpSync(sound, dataDir, { recursive: true });
});
afterEach(() => rmSync(dataDir, { recursive: true }));

const found = (quick = false) =>
  verify({ dataDir, quick }).problems.map(
    ({ file, problem }) => `${file}: ${problem.replaceAll(roomId, 'R')}`,
  );

test('of a sound folder it has no problem to tell, and counts what is there', () => {
  expect(verify({ dataDir, quick: false })).toEqual({ problems: [], rooms: 3, entries: 73 });
});

test('it changes no file', () => {
  const of = () => statSync(join(dataDir, 'chat.db'));
  const before = of();
  verify({ dataDir, quick: false });
  expect([of().size, of().mtimeMs]).toEqual([before.size, before.mtimeMs]);
  expect(readdirSync(dataDir).filter((name) => !/-(wal|shm)$/.test(name))).toEqual([
    'chat.db',
    'identity.db',
  ]);
});

test('a folder without data is an error that says so', () => {
  expect(() => verify({ dataDir: folder, quick: false })).toThrow(`there is no data of Maru in ${folder}`);
});

describe('it finds', () => {
  // `room_key` 1 is the room above, 2 the direct one, 3 the deleted one.
  test.each([
    [
      'a missing entry',
      'DELETE FROM entries WHERE room_key = 1 AND seq = 12',
      'room R: after entry 11 comes 13',
    ],
    [
      'a missing first entry',
      'DELETE FROM entries WHERE room_key = 1 AND seq = 1',
      'room R: after entry 0 comes 2',
    ],
    [
      'a wrong count',
      'UPDATE entries SET created_count = 99 WHERE room_key = 1 AND seq = 12',
      'room R: entry 12 says 99 messages were created up to it, 7 were',
    ],
    [
      'a head that is too low',
      'UPDATE rooms SET head = 60 WHERE room_key = 1',
      'room R: its head is 60, and there are entries after it',
    ],
    [
      'a head that is too high',
      'UPDATE rooms SET head = 90 WHERE room_key = 1',
      'room R: its head is 90, and there is no such entry',
    ],
    [
      'a wrong sum of messages',
      'UPDATE rooms SET created_count = 3 WHERE room_key = 1',
      'room R: it counts 3 messages, its last entry 64',
    ],
    [
      'a wrong time of the head',
      'UPDATE rooms SET last_entry_at = 1 WHERE room_key = 1',
      'room R: it has another time than its last entry',
    ],
    [
      'a wrong number of members',
      'UPDATE rooms SET member_count = 5 WHERE room_key = 1',
      'room R: it counts 5 members, there are 2',
    ],
    [
      'a member who never joined',
      "UPDATE members SET joined_seq = 4, read_seq = 6 WHERE room_key = 1 AND user_id = 'bob'",
      'room R: member bob joined by entry 4, which is not that',
    ],
    [
      'an owner who is no member',
      "UPDATE rooms SET owner_id = 'zoe' WHERE room_key = 1",
      'room R: its owner zoe is not one of its owners',
    ],
    [
      'an owner without the role',
      "UPDATE members SET role = 'member' WHERE room_key = 1 AND user_id = 'ann'",
      'room R: its owner ann is not one of its owners',
    ],
    [
      'a direct room without one of its two',
      "UPDATE rooms SET direct_b = 'zoe' WHERE room_key = 2",
      /room .*: it is direct, and not of its two people alone$/,
    ],
    [
      'a direct room that is public',
      "UPDATE rooms SET visibility = 'public' WHERE room_key = 2",
      /room .*: it is direct, and not of its two people alone$/,
    ],
    [
      'a read marker past the head',
      "UPDATE members SET read_seq = 99 WHERE room_key = 1 AND user_id = 'bob'",
      'room R: the read marker of bob is at 99, counting 3: there is no such entry',
    ],
    [
      'a read marker that counts wrong',
      "UPDATE members SET read_count = 9 WHERE room_key = 1 AND user_id = 'bob'",
      'room R: the read marker of bob is at 6, counting 9: that entry counts 3',
    ],
    [
      'a message without content',
      'UPDATE entries SET content = NULL WHERE room_key = 1 AND seq = 6',
      'room R: message 6 has no content and is not deleted',
    ],
    [
      'content of a deleted message',
      "UPDATE entries SET content = 'regretted' WHERE room_key = 1 AND seq = 3",
      'room R: message 3 is deleted and still has content or mentions',
    ],
    [
      'a message without an id',
      'UPDATE entries SET message_id = NULL WHERE room_key = 1 AND seq = 10',
      'room R: message 10 has no id',
    ],
    [
      'a reaction entry to nothing',
      'UPDATE entries SET target_seq = NULL WHERE room_key = 1 AND seq = 8',
      'room R: entry 8 is a reaction.added of nothing, which is no message',
    ],
    [
      'an edit of another message',
      'UPDATE entries SET target_seq = 6 WHERE room_key = 1 AND seq = 5',
      'room R: message 6 has the edit 5, and knows none as its last',
    ],
    [
      'a deletion that is none',
      'UPDATE entries SET deleted_seq = 8 WHERE room_key = 1 AND seq = 3',
      'room R: message 3 is deleted by entry 8, which is not that',
    ],
    [
      'an edit that outlived its message',
      'UPDATE entries SET deleted_seq = 9, content = NULL WHERE room_key = 1 AND seq = 5',
      'room R: edit 5 of message 4 is deleted by 9, the message by nothing',
    ],
    [
      'a reaction to what is no message',
      'UPDATE reactions SET message_seq = 1',
      'room R: 👍 of ann at message 1: there is no such message',
    ],
    [
      'a reaction to a deleted message',
      'UPDATE reactions SET message_seq = 3',
      'room R: 👍 of ann at message 3: it is deleted',
    ],
    [
      'a reaction nobody made',
      'UPDATE reactions SET seq = 7',
      'room R: 👍 of ann at message 6: entry 7 did not add it, or not first by 8',
    ],
    [
      'a mention by a deleted message',
      'UPDATE mentions SET seq = 3',
      'room R: a mention of bob by message 3: it is deleted',
    ],
    [
      'a mention that nobody wrote',
      'UPDATE mentions SET seq = 6',
      'room R: a mention of bob by message 6: it does not name them',
    ],
    [
      'a search index past the head',
      'UPDATE search_positions SET seq = 99 WHERE room_key = 1',
      'room R: it is searched up to 99, its head is 69',
    ],
    [
      'a change that waits for what is not in the index',
      "INSERT INTO search_changes VALUES (1, 2, 'x')",
      'room R: a change of entry 2 waits for the search index, which has no such message',
    ],
    [
      'words of nobody',
      "INSERT INTO user_words VALUES ('ZOE', 'zoe')",
      'user zoe: found as ZOE, and not entered',
    ],
    [
      'rows of no room',
      'UPDATE mentions SET room_key = 77',
      'mentions: a row refers to a row of rooms that is not there',
    ],
    ['a broken search index', 'DELETE FROM message_index_data WHERE id = 10', /message_index/],
    [
      'tables of another version',
      "UPDATE migrations SET name = '0099-other' WHERE position = 2",
      'it was written by another version of Maru: verify it with that one',
    ],
  ])('%s', (_, sql, problem) => {
    const db = new DatabaseSync(join(dataDir, 'chat.db'), {
      enableForeignKeyConstraints: false,
      defensive: false,
    });
    db.exec('PRAGMA journal_mode = delete');
    const before = db.prepare('SELECT total_changes() AS changes').get();
    db.exec(sql);
    expect(db.prepare('SELECT total_changes() AS changes').get()).not.toEqual(before);
    db.close();
    const problems = found();
    expect(problems).toContainEqual(
      typeof problem === 'string' ? `chat.db: ${problem}` : expect.stringMatching(problem),
    );
  });

  test('each of many holes, up to a hundred, and says that there are more', () => {
    const db = new DatabaseSync(join(dataDir, 'chat.db'));
    db.exec(`INSERT INTO entries (room_key, seq, type, actor_id, actor_name, created_at, created_count)
      SELECT 1, value, 'room.updated', 'ann', 'Ann', 0, 64 FROM
        (WITH RECURSIVE seqs (value) AS (SELECT 100 UNION ALL SELECT value + 2 FROM seqs LIMIT 400) SELECT value FROM seqs)`);
    db.close();
    const holes = found().filter((problem) => problem.includes(': after entry '));
    expect(holes).toHaveLength(100);
    expect(found()).toContain('chat.db: there are more of these');
  });

  test('a page that is none any more, and checks what else can be read', () => {
    const path = join(dataDir, 'chat.db');
    const db = new DatabaseSync(path);
    db.exec("PRAGMA journal_mode = delete; UPDATE rooms SET owner_id = 'zoe' WHERE room_key = 1");
    db.close();
    const [, page] = leavesOf(path, 'entries');
    if (page === undefined) throw new Error('the log has one page');
    wreckPage(path, page);
    expect(found()).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^chat\.db: Tree \d+ page \d+/),
        'chat.db: stopped: database disk image is malformed',
        'chat.db: room R: its owner zoe is not one of its owners',
      ]),
    );
  });

  test('an index that disagrees with its table, unless it is to be quick', () => {
    const path = join(dataDir, 'chat.db');
    falsify(path, leavesOf(path, 'entries_by_client_message_id'), 'client-liked', 'client-hated');
    expect(found()).toContainEqual(expect.stringContaining('entries_by_client_message_id'));
    expect(found(true)).toEqual([]);
  });

  test('a file that was cut off', () => {
    truncateSync(join(dataDir, 'chat.db'), 20_000);
    expect(found()).not.toEqual([]);
  });

  test.each(['chat.db', 'identity.db'])('that %s is no database, and looks at the other', (file) => {
    writeFileSync(join(dataDir, file), 'x'.repeat(20_000));
    expect(found()).toEqual([`${file}: stopped: file is not a database`]);
  });
});

test('while a server writes it sees one moment, without a problem', () => {
  const writing = openWriting(dataDir);
  writing.write({
    name: 'appendMessage',
    input: { roomId, sender: ann, content: 'not yet copied into the file' },
  });
  expect(verify({ dataDir, quick: false })).toEqual({ problems: [], rooms: 3, entries: 74 });
  writing.close();
});
