// Rooms heard for lists and signals: each entry once and in order, whatever the bus makes of them; on a real log.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { HeardRooms } from '../../src/broker/heard-rooms.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Committed, Store } from '../../src/store/store.ts';
import { range } from '../store/store.contract.ts';

const ANN = { userId: 'ann', name: 'Ann' };
/** More than a page, and more than may be early. */
const ENTRIES = 150;

let folder: string;
let store: Store;
let roomId: string;
const log: Committed[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maru-heard-'));
  store = await openSqliteStore({ folder });
  store.onCommitted((entries) => log.push(...entries));
  ({ roomId } = await store.createRoom({ name: 'x', visibility: 'public', owner: ANN }));
  for (const n of range(2, ENTRIES - 1)) await store.appendMessage({ roomId, sender: ANN, content: `${n}` });
});
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

function open(store_: Pick<Store, 'listEntries'> = store) {
  const told: number[] = [];
  const failures: unknown[] = [];
  const heard = new HeardRooms({
    store: store_,
    bus: undefined,
    tell: ({ entry }) => told.push(entry.seq),
    onFailure: (error) => failures.push(error),
  });
  return { heard, told, failures };
}

test('any order, any loss, any doubling: what comes after the head is told once, in order, and all of it', async () => {
  const plan = fc.record({
    head: fc.nat(ENTRIES),
    heard: fc.array(fc.record({ seq: fc.integer({ min: 1, max: ENTRIES }), near: fc.boolean() }), {
      maxLength: 200,
    }),
    readAt: fc.array(fc.nat(200), { maxLength: 4 }),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ head, heard: order, readAt }) => {
      const { heard, told, failures } = open();
      const followed = heard.follow(roomId, head);
      const room = heard.rooms.get(roomId);
      const reading: (Promise<void> | undefined)[] = [];
      for (const [index, { seq, near }] of order.entries()) {
        // Half of them are the next ones, as a bus mostly has it.
        const next = Math.min(ENTRIES, (told.at(-1) ?? head) + 1);
        const committed = log[(near ? next : seq) - 1];
        if (committed !== undefined) heard.publish([committed]);
        if (readAt.includes(index)) reading.push(room?.reach(seq));
        if (index % 7 === 0) await Promise.resolve();
      }
      await Promise.all(reading);
      await room?.reach(ENTRIES);
      expect(told).toEqual(range(head + 1, ENTRIES - head));
      expect(failures).toEqual([]);
      followed.end();
      expect(heard.rooms.size).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test('an entry that is missing is read from the log soon, without anything else coming', async () => {
  const { heard, told } = open();
  heard.follow(roomId, 10);
  const later = log[12];
  if (later === undefined) throw new Error('there are more');
  const start = performance.now();
  heard.publish([later]);
  expect(told).toEqual([]);
  await expect.poll(() => told.slice(0, 3), { interval: 5 }).toEqual([11, 12, 13]);
  expect(performance.now() - start).toBeGreaterThan(40);
});

test('the log cannot be read: it is said, and the next time all is told', async () => {
  let isBroken = true;
  const { heard, told, failures } = open({
    async listEntries(...asked) {
      if (isBroken) throw new Error('no');
      return store.listEntries(...asked);
    },
  });
  heard.follow(roomId, 0);
  const room = heard.rooms.get(roomId);
  await room?.reach(ENTRIES);
  expect({ told, failures: failures.length }).toEqual({ told: [], failures: 1 });
  isBroken = false;
  await room?.reach(ENTRIES);
  expect(told).toEqual(range(1, ENTRIES));
});

test('it is heard until the last who followed it has ended, each once', () => {
  const { heard } = open();
  const [one, two] = [heard.follow(roomId, 3), heard.follow(roomId, 9)];
  one.end();
  one.end();
  expect(heard.rooms.has(roomId)).toBe(true);
  two.end();
  expect(heard.rooms.has(roomId)).toBe(false);
});
