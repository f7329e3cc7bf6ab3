// A run: people who chat on one data folder, a Maru that is killed round after round, and the verdict on all of it.
import { Random } from '../../packages/stomp/test/fuzz-random.ts';
import { Cast } from './cast.ts';
import { examineDatabase, findDeleted } from './database.ts';
import { within } from './deadline.ts';
import { examine, headOf } from './examination.ts';
import { examineWhole } from './last-examination.ts';
import { type Played, Round } from './round.ts';
import { type Plan, System } from './system.ts';
import { Watch } from './watch.ts';

export type ChaosOptions = {
  readonly rounds: number;
  /** No round begins after that many; absent: all rounds are played. */
  readonly minutes?: number;
  readonly seed: number;
  /** Every so manieth round is played apart: gateway and identity service live on, only the chat service is killed. */
  readonly apartEvery: number;
  /** A line for each round. */
  readonly tell: (line: string) => void;
};

export type ChaosResult = {
  readonly seed: number;
  readonly rounds: number;
  readonly roundsApart: number;
  readonly kills: number;
  readonly seconds: number;
  /** Messages, COMMITs and changes that had their RECEIPT, or a good answer by REST. */
  readonly receipts: number;
  /** Messages in the history in the end; all of them had their RECEIPT. */
  readonly messages: number;
  readonly entries: number;
  readonly deliveriesChecked: number;
  readonly reconnects: number;
  readonly retries: number;
  readonly longestRecoveryMs: number;
  readonly medianRecoveryMs: number;
  readonly longestStartMs: number;
  /** Of the run itself, not of Maru. */
  readonly memoryMiB: number;
  /** What is wrong; none is what the run is to show. */
  readonly breaches: readonly string[];
};

const STOPPED_WITHIN_MS = 120_000;

export async function runChaos(options: ChaosOptions): Promise<ChaosResult> {
  const { rounds, minutes = Number.POSITIVE_INFINITY, seed, apartEvery, tell } = options;
  const began = performance.now();
  const random = new Random(seed);
  const watch = new Watch();
  const system = new System();
  const played: Played[] = [];
  const whole = { entries: 0, messages: 0 };
  const isApart = (n: number) => n % apartEvery === apartEvery - 1;
  const planOf = (n: number): Plan => (isApart(n) ? 'apart' : 'together');
  let cast: Cast | undefined;
  try {
    await system.prepare();
    await system.start(planOf(0));
    cast = await Cast.enter(system, watch, random);
    const round = new Round({ system, cast, watch, random });
    const isGoingOn = () =>
      played.length < rounds && watch.breaches.length === 0 && performance.now() - began < minutes * 60_000;
    while (isGoingOn()) {
      const story = await round.play(planOf(played.length + 1));
      await examine(system, cast, watch);
      played.push(story);
      tell(lineOf(played.length, story, watch));
    }
    if (watch.breaches.length === 0) Object.assign(whole, await conclude(system, cast, watch));
  } catch (error) {
    watch.breach(error instanceof Error ? (error.stack ?? error.message) : String(error));
  } finally {
    await cast?.close();
    await system.remove();
  }
  const recoveries = played.map(({ recoveredMs }) => Math.round(recoveredMs)).sort((a, b) => a - b);
  return {
    seed,
    rounds: played.length,
    roundsApart: played.filter(({ killedIn }) => killedIn === 'apart').length,
    kills: system.kills,
    seconds: Math.round((performance.now() - began) / 1_000),
    receipts: watch.receipts.count,
    messages: whole.messages,
    entries: whole.entries,
    deliveriesChecked: watch.checked,
    reconnects: watch.connects.count - (cast?.connections.length ?? 0),
    retries: watch.retries.count,
    longestRecoveryMs: recoveries.at(-1) ?? 0,
    medianRecoveryMs: recoveries[recoveries.length >> 1] ?? 0,
    longestStartMs: Math.round(Math.max(0, ...played.map(({ readyMs }) => readyMs))),
    memoryMiB: Math.round(process.memoryUsage().rss / 2 ** 20),
    breaches: watch.breaches,
  };
}

/** Everybody comes to an end; then all of it is looked at once more, first through Maru and then without it. */
async function conclude(system: System, cast: Cast, watch: Watch) {
  await within(STOPPED_WITHIN_MS, cast.stop(), () => ['they do not stop', ...cast.stories].join('\n'));
  await examine(system, cast, watch);
  let messages = 0;
  let entries = 0;
  const deleted: string[] = [];
  for (const ledger of cast.ledgers) {
    ledger.expectSettled();
    const reading = { gateway: system, reader: cast.owner, roomId: ledger.roomId };
    const whole = await examineWhole(reading, await headOf(reading), watch);
    messages += whole.messages;
    entries += whole.entries;
    deleted.push(...whole.deleted);
  }
  await cast.close();
  await system.stop();
  const stored = examineDatabase(system.dataDir, watch);
  if (stored !== entries) watch.breach(`the database has ${stored} entries, the logs had ${entries}`);
  await findDeleted(system.dataDir, deleted, watch);
  const damage = await system.verify();
  if (damage !== '') watch.breach(`maru verify: ${damage}`);
  return { messages, entries };
}

function lineOf(number: number, { killedIn, point, aftershocks, recoveredMs }: Played, watch: Watch): string {
  const again = aftershocks.length === 0 ? '' : `, again ${aftershocks.join(', ')}`;
  return (
    `${String(number).padStart(4)} ${killedIn}, killed ${point}${again}: ` +
    `back in ${Math.round(recoveredMs)} ms; so far ${watch.receipts.count} receipts, ` +
    `${watch.checked} deliveries checked, ${watch.retries.count} retries`
  );
}
