// The gap of a b-tree page, and that nothing SQLite reads is in it.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { gapOf } from '../../src/store/page-gap.ts';

const PAGE = 4_096;

/** A leaf of a table with one cell of 5 octets at its end, changed by `change`. */
function leaf(change: (page: Buffer) => void = () => {}): Buffer {
  const page = Buffer.alloc(PAGE);
  page[0] = 13;
  page.writeUInt16BE(1, 3);
  page.writeUInt16BE(PAGE - 5, 5);
  page.writeUInt16BE(PAGE - 5, 8);
  change(page);
  return page;
}

test('the gap is between the pointers and the cells', () => {
  expect(gapOf(leaf(), 2, PAGE)).toEqual({ start: 10, end: PAGE - 5 });
  expect(
    gapOf(
      leaf((page) => {
        page[0] = 5;
        page.writeUInt16BE(PAGE - 5, 12);
      }),
      2,
      PAGE,
    ),
  ).toEqual({ start: 14, end: PAGE - 5 });
});

test('a page that is not what the format says has none', () => {
  const strange: readonly ((page: Buffer) => void)[] = [
    (page) => page.fill(0),
    (page) => page.writeUInt8(1, 0),
    (page) => page.writeUInt16BE(PAGE, 3),
    (page) => page.writeUInt16BE(PAGE + 1, 5),
    (page) => page.writeUInt16BE(8, 5),
    (page) => page.writeUInt16BE(100, 8),
    (page) => page.writeUInt16BE(100, 1),
  ];
  for (const change of strange) expect(gapOf(leaf(change), 2, PAGE)).toBeUndefined();
});

test('any octets at all: a gap lies within the page, behind its header', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 512, maxLength: 512 }),
      fc.constantFrom(2, 5, 10, 13, 0, 77),
      fc.constantFrom(1, 2),
      (page, type, pageNumber) => {
        page[pageNumber === 1 ? 100 : 0] = type;
        const gap = gapOf(page, pageNumber, page.length);
        if (gap === undefined) return;
        expect(gap.start).toBeGreaterThanOrEqual(pageNumber === 1 ? 108 : 8);
        expect(gap.start).toBeLessThanOrEqual(gap.end);
        expect(gap.end).toBeLessThanOrEqual(page.length);
      },
    ),
  );
});

const change = fc.record({
  kind: fc.constantFrom('insert', 'insert', 'insert', 'update', 'delete'),
  room: fc.nat(4),
  seq: fc.nat(200),
  length: fc.oneof(fc.nat(40), fc.nat(300), fc.constantFrom(0, 4_000, 9_000)),
});

test('SQLite reads the same, whatever was written, when all gaps of a file hold something else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'maru-gap-'));
  let run = 0;
  try {
    fc.assert(
      fc.property(fc.array(change, { minLength: 50, maxLength: 600 }), (changes) => {
        run += 1;
        const path = join(folder, `${run}.db`);
        const db = new DatabaseSync(path);
        db.exec('PRAGMA synchronous = off; PRAGMA secure_delete = on');
        db.exec('CREATE TABLE a (room, seq, text, PRIMARY KEY (room, seq)) WITHOUT ROWID');
        db.exec('CREATE TABLE b (key INTEGER PRIMARY KEY, text); CREATE INDEX b_text ON b (text)');
        db.exec('BEGIN');
        const write = {
          insert: [
            'INSERT OR IGNORE INTO a VALUES (?1, ?2, ?3)',
            'INSERT OR IGNORE INTO b VALUES (?1 * 1000 + ?2, ?3)',
          ],
          update: [
            'UPDATE a SET text = ?3 WHERE room = ?1 AND seq = ?2',
            'UPDATE b SET text = ?3 WHERE key = ?1 * 1000 + ?2',
          ],
          delete: [
            'DELETE FROM a WHERE room = ?1 AND seq = ?2 AND ?3 = ?3',
            'DELETE FROM b WHERE key = ?1 * 1000 + ?2 AND ?3 = ?3',
          ],
        } as const;
        for (const { kind, room, seq, length } of changes) {
          for (const sql of write[kind as keyof typeof write])
            db.prepare(sql).run(room, seq, `${seq}:`.padEnd(length, 'x'));
        }
        db.exec('COMMIT');
        const before = contentOf(db);
        db.close();
        const file = readFileSync(path);
        for (let at = 0; at < file.length; at += PAGE) {
          const gap = gapOf(file.subarray(at, at + PAGE), at / PAGE + 1, PAGE);
          if (gap !== undefined) file.fill(0x5a, at + gap.start, at + gap.end);
        }
        writeFileSync(path, file);
        const after = new DatabaseSync(path);
        expect(contentOf(after)).toEqual(before);
        // Also when it writes on, into these very gaps.
        after.exec("INSERT INTO a VALUES (100, 1, 'y')");
        expect(after.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
        after.close();
        rmSync(path);
      }),
      { numRuns: 60 },
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

function contentOf(db: DatabaseSync): readonly unknown[] {
  const tables = ['a', 'b'].map((table) => db.prepare(`SELECT * FROM ${table}`).all());
  return [...tables, db.prepare('PRAGMA integrity_check').all()];
}
