// Two brokers on one PostgreSQL and a bus that can't be trusted: everybody hears the log, each entry once and in order.
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { LocalBroker } from '../../src/broker/local-broker.ts';
import { RoomHeads } from '../../src/broker/room-heads.ts';
import { Turn } from '../../src/broker/turn.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { type Postgres, startPostgres } from '../engines/postgres.ts';
import { range } from '../store/store.contract.ts';
import { type Faults, FaultyWire } from './faulty-bus.ts';
import { Listener } from './listener.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres?.stop());

const ANN = { userId: 'ann', name: 'Ann' };

/** mulberry32: the same draws for the same seed. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

async function openNodes(faults: Faults, headMs: number) {
  const url = await postgres.newDatabase();
  const wire = new FaultyWire(faults);
  const nodes = await Promise.all(
    range(0, 2).map(async () => {
      const store = await openPostgresStore({ url });
      const bus = wire.newEnd();
      const broker = new LocalBroker(store, new Turn(), undefined, { bus });
      store.onCommitted((entries) => {
        bus.publish(entries);
        broker.publish(entries);
      });
      bus.listen({
        onEntries: (entries) => broker.publish(entries),
        onJoined: () => {},
        onMarked: () => {},
        onSignal: (signal) => broker.hearSignal(signal),
        onPresence: (roomId, word) => broker.hearPresence(roomId, word),
        onNode: (word) => broker.hearNode(word),
      });
      const failures: unknown[] = [];
      const heads = new RoomHeads({
        store,
        rooms: broker.rooms,
        everyMs: headMs,
        onFailure: (error) => failures.push(error),
      });
      return { store, broker, heads, failures };
    }),
  );
  const close = async () => {
    for (const { heads, failures } of nodes) {
      heads.close();
      expect(failures).toEqual([]);
    }
    await Promise.all(nodes.map(({ store }) => store.close()));
  };
  const [one, two] = nodes;
  if (one === undefined || two === undefined) throw new Error('there are two');
  return { one, two, wire, url, close };
}

const KINDS: readonly [string, Omit<Faults, 'random'>][] = [
  ['nothing', { lost: 0, doubled: 0, late: 0, lateMs: 0 }],
  ['a third lost', { lost: 0.33, doubled: 0, late: 0, lateMs: 0 }],
  ['half of it late, past its neighbours', { lost: 0, doubled: 0, late: 0.5, lateMs: 30 }],
  ['half of it very late', { lost: 0, doubled: 0, late: 0.5, lateMs: 200 }],
  ['all of it twice', { lost: 0, doubled: 1, late: 0.3, lateMs: 30 }],
  ['everything at once', { lost: 0.2, doubled: 0.3, late: 0.3, lateMs: 100 }],
  ['nothing comes at all', { lost: 1, doubled: 0, late: 0, lateMs: 0 }],
];

test.each(KINDS)(
  '%s: 600 messages of two services, heard at both',
  { timeout: 60_000 },
  async (_, faults) => {
    const seed = Math.floor(Math.random() * 2 ** 32);
    const { one, two, wire, close } = await openNodes({ ...faults, random: randomOf(seed) }, 200);
    const rooms = await Promise.all(
      range(0, 3).map(async () => {
        const { roomId } = await one.store.createRoom({ name: 'x', visibility: 'public', owner: ANN });
        const listeners = await Promise.all(
          [one, two].map(async ({ broker }) => {
            const listener = new Listener();
            await broker.subscribe(roomId, listener.as('ann', 'a'), null);
            return listener;
          }),
        );
        return { roomId, listeners };
      }),
    );
    for (const n of range(0, 100)) {
      await Promise.all(
        rooms.flatMap(({ roomId }) =>
          [one, two].map(({ store }) => store.appendMessage({ roomId, sender: ANN, content: `${n}` })),
        ),
      );
    }
    for (const { roomId, listeners } of rooms) {
      for (const listener of listeners) {
        while (listener.messages.length < 200) await listener.heard();
        expect({ seed, roomId, seqs: listener.seqs }).toEqual({ seed, roomId, seqs: range(2, 200) });
      }
    }
    if (faults.lost > 0) expect(wire.passed.lost).toBeGreaterThan(50);
    if (faults.late > 0) expect(wire.passed.late).toBeGreaterThan(50);
    if (faults.doubled > 0) expect(wire.passed.doubled).toBeGreaterThan(50);
    await close();
  },
);

test('the last message of 20,000 quiet rooms, lost: each is found within two seconds', {
  timeout: 120_000,
}, async () => {
  const { one, two, url, close } = await openNodes(
    { random: () => 0, lost: 1, doubled: 0, late: 0, lateMs: 0 },
    1_000,
  );
  // As createRoom makes them, without a transaction for each.
  const client = new pg.Client(url);
  await client.connect();
  await client.query(MANY_ROOMS);
  await client.end();
  const rooms = range(0, 20_000).map((n) => `room-${n}`);
  const listener = new Listener();
  for (const roomId of rooms) await two.broker.subscribe(roomId, listener.as('ann', roomId), null);
  expect(two.broker.rooms.size).toBe(20_000);
  const some = range(0, 20).map((n) => `room-${n * 1_000 + 7}`);
  for (const round of range(0, 3)) {
    const sent = performance.now();
    await Promise.all(
      some.map((roomId) => one.store.appendMessage({ roomId, sender: ANN, content: `${round}` })),
    );
    while (listener.messages.length < (round + 1) * some.length) await listener.heard();
    expect(performance.now() - sent).toBeLessThan(2_000);
  }
  await close();
});

const MANY_ROOMS = `
  INSERT INTO rooms (room_id, name, visibility, owner_id, created_at, epoch, head, created_count, member_count, last_entry_at)
    SELECT 'room-' || n, 'x', 'public', 'ann', 1, 'epoch', 1, 0, 1, 1 FROM generate_series(0, 19999) AS n;
  INSERT INTO members (room_key, user_id, role, joined_at, joined_seq, read_seq, read_count)
    SELECT room_key, 'ann', 'owner', 1, 1, 1, 0 FROM rooms;
  INSERT INTO entries (room_key, seq, type, actor_id, actor_name, created_at, role, created_count)
    SELECT room_key, 1, 'member.joined', 'ann', 'Ann', 1, 'owner', 0 FROM rooms`;
