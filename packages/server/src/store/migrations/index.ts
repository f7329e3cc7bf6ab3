// The schema's steps in order, and the way from any earlier one to the newest.
import type { DatabaseSync } from 'node:sqlite';
import { roomsAndLog } from './0001-rooms-and-log.ts';
import { everyRoomOwned } from './0002-every-room-owned.ts';
import { currentState } from './0003-current-state.ts';
import { search } from './0004-search.ts';
import { pendingErasure } from './0005-pending-erasure.ts';
import type { Migration } from './migration.ts';

/** Only ever appended to: a released step is never changed, renamed or moved. */
export const MIGRATIONS: readonly Migration[] = [
  roomsAndLog,
  everyRoomOwned,
  currentState,
  search,
  pendingErasure,
];

/** Brings a database to the newest step; each step is one transaction. Refuses a database this code doesn't know. */
export function migrate(db: DatabaseSync, migrations: readonly Migration[] = MIGRATIONS): void {
  db.exec(`
    CREATE TABLE IF NOT EXISTS migrations (
      position INTEGER PRIMARY KEY,
      name TEXT NOT NULL,
      applied_at INTEGER NOT NULL
    ) STRICT
  `);
  const applied = db.prepare('SELECT name FROM migrations ORDER BY position').all();
  for (const [index, { name }] of applied.entries()) {
    const known = migrations[index]?.name;
    if (name !== known) {
      throw new Error(
        `it was written by another, newer Maru: it has the migration "${name}" where this one knows ` +
          `${known === undefined ? `none after "${migrations.at(-1)?.name}"` : `"${known}"`}`,
      );
    }
  }
  const record = db.prepare('INSERT INTO migrations (position, name, applied_at) VALUES (?, ?, ?)');
  for (const [index, { name, sql, after }] of migrations.entries()) {
    if (index < applied.length) continue;
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(sql);
      after?.(db);
      record.run(index + 1, name, Date.now());
      db.exec('COMMIT');
    } catch (cause) {
      // SQLite ends the transaction itself after some failures (a full disk).
      if (db.isTransaction) db.exec('ROLLBACK');
      throw new Error(`the migration "${name}" failed: ${cause instanceof Error ? cause.message : cause}`, {
        cause,
      });
    }
  }
}
