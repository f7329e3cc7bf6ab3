// Entry point of the writer thread: holds the data folder's lock and the only writable connection to chat.db.
import { closeSync, openSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { type BackgroundSettings, createBackgroundWork } from './background-work.ts';
import { createCommitBatch } from './commit-batch.ts';
import { dataFolder, lockDataFolder } from './data-folder.ts';
import { migrate } from './migrations/index.ts';
import { createSearchIndex } from './search-index.ts';
import { openWriterConnection } from './sqlite-connection.ts';
import { serveDatabase } from './sqlite-worker-server.ts';
import { explainFault, faultOf } from './storage-fault.ts';
import { createWriteOperations } from './write-operations.ts';
import type { WriteOutcome, WriteRequest } from './writes.ts';

serveDatabase<readonly WriteRequest[], readonly WriteOutcome[]>((onTrouble) => {
  const folder: string = workerData.folder;
  const settings: BackgroundSettings = workerData.settings;
  const lock = lockDataFolder(folder);
  const path = dataFolder(folder).database;
  try {
    const db = openWriterConnection(path);
    // Closed after the connections of the process, and not before: see page-scrub.ts.
    const file = openSync(path, 'r+');
    migrate(db);
    const index = createSearchIndex(db);
    const commitBatch = createCommitBatch(db, createWriteOperations(db, Date.now, index));
    const background = createBackgroundWork(db, file, index, settings, onTrouble);
    return {
      answer(requests) {
        const outcomes = commitBatch(requests);
        background.follow(outcomes);
        return outcomes;
      },
      close() {
        background.close();
        try {
          // The reader is gone by now; chat.db alone is then the whole database, ready to be copied.
          db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
        } catch (error) {
          // A disk that takes no more: all is in the write-ahead log, and read from there at the next start.
          if (faultOf(error) === null) throw error;
        } finally {
          db.close();
          closeSync(file);
          lock.release();
        }
      },
    };
  } catch (error) {
    throw new Error(`cannot open ${path}: ${explainFault(error)}`, { cause: error });
  }
});
