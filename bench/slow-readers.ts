// Do readers that stop reading hurt the others, grow the server's memory, or miss anything when they read again?
// Run: node bench/slow-readers.ts [--pairs N] [--seconds S] [--minutes M] [--rate R] [--readers N] [--stalled N] [--json FILE]
// Server on core 0, load generator on core 1 (needs cargo, taskset). Pairs of intervals, without and with the stalled
// ones, take turns; which is first changes from pair to pair. Then they stall for --minutes while memory is watched.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { median, type Spread, shown, spreadOf } from './measuring/figures.ts';
import { buildLoad, runLoad } from './measuring/load.ts';
import { beginReport } from './measuring/report.ts';
import { ServerUnderTest } from './measuring/server-under-test.ts';

/** Of the readers that read; a value each interval. */
type Intervals = {
  readonly deliveriesPerSecond: Spread;
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
  /** Of one core. */
  readonly serverCpu: Spread;
};
export type SlowReaderFigures = {
  readonly readers: number;
  readonly stalled: number;
  readonly pairs: number;
  readonly secondsEach: number;
  readonly messagesPerSecond: number;
  readonly without: Intervals;
  readonly with: Intervals;
  /** Median with divided by median without. */
  readonly rateRatio: number;
  readonly p99Ratio: number;
  /** Of the readers that read, in all intervals. */
  readonly delivered: number;
  readonly lost: number;
  /** Of the stalled ones when they read again, all times together. */
  readonly caughtUp: number;
  readonly caughtUpMissing: number;
  readonly caughtUpTwice: number;
  /** Messages that the one least behind was behind, each time. */
  readonly behind: Spread;
  readonly catchUpSeconds: Spread;
  /** p99 of the readers that read while the others caught up. */
  readonly catchUpP99Ms: Spread;
  /** Subscriptions that read from the log, at most at a time, as the server itself says. */
  readonly subscriptionsBehind: number;
  readonly memory: {
    readonly minutes: number;
    /** MB of the server's process: medians of the first and of the last fifth of that time, and the most at any time. */
    readonly first: number;
    readonly last: number;
    readonly most: number;
  };
};

/** Of the report of the load generator, as far as it is used here. */
type LoadReport = Readonly<Record<(typeof LISTS)[number], readonly number[]>> &
  Readonly<Record<(typeof NUMBERS)[number], number>> & {
    readonly generator_bottleneck: boolean;
    readonly first_fault?: string;
    readonly slow_first_closed?: string;
  };
const LISTS = [
  'base_deliveries_per_s',
  'base_p50_us',
  'base_p99_us',
  'base_server_cpu_share',
  'stalled_deliveries_per_s',
  'stalled_p50_us',
  'stalled_p99_us',
  'stalled_server_cpu_share',
  'hold_rss_mb',
  'behind_least',
  'catch_up_s',
  'catch_up_p99_us',
] as const;
const NUMBERS = [
  'delivered',
  'lost',
  'surplus',
  'misordered',
  'caught_up',
  'caught_up_missing',
  'caught_up_again',
  'caught_up_unmarked',
  'slow_closed_by_server',
  'disconnects',
] as const;

const { values } = parseArgs({
  options: {
    pairs: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '10' },
    minutes: { type: 'string', default: '3' },
    rate: { type: 'string', default: '300' },
    readers: { type: 'string', default: '1000' },
    stalled: { type: 'string', default: '100' },
    json: { type: 'string' },
  },
});
const [pairs, seconds, minutes, rate] = [values.pairs, values.seconds, values.minutes, values.rate].map(
  Number,
);
const [readers, stalled] = [Number(values.readers), Number(values.stalled)];
const endReport = beginReport<SlowReaderFigures>(values.json);
buildLoad();

const folder = mkdtempSync(join(tmpdir(), 'maru-bench-slow-readers-'));
const settings = [
  // That a stalled reader is let go of after a minute is another question.
  'chat.noProgressMs=3600000',
  'identity.accessTokenSeconds=86400',
];
const server = await ServerUnderTest.start({ folder, core: 0, settings });
try {
  const token = await server.signUp('Load');
  const roomId = await server.createRoom('Bench', token);
  const shape = {
    clients: readers,
    slow: stalled,
    pairs,
    rate,
    payload: 1_000,
    duration: seconds,
    hold: (minutes ?? 0) * 60,
    warmup: 1,
    drain: 20,
    cap: 36_000,
  };
  const options = Object.entries(shape).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const watching = watchBehind();
  const report = await runLoad('stall', { server, token, roomId, core: 1 }, [...options, '--json']);
  const figures = figuresOf(JSON.parse(report) as LoadReport, await watching.end());
  print(figures);
  endReport(figures);
} finally {
  await server.stop();
  rmSync(folder, { recursive: true });
}

