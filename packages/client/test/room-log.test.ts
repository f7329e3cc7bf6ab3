// Merging history with live entries: whatever the interleaving, each seq once and ascending.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RoomLog } from '../src/room-log.ts';

type Entry = { seq: number; isMessage: boolean };

/** A log 1..n where some entries are no messages, so that history skips their seqs. */
const anyLog = fc
  .array(fc.boolean(), { minLength: 1, maxLength: 60 })
  .map((kinds): Entry[] => kinds.map((isMessage, index) => ({ seq: index + 1, isMessage })));

/** The steps of two sources, merged in any order that keeps each source's own. */
function interleave<T>(a: readonly T[], b: readonly T[], choices: readonly boolean[]): T[] {
  const [left, right] = [[...a], [...b]];
  const merged: T[] = [];
  for (let i = 0; left.length > 0 || right.length > 0; i += 1) {
    const first = (choices[i % choices.length] ?? true) ? left : right;
    const next = first.shift() ?? (first === left ? right : left).shift();
    if (next !== undefined) merged.push(next);
  }
  return merged;
}

const anyChoices = fc.array(fc.boolean(), { minLength: 1, maxLength: 80 });
const pagesOf = (entries: readonly Entry[], size: number): Entry[][] => {
  const pages: Entry[][] = [];
  for (let i = 0; i < entries.length; i += size) pages.push(entries.slice(i, i + size));
  return pages;
};

/** One connection: subscribed at `head`, history read in pages while live entries come in. */
function connect(
  log: RoomLog<Entry>,
  all: readonly Entry[],
  head: number,
  upTo: number,
  pageSize: number,
  choices: readonly boolean[],
): Entry[] {
  const delivered: Entry[] = [];
  log.beginFill();
  const after = log.last ?? 0;
  // A page may hold messages stored after the subscription: history is read later than the head.
  const history = all.filter((entry) => entry.isMessage && entry.seq > after && entry.seq <= upTo);
  const steps = [
    ...pagesOf(history, pageSize).map((page) => () => log.addPage(page, head)),
    () => log.completeFill(head),
  ];
  const live = all
    .filter((entry) => entry.seq > head && entry.seq <= upTo)
    .map((entry) => () => log.addLive(entry));
  for (const step of interleave(steps, live, choices)) delivered.push(...step());
  return delivered;
}

describe('room log', () => {
  test('any interleaving of history and live entries delivers each seq once, ascending, no message missing', () => {
    fc.assert(
      fc.property(
        anyLog,
        fc.nat(),
        fc.integer({ min: 1, max: 10 }),
        anyChoices,
        (all, headAt, pageSize, choices) => {
          const head = headAt % (all.length + 1);
          const delivered = connect(new RoomLog<Entry>(), all, head, all.length, pageSize, choices);
          // Before the head history has messages only; after it every entry comes.
          expect(delivered).toEqual(all.filter((entry) => entry.isMessage || entry.seq > head));
        },
      ),
    );
  });

  test('so it is over any number of reconnects, wherever they cut', () => {
    const anyConnection = fc.tuple(fc.nat(), fc.nat(), fc.integer({ min: 1, max: 10 }), anyChoices);
    fc.assert(
      fc.property(anyLog, fc.array(anyConnection, { minLength: 1, maxLength: 6 }), (all, connections) => {
        const log = new RoomLog<Entry>();
        const delivered: Entry[] = [];
        let seen = 0;
        for (const [headAt, endAt, pageSize, choices] of connections) {
          const head = seen + (headAt % (all.length - seen + 1));
          seen = head + (endAt % (all.length - head + 1));
          delivered.push(...connect(log, all, head, seen, pageSize, choices));
        }
        const seqs = delivered.map((entry) => entry.seq);
        expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
        const messages = all.filter((entry) => entry.isMessage && entry.seq <= seen);
        expect(delivered.filter((entry) => entry.isMessage)).toEqual(messages);
      }),
    );
  });

  test('an entry delivered live is not delivered again', () => {
    const log = new RoomLog<Entry>();
    const entry = { seq: 6, isMessage: true };
    log.completeFill(5);
    expect(log.addLive(entry)).toEqual([entry]);
    expect(log.addLive(entry)).toEqual([]);
  });

  test('a live entry beyond a hole is held until history has filled the hole', () => {
    const log = new RoomLog<Entry>();
    const [six, seven, nine] = [6, 7, 9].map((seq) => ({ seq, isMessage: true })) as [Entry, Entry, Entry];
    log.completeFill(5);
    expect(log.addLive(seven)).toEqual([]);
    expect(log.holeEnd).toBe(6);
    expect(log.addLive(nine)).toEqual([]);
    expect(log.addPage([six], 6)).toEqual([six]);
    expect(log.completeFill(6)).toEqual([seven]);
    expect([log.filling, log.holeEnd]).toEqual([true, 8]);
    expect(log.completeFill(8)).toEqual([nine]);
    expect([log.filling, log.holeEnd]).toEqual([false, null]);
  });

  test('after a reset the same seqs are delivered anew', () => {
    const log = new RoomLog<Entry>();
    log.completeFill(9);
    log.beginFill();
    log.reset();
    const first = { seq: 1, isMessage: true };
    expect(log.addPage([first], 1)).toEqual([first]);
  });
});
