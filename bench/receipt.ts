// How long does a lone SEND wait for its RECEIPT, through the gateway, beside a bare write and sync of the same disk?
// Run: node bench/receipt.ts [--folder F] [--rounds N] [--sends N] [--json FILE]
// One message on its way at a time; everything in one process, the client in another. Syncs and SENDs take turns.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BareFsync } from './measuring/bare-fsync.ts';
import { quantile, type Spread, shown, spreadOf } from './measuring/figures.ts';
import { beginReport } from './measuring/report.ts';
import { Sender } from './measuring/sender.ts';
import { ServerUnderTest } from './measuring/server-under-test.ts';

/** ms; of each round. */
type Waits = { readonly p50Ms: Spread; readonly p99Ms: Spread };
export type ReceiptFigures = {
  readonly rounds: number;
  readonly sends: number;
  readonly bareFsync: Waits;
  readonly receipt: Waits;
};

const CONTENT = 'x'.repeat(120);

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: tmpdir() },
    rounds: { type: 'string', default: '7' },
    sends: { type: 'string', default: '1000' },
    json: { type: 'string' },
  },
});
const rounds = Number(values.rounds);
const sends = Number(values.sends);
const endReport = beginReport<ReceiptFigures>(values.json);

const folder = mkdtempSync(join(values.folder, 'maru-bench-receipt-'));
const fsync = new BareFsync(folder);
const server = await ServerUnderTest.start({ folder });
try {
  const token = await server.signUp('Ada');
  const roomId = await server.createRoom('Bench', token);
  const sender = await Sender.open(server.webSocketUrl, token);
  const receipts: number[][] = [];
  const fsyncs: number[][] = [];
  let last = 1;
  for (let warm = 0; warm < 500; warm += 1) last = await sender.send(roomId, CONTENT);
  for (let round = 0; round < rounds; round += 1) {
    fsyncs.push(fsync.measure(sends));
    const waits: number[] = [];
    for (let turn = 0; turn < sends; turn += 1) {
      const at = performance.now();
      const seq = await sender.send(roomId, CONTENT);
      waits.push(performance.now() - at);
      if (seq !== last + 1) throw new Error(`seq ${seq} came after ${last}`);
      last = seq;
    }
    receipts.push(waits);
  }
  const waitsOf = (all: readonly number[][]): Waits => ({
    p50Ms: spreadOf(all.map((waits) => quantile(waits, 0.5))),
    p99Ms: spreadOf(all.map((waits) => quantile(waits, 0.99))),
  });
  const figures: ReceiptFigures = {
    rounds,
    sends,
    bareFsync: waitsOf(fsyncs),
    receipt: waitsOf(receipts),
  };
  for (const [name, { p50Ms, p99Ms }] of [
    ['4 KiB written and synced', figures.bareFsync],
    ['RECEIPT of a lone SEND', figures.receipt],
  ] as const) {
    console.log(`${name.padEnd(25)} p50 ${shown(p50Ms, 2)} ms, p99 ${shown(p99Ms, 2)} ms`);
  }
  console.log(
    `medians of ${rounds} rounds of ${sends} (least to most); checked: every seq one more than the last`,
  );
  endReport(figures);
  await sender.close();
} finally {
  await server.stop();
  fsync.close();
  rmSync(folder, { recursive: true });
}