/** Asks the server each second how many subscriptions are behind. */
function watchBehind(): { end(): Promise<number> } {
  const ending = new AbortController();
  let most = 0;
  const watching = (async () => {
    while (!ending.signal.aborted) {
      most = Math.max(most, await server.metric('maru_subscriptions_behind'));
      await wait(1_000, undefined, { signal: ending.signal }).catch(() => {});
    }
  })();
  return {
    async end() {
      ending.abort();
      await watching;
      return most;
    },
  };
}

/** @throws if anything was lost, came twice or out of order, or a connection was ended. */
function figuresOf(report: LoadReport, subscriptionsBehind: number): SlowReaderFigures {
  const wrong = NUMBERS.filter((name) => !['delivered', 'caught_up'].includes(name) && report[name] !== 0);
  if (wrong.length > 0 || report.generator_bottleneck) {
    throw new Error(`the run does not count: ${wrong.join(', ')}: ${JSON.stringify(report, null, 1)}`);
  }
  const ms = (micros: readonly number[]): Spread => spreadOf(micros.map((each) => each / 1_000));
  const kind = (name: 'base' | 'stalled'): Intervals => ({
    deliveriesPerSecond: spreadOf(report[`${name}_deliveries_per_s`]),
    p50Ms: ms(report[`${name}_p50_us`]),
    p99Ms: ms(report[`${name}_p99_us`]),
    serverCpu: spreadOf(report[`${name}_server_cpu_share`]),
  });
  const [without, withStalled] = [kind('base'), kind('stalled')];
  const rss = report.hold_rss_mb;
  const fifth = Math.max(1, Math.floor(rss.length / 5));
  return {
    readers,
    stalled,
    pairs: report.base_p99_us.length,
    secondsEach: seconds ?? 0,
    messagesPerSecond: rate ?? 0,
    without,
    with: withStalled,
    rateRatio: withStalled.deliveriesPerSecond.median / without.deliveriesPerSecond.median,
    p99Ratio: withStalled.p99Ms.median / without.p99Ms.median,
    delivered: report.delivered,
    lost: report.lost,
    caughtUp: report.caught_up,
    caughtUpMissing: report.caught_up_missing,
    caughtUpTwice: report.caught_up_again,
    behind: spreadOf(report.behind_least),
    catchUpSeconds: spreadOf(report.catch_up_s),
    catchUpP99Ms: ms(report.catch_up_p99_us),
    subscriptionsBehind,
    memory: {
      minutes: minutes ?? 0,
      first: median(rss.slice(0, fifth)),
      last: median(rss.slice(-fifth)),
      most: Math.max(...rss, 0),
    },
  };
}

function print(figures: SlowReaderFigures): void {
  const { without, with: withStalled, memory } = figures;
  console.log(
    `${readers} readers, ${rate} messages/s of 1,000 octets; ${figures.pairs} pairs of ${seconds} s`,
  );
  for (const [name, kind] of [
    [`without stalled readers`, without],
    [`with ${stalled} stalled`, withStalled],
  ] as const) {
    console.log(
      `${name.padEnd(24)} ${shown(kind.deliveriesPerSecond)} deliveries/s, ` +
        `p50 ${shown(kind.p50Ms, 2)} ms, p99 ${shown(kind.p99Ms, 2)} ms, server CPU ${shown(kind.serverCpu, 2)}`,
    );
  }
  console.log(`rate × ${figures.rateRatio.toFixed(3)}, p99 × ${figures.p99Ratio.toFixed(3)} (medians)`);
  console.log(
    `reading again: at least ${shown(figures.behind)} messages behind, ${shown(figures.catchUpSeconds, 1)} s to catch up, ` +
      `the others' p99 meanwhile ${shown(figures.catchUpP99Ms, 1)} ms; ${figures.subscriptionsBehind} subscriptions in the log`,
  );
  console.log(
    `memory over ${memory.minutes} min: ${memory.first.toFixed(0)} MB at first, ${memory.last.toFixed(0)} MB at last, ` +
      `${memory.most.toFixed(0)} MB at most`,
  );
  console.log(
    `checked: ${figures.delivered.toLocaleString('en')} deliveries and ${figures.caughtUp.toLocaleString('en')} caught up, ` +
      'none lost, doubled or out of order',
  );
}
