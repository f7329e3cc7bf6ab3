// What follows from a batch, later: its messages come into the index, what it deleted goes off the disk.
import type { DatabaseSync } from 'node:sqlite';
import type { EntryType } from '@maru/contract';
import { createErasure } from './erasure.ts';
import { type IdleTask, IdleWork } from './idle-work.ts';
import { createLogCut } from './log-cut.ts';
import { createPageScrub } from './page-scrub.ts';
import { createRoomPurge } from './room-purge.ts';
import type { SearchIndex } from './search-index.ts';
import type { Committed } from './store.ts';
import type { WriteOutcome } from './writes.ts';

export type BackgroundSettings = {
  /** Milliseconds from a deletion until no file of the data folder has what was deleted, when nothing holds it up. */
  readonly eraseWithinMs: number;
  /** Milliseconds from the deletion of a room until it goes off the disk. */
  readonly purgeAfterMs: number;
};

export interface BackgroundWork {
  /** A batch was answered. */
  follow(outcomes: readonly WriteOutcome[]): void;
  close(): void;
}

/**
 * How long new messages wait for the index: a few at once cost hardly more than one, and until then they are found
 * without it.
 */
const INDEX_AFTER_MS = 1_000;

/** `file`: chat.db, opened as page-scrub.ts says. */
export function createBackgroundWork(
  db: DatabaseSync,
  file: number,
  index: SearchIndex,
  { eraseWithinMs, purgeAfterMs }: BackgroundSettings,
  onError: (error: unknown) => void,
): BackgroundWork {
  const now = () => performance.now();
  // At the start both look for what is left from before: messages to index, and the log of a process that was killed.
  let indexDue = now();
  const indexing: IdleTask = {
    dueIn: () => indexDue - now(),
    run(size) {
      indexDue = index.advance(size) ? now() : Number.POSITIVE_INFINITY;
    },
  };
  const cutLog = createLogCut(db);
  const scrub = createPageScrub(db, { file, now, cutLog });
  const erasure = createErasure({
    now,
    eraseWithinMs,
    cutLog,
    onCut: scrub.look,
    removeFromIndex(size) {
      if (!index.hasChanges()) return false;
      index.advance(size);
      return true;
    },
  });
  erasure.request();
  const purge = createRoomPurge(db, {
    index,
    now: Date.now,
    purgeAfterMs,
    onPurged: () => erasure.request(),
  });
  const idleWork = new IdleWork({ tasks: [erasure, indexing, purge, scrub], now, onError });

  function indexWithin(milliseconds: number): void {
    indexDue = Math.min(indexDue, now() + milliseconds);
  }

  const effects: { readonly [T in EntryType]?: (committed: Committed) => void } = {
    'message.created': ({ entry }) => {
      index.note(entry.roomId);
      indexWithin(INDEX_AFTER_MS);
    },
    'message.edited': () => indexWithin(INDEX_AFTER_MS),
    'message.deleted': () => {
      indexWithin(0);
      erasure.request();
    },
    'room.deleted': () => purge.request(),
  };

  idleWork.start();
  return {
    follow(outcomes) {
      for (const outcome of outcomes) {
        if ('error' in outcome) continue;
        for (const committed of outcome.committed) effects[committed.entry.type]?.(committed);
      }
      idleWork.wake();
    },
    close: () => idleWork.close(),
  };
}
