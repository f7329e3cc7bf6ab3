// How long does it take until a member who was removed at one chat service, or of a room that was deleted there, is out at another?
// Run: node bench/ends.ts [--rounds N] [--json FILE]
// Two chat services of one process on a PostgreSQL and a NATS of their own: from asking the store of one until the last entry
// is handed to the socket at the other. Meanwhile both write to other rooms. Then the same without NATS: found by comparing.
import { parseArgs } from 'node:util';
import { Turn } from '../packages/server/src/broker/turn.ts';
import { readConfig } from '../packages/server/src/config.ts';
import { openBroker } from '../packages/server/src/open-broker.ts';
import { openPostgresStore } from '../packages/server/src/store/postgres/postgres-store.ts';
import { Counts } from '../packages/server/src/telemetry/counts.ts';
import { createLog } from '../packages/server/src/telemetry/log.ts';
import { Listener } from '../packages/server/test/broker/listener.ts';
import { startNats } from '../packages/server/test/engines/nats.ts';
import { startPostgres } from '../packages/server/test/engines/postgres.ts';
import { quantile } from './measuring/figures.ts';
import { beginReport } from './measuring/report.ts';

const ANN = { userId: 'ann', name: 'Ann' };
const BOB = { userId: 'bob', name: 'Bob' };
/** Other rooms that are written to meanwhile, and how often a second together. */
const OTHERS = 20;
const PER_SECOND = 500;

type Waits = { readonly p50Ms: number; readonly p99Ms: number; readonly mostMs: number };
type Figures = { readonly rounds: number; readonly waits: Readonly<Record<string, Waits>> };

const { values } = parseArgs({
  options: { rounds: { type: 'string', default: '500' }, json: { type: 'string' } },
});
const rounds = Number(values.rounds);
const endReport = beginReport<Figures>(values.json);
const [postgres, nats] = await Promise.all([startPostgres(), startNats()]);

async function openService(url: string, servers: string[]) {
  const config = readConfig({ settings: { database: { url }, bus: { servers } } });
  const store = await openPostgresStore({ url });
  const log = createLog('error');
  const { broker, bus, close } = await openBroker(config, store, new Turn(), { log, counts: new Counts() });
  return {
    store,
    broker,
    async close() {
      close();
      await store.close();
      await bus?.close();
    },
  };
}

/** ms, one of each round. */
async function measure(servers: string[], many: number): Promise<Record<string, number[]>> {
  const url = await postgres.newDatabase();
  const [one, two] = await Promise.all([openService(url, servers), openService(url, servers)]);
  const newRoom = async () =>
    (await one.store.createRoom({ name: 'x', visibility: 'public', owner: ANN })).roomId;
  const others = await Promise.all(Array.from({ length: OTHERS }, newRoom));
  let written = 0;
  const writing = setInterval(() => {
    for (const { store } of [one, two]) {
      for (let n = 0; n < PER_SECOND / 200; n += 1) {
        written += 1;
        const roomId = others[written % OTHERS] ?? '';
        // The store is closed only after the last of them.
        void store.appendMessage({ roomId, sender: ANN, content: 'meanwhile' });
      }
    }
  }, 10);
  const waits: Record<string, number[]> = { 'member removed': [], 'room deleted': [] };
  for (let round = 0; round < many; round += 1) {
    for (const [what, kept] of Object.entries(waits)) {
      const roomId = await newRoom();
      await one.store.join(roomId, BOB, 'member');
      const bob = new Listener();
      await two.broker.subscribe(roomId, bob.as('bob', '0'), null);
      // As if at any moment between two comparisons.
      await new Promise((resolve) => setTimeout(resolve, servers.length > 0 ? 0 : Math.random() * 1_000));
      const start = performance.now();
      await (what === 'member removed' ? one.store.leave(roomId, 'bob') : one.store.deleteRoom(roomId, ANN));
      while (bob.ended === 0) await bob.heard();
      kept.push(performance.now() - start);
      const last = bob.entries.at(-1)?.type;
      if (last !== 'member.left' && last !== 'room.deleted') throw new Error(`${last} was the last entry`);
    }
  }
  clearInterval(writing);
  await Promise.all([one.close(), two.close()]);
  return waits;
}

const figures: { rounds: number; waits: Record<string, Waits> } = { rounds, waits: {} };
for (const [way, servers, many] of [
  ['over NATS', [nats.url], rounds],
  ['without NATS', [], Math.ceil(rounds / 10)],
] as const) {
  for (const [what, waits] of Object.entries(await measure([...servers], many))) {
    const [p50Ms, p99Ms, mostMs] = [quantile(waits, 0.5), quantile(waits, 0.99), Math.max(...waits)];
    figures.waits[`${what}, ${way}`] = { p50Ms, p99Ms, mostMs };
    const text = [p50Ms, p99Ms, mostMs].map((ms) => `${ms.toFixed(1)} ms`);
    console.log(`${what}, ${way}`.padEnd(30), `p50 ${text[0]}, p99 ${text[1]}, most ${text[2]} (${many})`);
  }
}
endReport(figures);
await nats.kill();
await postgres.stop();
