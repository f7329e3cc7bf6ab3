// Takes what was deleted off the disk: the database overwrites it at once, the write-ahead log still has it.
import type { DatabaseSync } from 'node:sqlite';
import type { IdleTask } from './idle-work.ts';

export type ErasureOptions = {
  /** Milliseconds, never going back. */
  readonly now: () => number;
  /** Milliseconds from the first deletion to the checkpoint that takes it, and all after it, off the disk. */
  readonly eraseWithinMs: number;
  /** Takes deleted text out of the index, so much of it; false when there is none left. */
  readonly removeFromIndex: (size: number) => boolean;
};

export interface Erasure extends IdleTask {
  /** Something was deleted. */
  request(): void;
}

/** How long a checkpoint waits for reads that run; new ones don't hold it up. */
const BUSY_TIMEOUT_MS = 25;
const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 5_000;

/**
 * States:
 *
 *   clean    nothing was deleted since the last checkpoint           request() → due
 *   due      waits for the time, from the first deletion on          slices: the index first, then the checkpoint
 *   retry    a read has held the checkpoint up (a backup does so     slices as in `due`, each wait twice as long as
 *            for as long as it takes)                                the one before, at most LONGEST_RETRY_MS
 *
 * The checkpoint copies the log into chat.db and cuts it to nothing. It has to be whole: a log that is begun anew without
 * being cut keeps old pages behind the new ones.
 */
export function createErasure(db: DatabaseSync, options: ErasureOptions): Erasure {
  const { now, eraseWithinMs, removeFromIndex } = options;
  const busyTimeout = Number(db.prepare('PRAGMA busy_timeout').get()?.timeout);
  let due = Number.POSITIVE_INFINITY;
  let retryMs = FIRST_RETRY_MS;

  /** @returns false if somebody reads what is in the log. */
  function emptyLog(): boolean {
    db.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    try {
      return db.prepare('PRAGMA wal_checkpoint(TRUNCATE)').get()?.busy === 0;
    } finally {
      db.exec(`PRAGMA busy_timeout = ${busyTimeout}`);
    }
  }

  return {
    request() {
      due = Math.min(due, now() + eraseWithinMs);
    },

    dueIn: () => due - now(),

    run(size) {
      if (removeFromIndex(size)) return;
      if (emptyLog()) {
        due = Number.POSITIVE_INFINITY;
        retryMs = FIRST_RETRY_MS;
      } else {
        due = now() + retryMs;
        retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
      }
    },
  };
}
