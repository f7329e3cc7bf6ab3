// Takes what was deleted off the disk: the database overwrites it at once, the write-ahead log still has it.
import type { IdleTask } from './idle-work.ts';

export type ErasureOptions = {
  /** Milliseconds, never going back. */
  readonly now: () => number;
  /** Milliseconds from the first deletion to the checkpoint that takes it, and all after it, off the disk. */
  readonly eraseWithinMs: number;
  /** Takes deleted text out of the index, so much of it; false when there is none left. */
  readonly removeFromIndex: (size: number) => boolean;
  /** log-cut.ts */
  readonly cutLog: () => boolean;
  /** The log has nothing of it any more, nor has a row of the database: the gaps of its pages may (page-scrub.ts). */
  readonly onCut: () => void;
};

export interface Erasure extends IdleTask {
  /** Something was deleted. */
  request(): void;
}

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 5_000;

/**
 * States:
 *
 *   clean    nothing was deleted since the last checkpoint           request() → due
 *   due      waits for the time, from the first deletion on          slices: the index first, then the checkpoint
 *   retry    a read has held the checkpoint up (a backup does so     slices as in `due`, each wait twice as long as
 *            for as long as it takes)                                the one before, at most LONGEST_RETRY_MS
 */
export function createErasure(options: ErasureOptions): Erasure {
  const { now, eraseWithinMs, removeFromIndex, cutLog, onCut } = options;
  let due = Number.POSITIVE_INFINITY;
  let retryMs = FIRST_RETRY_MS;

  return {
    request() {
      due = Math.min(due, now() + eraseWithinMs);
    },

    dueIn: () => due - now(),

    run(size) {
      if (removeFromIndex(size)) return;
      if (cutLog()) {
        due = Number.POSITIVE_INFINITY;
        retryMs = FIRST_RETRY_MS;
        onCut();
      } else {
        due = now() + retryMs;
        retryMs = Math.min(retryMs * 2, LONGEST_RETRY_MS);
      }
    },
  };
}
