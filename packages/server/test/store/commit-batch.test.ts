// A batch that fails: whose fault it is decides who has the error, and what of it is kept.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCommitBatch } from '../../src/store/commit-batch.ts';
import { dataFolder } from '../../src/store/data-folder.ts';
import type { WriteOutcome, WriteRequest } from '../../src/store/writes.ts';
import { leavesOf, wreckPage } from './damage.ts';
import { range } from './store.contract.ts';
import { openWriting, type Writing } from './writing.ts';

const owner = { userId: 'alice', name: 'Alice' };

let folder: string;
let writing: Writing;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'maru-batch-'));
  writing = openWriting(folder);
});
afterEach(() => {
  writing.close();
  rmSync(folder, { recursive: true });
});

const newRoom = () =>
  writing.write({ name: 'createRoom', input: { name: 'x', visibility: 'public', owner } }).roomId;
const say = (roomId: string, content: string): WriteRequest => ({
  name: 'appendMessage',
  input: { roomId, sender: owner, content },
});
const contentsOf = (roomId: string) =>
  writing.db
    .prepare(
      `SELECT seq, content FROM entries JOIN rooms USING (room_key)
      WHERE room_id = ? AND type = 'message.created' ORDER BY seq`,
    )
    .all(roomId)
    .map((row) => `${row.seq} ${row.content}`);
/** Frames of the write-ahead log that end a transaction (https://sqlite.org/fileformat2.html#walformat). */
function countCommits(): number {
  const log = readFileSync(`${dataFolder(folder).database}-wal`);
  let commits = 0;
  for (let at = 32; at < log.length; at += 24 + 4_096) if (log.readUInt32BE(at + 4) !== 0) commits += 1;
  return commits;
}
const errorsOf = (outcomes: readonly WriteOutcome[]) =>
  outcomes.map((outcome) => ('error' in outcome ? (outcome.error.fault ?? outcome.error.code) : 'kept'));

describe('a failure of the disk', () => {
  const lift = { disk: () => writing.db.exec('PRAGMA max_page_count = 1000000') };
  const failures: readonly [fault: string, begin: () => () => void][] = [
    [
      'full',
      () => {
        const pages = writing.db.prepare('PRAGMA page_count').get()?.page_count;
        writing.db.exec(`PRAGMA max_page_count = ${pages}`);
        return lift.disk;
      },
    ],
    [
      'read-only',
      () => {
        writing.db.exec('PRAGMA query_only = on');
        return () => writing.db.exec('PRAGMA query_only = off');
      },
    ],
    [
      'locked',
      () => {
        writing.db.exec('PRAGMA busy_timeout = 20');
        const other = new DatabaseSync(dataFolder(folder).database);
        other.exec('BEGIN IMMEDIATE');
        return () => other.close();
      },
    ],
  ];

  test.each(failures)('(%s) fails every write of the batch alike, keeps none, and passes', (fault, begin) => {
    const roomId = newRoom();
    writing.write(say(roomId, 'before'));
    const batch = range(0, 50).map((index) => say(roomId, `${index} ${'x'.repeat(4_000)}`));
    const end = begin();
    expect(errorsOf(writing.commit(batch))).toEqual(batch.map(() => fault));
    expect(errorsOf(writing.commit(batch))).toEqual(batch.map(() => fault));
    end();
    expect(contentsOf(roomId)).toEqual(['2 before']);
    expect(errorsOf(writing.commit(batch))).toEqual(batch.map(() => 'kept'));
    expect(contentsOf(roomId).map((line) => Number.parseInt(line, 10))).toEqual(range(2, 51));
  });

  test('costs one try of the batch, not one for each write', () => {
    const roomId = newRoom();
    let tries = 0;
    const commit = createCommitBatch(writing.db, {
      ...writing.operations,
      appendMessage(message) {
        tries += 1;
        return writing.operations.appendMessage(message);
      },
    });
    failures[0]?.[1]();
    const batch = range(0, 100).map(() => say(roomId, 'x'.repeat(4_000)));
    expect(new Set(errorsOf(commit(batch)))).toEqual(new Set(['full']));
    expect(tries).toBeLessThanOrEqual(batch.length);
    lift.disk();
  });

  test('says to the client what to do, and to the log what SQLite said', () => {
    const roomId = newRoom();
    failures[0]?.[1]();
    const [outcome] = writing.commit([say(roomId, 'x'.repeat(400_000))]);
    expect(outcome).toEqual({
      error: { code: 'storage-unavailable', fault: 'full', cause: 'SQLite 13: database or disk is full' },
    });
    lift.disk();
  });
});

describe('a failure that is not the disk’s', () => {
  beforeEach(() => {
    writing.db.exec(`CREATE TRIGGER poison BEFORE INSERT ON entries WHEN new.content = 'poison'
      BEGIN SELECT raise(ABORT, 'poisoned'); END`);
  });

  test('fails those writes that meet it; the rest is kept, in order', () => {
    const roomId = newRoom();
    const contents = ['a', 'poison', 'b', 'poison', 'c'];
    const outcomes = writing.commit(contents.map((content) => say(roomId, content)));
    expect(errorsOf(outcomes)).toEqual(['kept', 'internal', 'kept', 'internal', 'kept']);
    expect(contentsOf(roomId)).toEqual(['2 a', '3 b', '4 c']);
  });

  test('costs a few commits, not one for each of the others', () => {
    const roomId = newRoom();
    const before = countCommits();
    const batch = range(0, 128).map((index) => say(roomId, index === 77 ? 'poison' : 'x'));
    expect(errorsOf(writing.commit(batch)).filter((error) => error !== 'kept')).toEqual(['internal']);
    expect(countCommits() - before).toBe(7);
    expect(contentsOf(roomId)).toHaveLength(127);
  });

  test('beside a refusal leaves that refusal as it is', () => {
    const roomId = newRoom();
    const outcomes = writing.commit([say('nowhere', 'a'), say(roomId, 'poison'), say(roomId, 'b')]);
    expect(errorsOf(outcomes)).toEqual(['room-not-found', 'internal', 'kept']);
    expect(contentsOf(roomId)).toEqual(['2 b']);
  });

  test('as a damaged page fails who writes there, and nobody else', () => {
    const [first, last] = [newRoom(), newRoom()];
    for (const roomId of [first, last]) {
      writing.commit(range(0, 100).map((index) => say(roomId, `${index} ${'x'.repeat(500)}`)));
    }
    writing.close();
    const path = dataFolder(folder).database;
    const [, ...leaves] = leavesOf(path, 'entries');
    const end = leaves.at(-1);
    if (end === undefined) throw new Error('the log has no pages');
    wreckPage(path, end);
    writing = openWriting(folder);
    const batch = [say(first, 'a'), say(last, 'b'), say(first, 'c')];
    expect(errorsOf(writing.commit(batch))).toEqual(['kept', 'damaged', 'kept']);
    expect(contentsOf(first).slice(-2)).toEqual(['102 a', '103 c']);
  });
});
