// Does a SEND cost more the more members its room has? Nobody is subscribed: what is left is what each SEND writes.
// Run: node bench/send-cost.ts [--folder F] [--rounds N] [--seconds S] [--json FILE]
// Once counted (SQL statements and rows of one SEND), once timed in the store, once with the whole server (Linux).
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { openSqliteStore } from '../packages/server/src/store/sqlite-store.ts';
import type { Store } from '../packages/server/src/store/store.ts';
import { CountedDatabase, type WriteCost } from './measuring/counted-database.ts';
import { type Spread, shown, spreadOf } from './measuring/figures.ts';
import { beginReport } from './measuring/report.ts';
import { Sender } from './measuring/sender.ts';
import { ServerUnderTest } from './measuring/server-under-test.ts';

export type SendCostFigures = {
  readonly rounds: number;
  readonly rooms: readonly {
    readonly members: number;
    readonly written: WriteCost;
    /** In the store, 256 on their way. */
    readonly rowsPerSecond: Spread;
    /** With receipts through the gateway, 256 on their way over 4 connections. */
    readonly sendsPerSecond: Spread;
    /** Of the server's process, all threads. */
    readonly cpuMicros: Spread;
  }[];
};

const SIZES = [2, 100, 10_000];
const IN_FLIGHT = 256;
const CONNECTIONS = 4;
const CONTENT = 'x'.repeat(120);

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: tmpdir() },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    json: { type: 'string' },
  },
});
const [rounds = 0, seconds = 0] = [values.rounds, values.seconds].map(Number);
const endReport = beginReport<SendCostFigures>(values.json);

type Timed = { readonly perSecond: number; readonly cpuMicros: number };
type Send = (turn: number) => Promise<unknown>;

const folder = mkdtempSync(join(values.folder, 'maru-bench-send-cost-'));
try {
  const written = count(join(folder, 'counted'));
  const dataFolder = join(folder, 'server');
  mkdirSync(dataFolder);

  // The rooms are made by who will send into them, the other members while no server runs.
  const settings = ['identity.accessTokenSeconds=86400'];
  const first = await ServerUnderTest.start({ folder: dataFolder, settings });
  const token = await first.signUp('Ada');
  const roomIds: string[] = [];
  for (const size of SIZES) roomIds.push(await first.createRoom(`${size} members`, token));
  await first.stop();

  const store = await openSqliteStore({ folder: dataFolder });
  for (const [index, roomId] of roomIds.entries()) await addMembers(store, roomId, (SIZES[index] ?? 0) - 1);
  const inStore = await takeTurns(
    roomIds,
    (roomId) => () => store.appendMessage({ roomId, sender: member(0), content: CONTENT }),
    () => processMicros(),
  );
  await store.close();

  const server = await ServerUnderTest.start({ folder: dataFolder, settings, ports: first.ports });
  const open = () => Sender.open(server.webSocketUrl, token);
  const senders = await Promise.all(Array.from({ length: CONNECTIONS }, open));
  const throughAll = await takeTurns(
    roomIds,
    (roomId) => (turn) => senders[turn % CONNECTIONS]?.send(roomId, CONTENT) ?? Promise.reject(),
    () => server.cpuSeconds() * 1e6,
  ).finally(() => server.stop());

  const figures: SendCostFigures = {
    rounds,
    rooms: SIZES.map((members, index) => ({
      members,
      written: written[index] ?? { statements: 0, rows: 0 },
      rowsPerSecond: spreadOf((inStore[index] ?? []).map(({ perSecond }) => perSecond)),
      sendsPerSecond: spreadOf((throughAll[index] ?? []).map(({ perSecond }) => perSecond)),
      cpuMicros: spreadOf((throughAll[index] ?? []).map(({ cpuMicros }) => cpuMicros)),
    })),
  };
  for (const { members, written: cost, rowsPerSecond, sendsPerSecond, cpuMicros } of figures.rooms) {
    console.log(
      `${String(members).padStart(6)} members: ${cost.statements} statements, ${cost.rows} rows a SEND; ` +
        `store ${shown(rowsPerSecond)} rows/s; server ${shown(sendsPerSecond)} SENDs/s, ${shown(cpuMicros)} µs CPU each`,
    );
  }
  console.log(`medians of ${rounds} rounds of ${seconds} s in which the rooms take turns (least to most)`);
  endReport(figures);
} finally {
  rmSync(folder, { recursive: true });
}

function member(index: number): { userId: string; name: string } {
  return { userId: `member-${index}`, name: `Member ${index}` };
}

async function addMembers(store: Store, roomId: string, members: number): Promise<void> {
  for (let from = 0; from < members; from += 1_000) {
    const some = Array.from({ length: Math.min(1_000, members - from) }, (_, index) => member(from + index));
    await Promise.all(some.map((person) => store.join(roomId, person, 'member')));
  }
}

/** Of one SEND into a room of each size. @throws if the next ones cost more or less. */
function count(empty: string): WriteCost[] {
  const db = new CountedDatabase(empty);
  try {
    return SIZES.map((size) => {
      const [room] = db.write<'createRoom'>({
        name: 'createRoom',
        input: { name: 'Counted', visibility: 'public', owner: member(0) },
      });
      const roomId = room?.roomId ?? '';
      const others = Array.from({ length: size - 1 }, (_, index) => member(index + 1));
      db.write<'join'>(
        ...others.map((person) => ({ name: 'join', input: { roomId, person, role: 'member' } }) as const),
      );
      const costs = Array.from({ length: 20 }, (_, turn) =>
        db.costOf({
          name: 'appendMessage',
          input: { roomId, sender: member(turn % 2), content: CONTENT, clientMessageId: `c${turn}` },
        }),
      );
      const [cost = { statements: 0, rows: 0 }] = costs;
      const differs = costs.find(
        ({ statements, rows }) => statements !== cost.statements || rows !== cost.rows,
      );
      if (differs !== undefined) throw new Error(`${JSON.stringify(differs)} after ${JSON.stringify(cost)}`);
      return cost;
    });
  } finally {
    db.close();
  }
}

/** @returns of each room, what each round came to; a first round is not counted. */
async function takeTurns(
  rooms: readonly string[],
  sendTo: (roomId: string) => Send,
  cpuMicros: () => number,
): Promise<Timed[][]> {
  const timed: Timed[][] = rooms.map(() => []);
  for (let round = -1; round < rounds; round += 1) {
    for (const [index, roomId] of rooms.entries()) {
      const result = await time(sendTo(roomId), cpuMicros);
      if (round >= 0) timed[index]?.push(result);
    }
  }
  return timed;
}

/** Ends only when every SEND that was begun is receipted. */
async function time(send: Send, cpuMicros: () => number): Promise<Timed> {
  let sent = 0;
  const cpuBefore = cpuMicros();
  const begun = performance.now();
  const end = begun + seconds * 1_000;
  const sendUntilEnd = async () => {
    while (performance.now() < end) {
      sent += 1;
      await send(sent);
    }
  };
  await Promise.all(Array.from({ length: IN_FLIGHT }, sendUntilEnd));
  const micros = cpuMicros() - cpuBefore;
  return { perSecond: (sent * 1_000) / (performance.now() - begun), cpuMicros: micros / sent };
}

function processMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
