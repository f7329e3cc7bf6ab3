// A transaction of the background work: all of a slice, or nothing of it.
import type { DatabaseSync } from 'node:sqlite';

export function transact<T>(db: DatabaseSync, action: () => T): T {
  // Left open where a failing disk kept a ROLLBACK from being done.
  if (db.isTransaction) db.exec('ROLLBACK');
  db.exec('BEGIN IMMEDIATE');
  try {
    const result = action();
    db.exec('COMMIT');
    return result;
  } catch (error) {
    try {
      // SQLite ends the transaction itself after some failures (a full disk).
      if (db.isTransaction) db.exec('ROLLBACK');
    } catch {
      // The failure that led here says more.
    }
    throw error;
  }
}
