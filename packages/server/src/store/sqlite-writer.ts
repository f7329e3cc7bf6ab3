// Entry point of the writer thread: holds the data folder's lock and the only writable connection to chat.db.
import { workerData } from 'node:worker_threads';
import { createCommitBatch } from './commit-batch.ts';
import { dataFolder, lockDataFolder } from './data-folder.ts';
import { migrate } from './migrations/index.ts';
import { openWriterConnection } from './sqlite-connection.ts';
import { serveDatabase } from './sqlite-worker-server.ts';
import { createWriteOperations } from './write-operations.ts';
import type { WriteOutcome, WriteRequest } from './writes.ts';

serveDatabase<readonly WriteRequest[], readonly WriteOutcome[]>(() => {
  const folder: string = workerData.folder;
  const lock = lockDataFolder(folder);
  const path = dataFolder(folder).database;
  try {
    const db = openWriterConnection(path);
    migrate(db);
    return {
      answer: createCommitBatch(db, createWriteOperations(db, Date.now)),
      close() {
        try {
          // The reader is gone by now; chat.db alone is then the whole database, ready to be copied.
          db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
        } finally {
          db.close();
          lock.release();
        }
      },
    };
  } catch (error) {
    throw new Error(`cannot open ${path}: ${error instanceof Error ? error.message : error}`, {
      cause: error,
    });
  }
});
