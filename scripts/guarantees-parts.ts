// The parts of `npm run guarantees`: what each runs, short and in full, and what its figures are held against.
import { type Spread, shown } from '../bench/measuring/figures.ts';
import type { Figures, PartName } from './guarantees-results.ts';

/** `target` absent: a figure to know, held against nothing. */
export type Row = {
  readonly what: string;
  readonly figure: string;
  readonly target?: string;
  readonly isMet?: boolean;
};

type Part<F> = {
  /** From the repository's root. It writes its figures to the file that `--json` names, and fails if its own check does. */
  readonly script: string;
  readonly short: readonly string[];
  readonly full: readonly string[];
  readonly rows: (figures: F) => readonly Row[];
};

const count = (value: number): string => value.toLocaleString('en');
const ms = (spread: Spread): string => `${shown(spread, 2)} ms`;
const percent = (ratio: number): string =>
  `${ratio >= 1 ? '+' : '−'}${Math.abs((ratio - 1) * 100).toFixed(1)} %`;
const none = (what: string, found: number): Row => ({
  what,
  figure: count(found),
  target: '0',
  isMet: found === 0,
});
const isWithin = (ratio: number): boolean => ratio <= 1.15;

export const PARTS: { readonly [Name in PartName]: Part<Figures[Name]> } = {
  resume: {
    script: 'bench/resume.ts',
    short: ['--drops', '1000'],
    full: ['--drops', '10000'],
    rows: (figures) => [
      { what: 'connections cut', figure: count(figures.drops) },
      { what: 'entries written meanwhile, in 3 rooms', figure: count(figures.entries) },
      { what: 'deliveries to 12 readers', figure: count(figures.deliveries) },
      {
        what: 'pages of the logs read for them; readers at one place share a page',
        figure: count(figures.pagesRead),
      },
      none('lost', figures.lost),
      none('doubled', figures.doubled),
      none('out of order', figures.inverted),
      none('with another body than that of the log', figures.foreign),
    ],
  },
  slowReaders: {
    script: 'bench/slow-readers.ts',
    short: ['--pairs', '2', '--seconds', '3', '--minutes', '0.2'],
    full: ['--pairs', '7', '--seconds', '5', '--minutes', '3'],
    rows: ({ without, with: withStalled, memory, ...figures }) => [
      {
        what: `deliveries a second to ${count(figures.readers)} good readers, ${figures.pairs} intervals`,
        figure: shown(without.deliveriesPerSecond),
      },
      {
        what: `the same beside ${count(figures.stalled)} stalled ones, in turns with the others`,
        figure: `${shown(withStalled.deliveriesPerSecond)}: ${percent(figures.rateRatio)}`,
        target: 'within 15 %',
        isMet: isWithin(1 / figures.rateRatio),
      },
      { what: 'p99 of the good ones without stalled ones', figure: ms(without.p99Ms) },
      {
        what: 'p99 of the good ones beside stalled ones',
        figure: `${ms(withStalled.p99Ms)}: ${percent(figures.p99Ratio)}`,
        target: 'within 15 %',
        isMet: isWithin(figures.p99Ratio),
      },
      none('lost by a good one', figures.lost),
      {
        what: `memory of the server, first fifth of ${memory.minutes} minutes beside stalled ones`,
        figure: `${memory.first.toFixed(0)} MB`,
      },
      {
        what: 'the same, last fifth',
        figure: `${memory.last.toFixed(0)} MB (at most ${memory.most.toFixed(0)} MB)`,
        target: 'flat: within 10 %',
        isMet: memory.last <= memory.first * 1.1,
      },
      {
        what: 'subscriptions that waited in the log, at most at a time',
        figure: count(figures.subscriptionsBehind),
        target: `all ${figures.stalled}`,
        isMet: figures.subscriptionsBehind === figures.stalled,
      },
      { what: 'messages a stalled one was behind, at least', figure: shown(figures.behind) },
      { what: 'until all of them had caught up', figure: `${shown(figures.catchUpSeconds, 1)} s` },
      { what: 'p99 of the good ones meanwhile', figure: ms(figures.catchUpP99Ms) },
      { what: 'messages they caught up with, together', figure: count(figures.caughtUp) },
      none('of these missing', figures.caughtUpMissing),
      none('of these doubled', figures.caughtUpTwice),
    ],
  },
  receipt: {
    script: 'bench/receipt.ts',
    short: ['--rounds', '3', '--sends', '300'],
    full: ['--rounds', '10', '--sends', '1000'],
    rows: ({ bareFsync, receipt }) => [
      { what: 'a bare write and sync of 4 KiB, p50', figure: ms(bareFsync.p50Ms) },
      { what: 'the same, p99', figure: ms(bareFsync.p99Ms) },
      { what: 'RECEIPT of a lone SEND through the gateway, p50', figure: ms(receipt.p50Ms) },
      { what: 'the same, p99', figure: ms(receipt.p99Ms) },
    ],
  },
  append: {
    script: 'bench/append.ts',
    short: ['--rounds', '2', '--seconds', '1'],
    full: ['--rounds', '5', '--seconds', '2'],
    rows: ({ bareFsync, widths }) => [
      { what: 'a bare write and sync of 4 KiB, p50', figure: ms(bareFsync) },
      ...widths.flatMap(({ inFlight, rowsPerSecond, p50Ms }): Row[] => [
        {
          what: `durable messages a second, ${count(inFlight)} at a time`,
          figure: `${shown(rowsPerSecond)}; each waits ${shown(p50Ms, 2)} ms (p50)`,
          ...(inFlight === 256 ? { target: '15,000 or more', isMet: rowsPerSecond.median >= 15_000 } : {}),
        },
      ]),
    ],
  },
  chaos: {
    script: 'scripts/chaos.ts',
    short: ['--rounds', '5'],
    full: ['--rounds', '200'],
    rows: (figures) => [
      {
        what: 'rounds; of these with gateway, chat and identity service as processes of their own',
        figure: `${count(figures.rounds)}; ${count(figures.roundsApart)}`,
      },
      { what: 'kill -9 (some while it started again)', figure: count(figures.kills) },
      { what: 'RECEIPTs, and good answers by REST', figure: count(figures.receipts) },
      { what: 'sent again because no answer had come', figure: count(figures.retries) },
      { what: 'reconnects', figure: count(figures.reconnects) },
      {
        what: 'messages and entries in the end',
        figure: `${count(figures.messages)}; ${count(figures.entries)}`,
      },
      { what: 'deliveries compared with the log', figure: count(figures.deliveriesChecked) },
      none('lost, doubled, reordered or otherwise wrong', figures.breaches.length),
      {
        what: 'from a kill until everybody had everything: median; longest',
        figure: `${count(figures.medianRecoveryMs)} ms; ${count(figures.longestRecoveryMs)} ms`,
      },
    ],
  },
  history: {
    script: 'bench/history.ts',
    short: ['--messages', '100000', '--pages', '300', '--rounds', '3'],
    full: ['--messages', '1000000', '--pages', '1000', '--rounds', '5'],
    rows: ({ messages, databaseMB, places }) =>
      places.flatMap(({ place, inside, through }): Row[] => [
        {
          what: `the ${place} 50 of ${count(messages)} messages (${count(databaseMB)} MB), p50 in the store`,
          figure: ms(inside.p50Ms),
          target: 'below 1 ms',
          isMet: inside.p50Ms.median < 1,
        },
        { what: 'the same, p99', figure: ms(inside.p99Ms) },
        { what: 'with the way to the reader’s thread and back, p50', figure: ms(through.p50Ms) },
      ]),
  },
  sendCost: {
    script: 'bench/send-cost.ts',
    short: ['--rounds', '2', '--seconds', '1'],
    full: ['--rounds', '5', '--seconds', '2'],
    rows: ({ rooms }) => {
      const [least, most] = [rooms.at(0), rooms.at(-1)];
      const ratio = (most?.cpuMicros.median ?? 0) / (least?.cpuMicros.median ?? 1);
      const isSame = rooms.every(
        ({ written }) =>
          written.statements === least?.written.statements && written.rows === least.written.rows,
      );
      return [
        ...rooms.flatMap(({ members, written, rowsPerSecond, sendsPerSecond, cpuMicros }): Row[] => [
          {
            what: `SQL statements of a SEND in a room of ${count(members)}; rows written`,
            figure: `${written.statements}; ${written.rows}`,
            target: 'the same in every room',
            isMet: isSame,
          },
          { what: 'SENDs a second in the store, 256 at a time', figure: shown(rowsPerSecond) },
          {
            what: 'SENDs a second with receipts through the gateway; server CPU each',
            figure: `${shown(sendsPerSecond)}; ${shown(cpuMicros)} µs`,
          },
        ]),
        {
          what: `server CPU of a SEND, ${count(most?.members ?? 0)} members against ${least?.members}`,
          figure: percent(ratio),
          target: 'within 15 %',
          isMet: isWithin(ratio),
        },
      ];
    },
  },
};
