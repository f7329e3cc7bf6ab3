// Overwrites what SQLite has left behind in the gaps of its pages.
import { fdatasyncSync, fstatSync, readSync, writeSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type { IdleTask } from './idle-work.ts';
import { gapOf } from './page-gap.ts';

export type PageScrubOptions = {
  /**
   * chat.db, open for reading and writing. It must not be closed while a connection of this process is open: that would
   * drop SQLite's locks on it (POSIX).
   */
  readonly file: number;
  /** Milliseconds, never going back. */
  readonly now: () => number;
  /** log-cut.ts */
  readonly cutLog: () => boolean;
};

export interface PageScrub extends IdleTask {
  /** The log was cut: if something was deleted since the last pass began, there is to be one. */
  look(): void;
}

/** 8 MiB of pages of 4 KiB: some milliseconds. */
const PAGES_A_SLICE = 2_048;
const RETRY_MS = 1_000;
/** A pass reads the whole file: of all time it may take a tenth. */
const REST_PER_PASS = 9;

/**
 * `secure_delete` overwrites a row where it stands. But when SQLite moves rows from a full page to the one beside it, it
 * may write the page anew from its end, and what stood nearer to its beginning stays there, in the gap that belongs to
 * no row: a copy of rows that are alive somewhere else, and that may be deleted there later (measured: four in a thousand).
 *
 * So after deletions each page is looked at, and the gap of each filled with zeros in the file itself, which changes
 * nothing that SQLite reads. That needs, for each slice: an empty write-ahead log, as a page in it would come back over the
 * one in the file; no page in the cache of the one connection that writes, as it would write the gap again; and no other
 * writer meanwhile, which is so while the writer's thread is here.
 *
 * States:
 *
 *   clean     nothing was deleted since the last pass began (`pending_erasure` is empty)   look() → due, if it isn't
 *   due       rests until the last pass is long enough ago                                  slice → passing
 *   passing   the pages below `next` are done                                               slice; at the end → clean, due
 *
 * The table counts deletions and is emptied at the end of a pass in which there were no more: after others, and after a
 * crash, there is another.
 */
export function createPageScrub(db: DatabaseSync, { file, now, cutLog }: PageScrubOptions): PageScrub {
  const findPending = db.prepare('SELECT deletions FROM pending_erasure');
  const settle = db.prepare('DELETE FROM pending_erasure WHERE deletions = ?');
  const pageSize = Number(db.prepare('PRAGMA page_size').get()?.page_size);
  const zeros = Buffer.alloc(pageSize);
  const pages = Buffer.allocUnsafeSlow(PAGES_A_SLICE * pageSize);
  let due = Number.POSITIVE_INFINITY;
  let restUntil = Number.NEGATIVE_INFINITY;
  /** Counted from 0, as places in the file are; the format counts from 1. */
  let next = 0;
  let spentMs = 0;
  /** When the pass began. */
  let deletions = 0;

  function countPending(): number {
    return Number(findPending.get()?.deletions ?? 0);
  }

  function look(): void {
    if (due === Number.POSITIVE_INFINITY && countPending() > 0) due = Math.max(now(), restUntil);
  }

  /** @returns whether there are more. */
  function scrubSlice(): boolean {
    const octets = readSync(file, pages, 0, pages.length, next * pageSize);
    const count = Math.floor(octets / pageSize);
    let written = 0;
    for (let index = 0; index < count; index += 1) {
      const page = pages.subarray(index * pageSize, (index + 1) * pageSize);
      // No octets are reserved: Maru makes the file itself.
      const gap = gapOf(page, next + index + 1, pageSize);
      if (gap === undefined || page.compare(zeros, gap.start, gap.end, gap.start, gap.end) === 0) continue;
      writeSync(file, zeros, gap.start, gap.end - gap.start, (next + index) * pageSize + gap.start);
      written += 1;
    }
    if (written > 0) fdatasyncSync(file);
    next += count;
    return count > 0 && next * pageSize < fstatSync(file).size;
  }

  return {
    look,

    dueIn: () => due - now(),

    run() {
      const begun = now();
      if (!cutLog()) {
        due = begun + RETRY_MS;
        return;
      }
      if (next === 0) deletions = countPending();
      db.exec('PRAGMA shrink_memory');
      const isMore = scrubSlice();
      spentMs += now() - begun;
      if (isMore) return;
      // Only if there were no more since: those are of the next pass.
      settle.run(deletions);
      due = Number.POSITIVE_INFINITY;
      restUntil = now() + spentMs * REST_PER_PASS;
      next = 0;
      spentMs = 0;
      look();
    },
  };
}
