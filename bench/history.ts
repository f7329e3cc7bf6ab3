// How long does the store take for a page of 50 messages in their current state, out of a room of 1,000,000?
// Run: node bench/history.ts [--folder F] [--messages N] [--pages N] [--rounds N] [--json FILE]
// Every 10th message has reactions, every 50th was edited, every 200th deleted. `inside` is the reader's own function, as
// its thread calls it; `through` is the store's method, with the way to that thread and back.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { ChatMessage } from '../packages/contract/src/index.ts';
import { dataFolder } from '../packages/server/src/store/data-folder.ts';
import { createReadQueries } from '../packages/server/src/store/read-queries.ts';
import { openReaderConnection } from '../packages/server/src/store/sqlite-connection.ts';
import { openSqliteStore } from '../packages/server/src/store/sqlite-store.ts';
import type { NewEntry, Store } from '../packages/server/src/store/store.ts';
import { quantile, type Spread, shown, spreadOf } from './measuring/figures.ts';
import { beginReport } from './measuring/report.ts';

type Waits = { readonly p50Ms: Spread; readonly p99Ms: Spread };
export type HistoryFigures = {
  readonly messages: number;
  readonly pagesEach: number;
  readonly rounds: number;
  readonly databaseMB: number;
  readonly places: readonly { readonly place: Place; readonly inside: Waits; readonly through: Waits }[];
};

const PAGE = 50;
const BATCH = 1_000;
const PLACES = ['newest', 'middle', 'oldest'] as const;
type Place = (typeof PLACES)[number];
type Bounds = { readonly before?: number; readonly after?: number };

const { values } = parseArgs({
  options: {
    folder: { type: 'string', default: tmpdir() },
    messages: { type: 'string', default: '1000000' },
    pages: { type: 'string', default: '1000' },
    rounds: { type: 'string', default: '5' },
    json: { type: 'string' },
  },
});
const [total = 0, pagesEach = 0, rounds = 0] = [values.messages, values.pages, values.rounds].map(Number);
const endReport = beginReport<HistoryFigures>(values.json);

const folder = mkdtempSync(join(values.folder, 'maru-bench-history-'));
const senders = Array.from({ length: 50 }, (_, index) => ({
  userId: `user-${index}`,
  name: `User ${index}`,
}));
const [owner = { userId: '', name: '' }] = senders;
const store = await openSqliteStore({ folder, batchLimit: BATCH });
try {
  const { roomId } = await store.createRoom({ name: 'Long', visibility: 'public', owner });
  for (const sender of senders) await store.join(roomId, sender, 'member');
  const filledAt = performance.now();
  await fill(store, roomId);
  const fillSeconds = (performance.now() - filledAt) / 1_000;
  const head = (await store.findRoom(roomId, owner.userId))?.head ?? 0;
  const { database } = dataFolder(folder);
  const databaseMB = (statSync(database).size + statSync(`${database}-wal`).size) / 1e6;
  console.log(
    `a room of ${total.toLocaleString('en')} messages, ${head.toLocaleString('en')} entries, ` +
      `${databaseMB.toFixed(0)} MB, made in ${fillSeconds.toFixed(0)} s`,
  );

  const db = openReaderConnection(database);
  const queries = createReadQueries(db);
  const inside = (bounds: Bounds) => {
    db.exec('BEGIN');
    const page = queries.listMessages(roomId, owner.userId, bounds, PAGE);
    db.exec('COMMIT');
    return page;
  };
  const through = (bounds: Bounds) => store.listMessages(roomId, owner.userId, bounds, PAGE);
  const boundsOf: Record<Place, () => Bounds> = {
    newest: () => ({}),
    // Another page each time, from all over the inner half of the log.
    middle: () => ({ before: Math.floor(head * (0.25 + Math.random() / 2)) }),
    oldest: () => ({ after: Math.floor(Math.random() * BATCH) }),
  };

  const runs = new Map(
    PLACES.map((place) => [place, { inside: [] as number[][], through: [] as number[][] }]),
  );
  for (let round = 0; round < rounds; round += 1) {
    for (const [place, { inside: ins, through: thr }] of runs) {
      ins.push(await measure(inside, boundsOf[place]));
      thr.push(await measure(through, boundsOf[place]));
    }
  }
  db.close();
  const waitsOf = (all: readonly number[][]): Waits => ({
    p50Ms: spreadOf(all.map((waits) => quantile(waits, 0.5))),
    p99Ms: spreadOf(all.map((waits) => quantile(waits, 0.99))),
  });
  const places = [...runs].map(([place, run]) => ({
    place,
    inside: waitsOf(run.inside),
    through: waitsOf(run.through),
  }));
  for (const { place, inside: ins, through: thr } of places) {
    console.log(
      `${place}: inside the reader p50 ${shown(ins.p50Ms, 2)} ms, p99 ${shown(ins.p99Ms, 2)} ms; ` +
        `through the store p50 ${shown(thr.p50Ms, 2)} ms, p99 ${shown(thr.p99Ms, 2)} ms`,
    );
  }
  console.log(
    `medians of ${rounds} rounds of ${pagesEach} pages (least to most); checked: each page whole and in order`,
  );
  endReport({ messages: total, pagesEach, rounds, databaseMB: Math.round(databaseMB), places });
} finally {
  await store.close();
  rmSync(folder, { recursive: true });
}

