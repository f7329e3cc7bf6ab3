// How many messages a second become durable on SQLite or PostgreSQL, how long each waits, and what one costs the main thread?
// Run: node bench/append.ts [--postgres] [--folder F] [--rounds N] [--seconds S] [--json FILE]
// The folder's disk is what is measured; a temporary one by default. --postgres: a server of its own, in the temporary folder. Medians of the rounds, in which all widths take turns.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openPostgresStore } from '../packages/server/src/store/postgres/postgres-store.ts';
import { openSqliteStore } from '../packages/server/src/store/sqlite-store.ts';
import { startPostgres } from '../packages/server/test/engines/postgres.ts';
import { BareFsync } from './measuring/bare-fsync.ts';
import { quantile, type Spread, shown, spreadOf } from './measuring/figures.ts';
import { beginReport } from './measuring/report.ts';

export type AppendFigures = {
  readonly rounds: number;
  /** ms; of each round's p50. */
  readonly bareFsync: Spread;
  readonly widths: readonly {
    readonly inFlight: number;
    readonly rowsPerSecond: Spread;
    readonly p50Ms: Spread;
    readonly p99Ms: Spread;
    /** Of the main thread. */
    readonly cpuMicros: Spread;
  }[];
};

const ROOMS = 100;
const SENDERS = 50;
const CONTENT = 'x'.repeat(120);
const WIDTHS = [1, 64, 256, 1_024];

const { values } = parseArgs({
  options: {
    postgres: { type: 'boolean', default: false },
    folder: { type: 'string', default: tmpdir() },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    json: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const endReport = beginReport<AppendFigures>(values.json);

const folder = mkdtempSync(join(values.folder, 'maru-bench-append-'));
const postgres = values.postgres ? await startPostgres() : null;
const openedAt = performance.now();
const store =
  postgres === null
    ? await openSqliteStore({ folder })
    : await openPostgresStore({ url: await postgres.newDatabase() });
console.log(`${folder}, opened in ${(performance.now() - openedAt).toFixed(0)} ms`);
const fsync = new BareFsync(folder);

const senders = Array.from({ length: SENDERS }, (_, index) => ({
  userId: `user-${index}`,
  name: `User ${index}`,
}));
const [owner] = senders;
if (owner === undefined) throw new Error('no sender');
const roomIds: string[] = [];
for (let index = 0; index < ROOMS; index += 1) {
  const { roomId } = await store.createRoom({ name: `Room ${index}`, visibility: 'public', owner });
  await Promise.all(senders.map((sender) => store.join(roomId, sender, 'member')));
  roomIds.push(roomId);
}

let reported = 0;
store.onCommitted((entries) => {
  reported += entries.length;
});

let count = 0;
const fsyncs: number[] = [];
const measured = new Map(WIDTHS.map((inFlight) => [inFlight, [] as Awaited<ReturnType<typeof measure>>[]]));
for (const inFlight of WIDTHS) await measure(inFlight, 0.5);
for (let round = 0; round < rounds; round += 1) {
  fsyncs.push(quantile(fsync.measure(300), 0.5));
  for (const [inFlight, runs] of measured) runs.push(await measure(inFlight, Number(values.seconds)));
}

const stored = await Promise.all(
  roomIds.map(async (roomId) => (await store.findRoom(roomId, 'user-0'))?.head ?? 0),
);
const heads = stored.reduce((sum, head) => sum + head, 0);
if (heads !== count + ROOMS * SENDERS || reported !== count)
  throw new Error(`${count} appended, ${heads} in the logs`);

const figures: AppendFigures = {
  rounds,
  bareFsync: spreadOf(fsyncs),
  widths: [...measured].map(([inFlight, runs]) => ({
    inFlight,
    rowsPerSecond: spreadOf(runs.map((run) => run.rows / run.seconds)),
    p50Ms: spreadOf(runs.map((run) => quantile(run.waits, 0.5))),
    p99Ms: spreadOf(runs.map((run) => quantile(run.waits, 0.99))),
    cpuMicros: spreadOf(runs.map((run) => run.cpuMicros / run.rows)),
  })),
};
console.log(`4 KiB written and synced: p50 ${shown(figures.bareFsync, 2)} ms`);
for (const { inFlight, rowsPerSecond, p50Ms, p99Ms, cpuMicros } of figures.widths) {
  console.log(
    `${String(inFlight).padStart(5)} in flight: ${shown(rowsPerSecond)} rows/s, wait p50 ${shown(p50Ms, 2)} ms, ` +
      `p99 ${shown(p99Ms, 2)} ms, main thread ${shown(cpuMicros, 1)} µs CPU a row`,
  );
}
console.log(`medians of ${rounds} rounds (least to most)`);
console.log(`checked: all ${count.toLocaleString('en')} are in the logs, each reported once`);
endReport(figures);
fsync.close();
await store.close();
await postgres?.stop();
rmSync(folder, { recursive: true });

/** Ends only when every append that was begun is durable. */
async function measure(inFlight: number, forSeconds: number) {
  const waits: number[] = [];
  const cpuBefore = process.threadCpuUsage();
  const begun = performance.now();
  const end = begun + forSeconds * 1_000;
  const appendUntilEnd = async () => {
    while (performance.now() < end) {
      const turn = count;
      count += 1;
      const sender = senders[turn % SENDERS];
      const roomId = roomIds[turn % ROOMS];
      if (sender === undefined || roomId === undefined) throw new Error('unreachable');
      const at = performance.now();
      await store.appendMessage({ roomId, sender, content: CONTENT, clientMessageId: `c${turn}` });
      waits.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, appendUntilEnd));
  const { user, system } = process.threadCpuUsage(cpuBefore);
  const seconds = (performance.now() - begun) / 1_000;
  return { rows: waits.length, seconds, cpuMicros: user + system, waits };
}
