// How Maru opens chat.db: durable for the one writer, read-only for the reader.
import { DatabaseSync } from 'node:sqlite';

/** How long to wait for someone else's lock (a backup, an operator's shell) before a statement fails. */
const BUSY_TIMEOUT_MS = 5_000;

export function openWriterConnection(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, enableForeignKeyConstraints: true });
  try {
    // journal_mode before synchronous: it is kept in the file, the rest belongs to this connection.
    db.exec('PRAGMA journal_mode = wal');
    // FULL: in WAL mode NORMAL does not fsync at COMMIT, and a power cut would take back what was receipted.
    db.exec('PRAGMA synchronous = full');
    // Deleted content is overwritten with zeros, not merely unlinked.
    db.exec('PRAGMA secure_delete = on');
    // The log is copied into the database each 16 MB; a log that grew past 64 MB is cut when it is next begun anew.
    db.exec('PRAGMA wal_autocheckpoint = 4000');
    db.exec('PRAGMA journal_size_limit = 67108864');
    db.exec('PRAGMA cache_size = -32768');
    db.exec('PRAGMA trusted_schema = off');
    // Some file systems refuse WAL or a setting silently; to run on without it would break the store's promise.
    require(db, 'journal_mode', 'wal');
    require(db, 'synchronous', 2);
    require(db, 'foreign_keys', 1);
    require(db, 'secure_delete', 1);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

export function openReaderConnection(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS, readOnly: true });
  db.exec('PRAGMA cache_size = -32768');
  db.exec('PRAGMA trusted_schema = off');
  return db;
}

function require(db: DatabaseSync, pragma: string, expected: string | number): void {
  const actual = db.prepare(`PRAGMA ${pragma}`).get()?.[pragma];
  if (actual !== expected) throw new Error(`PRAGMA ${pragma} is ${actual}, it must be ${expected}`);
}
