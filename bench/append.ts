// How many messages a second become durable on SQLite, how long each waits, and what one costs the main thread?
// Run: node bench/append.ts [folder]   — the folder's disk is what is measured; a temporary one by default.
import { mkdtempSync, rmSync } from 'node:fs';
import { arch, cpus, platform, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { openSqliteStore } from '../packages/server/src/store/sqlite-store.ts';

const ROOMS = 100;
const SENDERS = 50;
const CONTENT = 'x'.repeat(120);
const SECONDS = 3;

const folder = mkdtempSync(join(process.argv[2] ?? tmpdir(), 'maru-bench-append-'));
const openedAt = performance.now();
const store = await openSqliteStore({ folder });
const openMs = performance.now() - openedAt;

console.log(
  `${cpus()[0]?.model} × ${cpus().length}, ${Math.round(totalmem() / 2 ** 30)} GiB, ${platform()} ${arch()}`,
);
console.log(
  `Node ${process.version}, SQLite ${process.versions.sqlite}, ${folder}, opened in ${openMs.toFixed(0)} ms`,
);

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
for (const inFlight of [1, 64, 1_024]) {
  await measure(inFlight, 0.5);
  const { rows, seconds, cpuMicros, waits } = await measure(inFlight, SECONDS);
  const p = (share: number) => (waits[Math.floor(waits.length * share)] ?? 0).toFixed(2);
  console.log(
    `${String(inFlight).padStart(5)} in flight: ${Math.round(rows / seconds).toLocaleString('en')} rows/s, ` +
      `wait p50 ${p(0.5)} ms, p99 ${p(0.99)} ms, main thread ${(cpuMicros / rows).toFixed(1)} µs CPU a row`,
  );
}

const stored = await Promise.all(
  roomIds.map(async (roomId) => (await store.findRoom(roomId, 'user-0'))?.head ?? 0),
);
const heads = stored.reduce((sum, head) => sum + head, 0);
if (heads !== count + ROOMS * SENDERS || reported !== count)
  throw new Error(`${count} appended, ${heads} in the logs`);
console.log(`checked: all ${count.toLocaleString('en')} are in the logs, each reported once`);
await store.close();
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
  return { rows: waits.length, seconds, cpuMicros: user + system, waits: waits.sort((a, b) => a - b) };
}
