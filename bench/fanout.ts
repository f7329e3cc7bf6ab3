// What does a delivery cost the server in one room of 1,000 readers, one sender with 32 messages on their way?
// Run: node bench/fanout.ts [clients] [seconds]   — server on core 0, load generator on core 1 (needs cargo, taskset).
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildLoad, runLoad } from './measuring/load.ts';
import { beginReport } from './measuring/report.ts';
import { ServerUnderTest } from './measuring/server-under-test.ts';

const [clients = '1000', seconds = '8'] = process.argv.slice(2);
beginReport(undefined);
buildLoad();
const folder = mkdtempSync(join(tmpdir(), 'maru-bench-fanout-'));
const server = await ServerUnderTest.start({ folder, core: 0 });
try {
  const token = await server.signUp('Load');
  const roomId = await server.createRoom('Bench', token);
  const shape = ['--clients', clients, '--payload', '150', '--duration', seconds];
  console.log(await runLoad('fanout', { server, token, roomId, core: 1 }, shape));
} finally {
  await server.stop();
  rmSync(folder, { recursive: true });
}
