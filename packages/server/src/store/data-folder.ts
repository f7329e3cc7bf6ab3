// The folder that holds chat.db: made for its owner alone, and used by one process at a time.
import {
  accessSync,
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { explainFault, faultOf } from './storage-fault.ts';

/** A process that was killed a moment ago may still hold its locks. */
const LOCK_TIMEOUT_MS = 500;

export type DataFolder = { readonly database: string; readonly lock: string; readonly pid: string };

export function dataFolder(folder: string): DataFolder {
  return {
    database: join(folder, 'chat.db'),
    lock: join(folder, 'chat.lock'),
    pid: join(folder, 'chat.pid'),
  };
}

/** Makes what is missing, readable by its owner only, and makes sure that it can be used; SQLite gives its -wal and -shm the mode of the database. */
export function createDataFolder(folder: string): DataFolder {
  const files = dataFolder(folder);
  attempt('create', folder, () => mkdirSync(folder, { recursive: true, mode: 0o700 }));
  for (const file of [files.database, files.lock]) attempt('create', file, () => createFile(file));
  // SQLite opens what it may not write for reading alone, and takes no lock on it: two servers could use the folder.
  const { R_OK, W_OK, X_OK } = constants;
  attempt('write', folder, () => accessSync(folder, W_OK | X_OK));
  for (const file of [files.database, files.lock]) {
    attempt('read and write', file, () => accessSync(file, R_OK | W_OK));
  }
  return files;
}

/**
 * Takes the folder for this process; throws if another has it. A reserved lock of SQLite on an empty database: the
 * operating system drops it when the process dies in whatever way, so it is never stale. The lock is not on chat.db
 * itself because there the locks are SQLite's own, taken and dropped with each transaction.
 *
 * Nobody may open and close chat.db or chat.lock as a plain file inside this process: POSIX drops all the locks of a
 * process on a file when any of its descriptors of that file is closed.
 */
export function lockDataFolder(folder: string): { release(): void } {
  const files = dataFolder(folder);
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(files.lock, { timeout: LOCK_TIMEOUT_MS });
    db.exec('BEGIN IMMEDIATE');
  } catch (cause) {
    db?.close();
    throw new Error(
      faultOf(cause) === 'locked'
        ? `another Maru process (${holder(files.pid)}) is using ${folder}`
        : `cannot use ${files.lock}: ${explainFault(cause)}`,
      { cause },
    );
  }
  const lock = db;
  attempt('write', files.pid, () => writeFileSync(files.pid, `${process.pid}\n`, { mode: 0o600 }));
  return { release: () => lock.close() };
}

function createFile(path: string): void {
  try {
    // Exclusive: an existing file is never opened here, see the note on locks above.
    closeSync(openSync(path, 'wx', 0o600));
    // Whatever the umask took away from the owner is given back.
    chmodSync(path, 0o600);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
}

function attempt(verb: string, path: string, action: () => void): void {
  try {
    action();
  } catch (error) {
    throw new Error(`cannot ${verb} ${path}: ${explainFault(error)}`, { cause: error });
  }
}

/** Only for the message: the lock decides, this file may be missing or of a process long gone. */
function holder(pidFile: string): string {
  try {
    const pid = readFileSync(pidFile, 'utf8').trim();
    return /^\d+$/.test(pid) ? `pid ${pid}` : 'pid unknown';
  } catch {
    return 'pid unknown';
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