/** Appends what makes the room long; a few batches on their way at a time. */
async function fill(target: Store, roomId: string): Promise<void> {
  const batches = Array.from({ length: Math.ceil(total / BATCH) }, (_, index) => index);
  const take = async (): Promise<void> => {
    for (let batch = batches.shift(); batch !== undefined; batch = batches.shift()) {
      const size = Math.min(BATCH, total - batch * BATCH);
      const created = await target.append(
        Array.from({ length: size }, (_, index) => ({
          kind: 'message',
          roomId,
          sender: senderOf(index),
          content: `message ${batch}-${index} ${'x'.repeat(100)}`,
        })),
      );
      const changes = created.flatMap(({ entry }, index) =>
        entry?.type === 'message.created' ? changesOf(roomId, entry.messageId, index) : [],
      );
      await target.append(changes);
    }
  };
  await Promise.all([take(), take(), take()]);
}

function changesOf(roomId: string, messageId: string, index: number): NewEntry[] {
  const about = { roomId, messageId } as const;
  const sender = senderOf(index);
  if (index % 200 === 0) return [{ kind: 'delete', ...about, sender }];
  const changes: NewEntry[] = [];
  if (index % 50 === 1)
    changes.push({ kind: 'edit', ...about, sender, content: `edited ${'y'.repeat(100)}` });
  if (index % 10 === 1) {
    for (const [at, emoji] of ['👍', '👍', '🎉'].entries()) {
      changes.push({ kind: 'react', ...about, sender: senderOf(index + at), emoji, remove: false });
    }
  }
  return changes;
}

function senderOf(index: number): { userId: string; name: string } {
  return senders[index % senders.length] ?? owner;
}

async function measure(
  read: (bounds: Bounds) => MessageList | Promise<MessageList>,
  bounds: () => Bounds,
): Promise<number[]> {
  const waits: number[] = [];
  for (let page = 0; page < pagesEach; page += 1) {
    const asked = bounds();
    const at = performance.now();
    const { messages } = await read(asked);
    waits.push(performance.now() - at);
    const inOrder = messages.every(({ seq }, index) => seq > (messages[index - 1]?.seq ?? 0));
    const isPlace = messages.every(({ seq }) => seq > (asked.after ?? 0) && seq < (asked.before ?? Infinity));
    const isCurrent = messages.some(({ reactions = [] }) => reactions.length > 0);
    if (messages.length !== PAGE || !inOrder || !isPlace || !isCurrent) {
      throw new Error(`not the page asked for with ${JSON.stringify(asked)}`);
    }
  }
  return waits;
}

type MessageList = { readonly messages: readonly ChatMessage[]; readonly hasMore: boolean };
