// Cuts the write-ahead log: what it held is in chat.db then, and nowhere else.
import type { DatabaseSync } from 'node:sqlite';

/** How long a checkpoint waits for reads that run; new ones don't hold it up. */
const BUSY_TIMEOUT_MS = 25;

/**
 * Copies the log into chat.db and cuts it to nothing. It has to be whole: a log that is begun anew without being cut keeps
 * old pages behind the new ones. The function returns false if somebody reads what is in the log: nothing was cut.
 */
export function createLogCut(db: DatabaseSync): () => boolean {
  const busyTimeout = Number(db.prepare('PRAGMA busy_timeout').get()?.timeout);
  return () => {
    db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    try {
      return db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.busy === 0;
    } finally {
      db.exec(`PRAGMA busy_timeout = ${busyTimeout}`);
    }
  };
}
