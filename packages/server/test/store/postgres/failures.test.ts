// PostgreSQL as it fails: gone and back, held by others, killed in the middle of a stream of messages.
import { once } from 'node:events';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { openPostgresStore, type PostgresStoreOptions } from '../../../src/store/postgres/postgres-store.ts';
import type { StorageTrouble } from '../../../src/store/storage-health.ts';
import type { Store } from '../../../src/store/store.ts';
import { type Postgres, startPostgres } from '../../engines/postgres.ts';
import { everyEntry, range, refused } from '../store.contract.ts';

let postgres: Postgres;
const stores: Store[] = [];
beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres?.stop());
afterEach(() => Promise.all(stores.splice(0).map((store) => store.close())));

const ALICE = { userId: 'alice', name: 'Alice' };

async function openStore(options: Partial<PostgresStoreOptions> = {}) {
  const url = options.url ?? (await postgres.newDatabase());
  const changes: (StorageTrouble | null)[] = [];
  let heard = Promise.withResolvers<StorageTrouble | null>();
  const store = await openPostgresStore({
    probeMs: 50,
    ...options,
    url,
    onStorage: (trouble) => {
      changes.push(trouble);
      heard.resolve(trouble);
      heard = Promise.withResolvers();
    },
  });
  stores.push(store);
  const { roomId } = await store.createRoom({ name: 'x', visibility: 'public', owner: ALICE });
  return { url, store, roomId, changes, next: () => heard.promise };
}

test('killed in a stream of messages and started again: nothing acknowledged is lost, what is sent again is there once', {
  timeout: 60_000,
}, async () => {
  const { store, roomId, next } = await openStore();
  const acknowledged = new Map<string, number>();
  const send = async (clientMessageId: string): Promise<void> => {
    for (;;) {
      try {
        const { entry } = await store.appendMessage({ roomId, sender: ALICE, content: 'x', clientMessageId });
        acknowledged.set(clientMessageId, entry.seq);
        return;
      } catch (error) {
        expect(error).toMatchObject({ code: 'storage-unavailable' });
        // Until the store says that it works again.
        while ((await next()) !== null);
      }
    }
  };
  const sending = Promise.all(
    range(0, 64).map(async (sender) => {
      for (const n of range(0, 100)) await send(`${sender}.${n}`);
    }),
  );
  const trouble = next();
  await store.appendMessage({ roomId, sender: ALICE, content: 'the stream runs' });
  await postgres.kill();
  expect(await trouble).toMatchObject({ problem: 'the database cannot be reached' });
  await expect(store.check()).rejects.toThrow('the database cannot be reached');
  await postgres.start();
  await sending;
  await store.check();
  const entries = (await everyEntry(store, roomId)).map(({ entry }) => entry);
  expect(entries.map(({ seq }) => seq)).toEqual(range(1, entries.length));
  const ids = entries.flatMap((entry) =>
    entry.type === 'message.created' ? [entry.clientMessageId ?? ''] : [],
  );
  expect(ids.filter((id) => id !== '').sort()).toEqual([...acknowledged.keys()].sort());
  for (const entry of entries) {
    if (entry.type !== 'message.created' || entry.clientMessageId === undefined) continue;
    expect(acknowledged.get(entry.clientMessageId)).toBe(entry.seq);
  }
});

test('a room that somebody holds: its writes are refused after the time for locks, others go on', async () => {
  const { url, store, roomId } = await openStore({ lockMs: 200 });
  const { roomId: free } = await store.createRoom({ name: 'y', visibility: 'public', owner: ALICE });
  const holder = new pg.Client(url);
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('SELECT 1 FROM rooms WHERE room_id = $1 FOR UPDATE', [roomId]);
  // In one batch: the first wakes the queue, the others wait for each other.
  const say = (to: string, content: string) => store.appendMessage({ roomId: to, sender: ALICE, content });
  const held = [
    say(roomId, 'held'),
    say(roomId, 'held as well'),
    store.join(roomId, { userId: 'bob', name: 'Bob' }, 'member'),
  ];
  const others = [say(free, 'a'), store.join(free, { userId: 'bob', name: 'Bob' }, 'member'), say(free, 'b')];
  await Promise.all(held.map((write) => refused(write, 'storage-unavailable')));
  await Promise.all(others);
  await refused(say('nowhere', 'x'), 'room-not-found');
  expect((await everyEntry(store, free)).map(({ entry }) => entry.type)).toEqual([
    'member.joined',
    'message.created',
    'member.joined',
    'message.created',
  ]);
  await holder.query('ROLLBACK');
  await holder.end();
  expect(await store.appendMessage({ roomId, sender: ALICE, content: 'again' })).toMatchObject({
    entry: { seq: 2 },
  });
});

test('connections ended by the server: the next call has a new one', async () => {
  const { url, store, roomId } = await openStore();
  const operator = new pg.Client(url);
  await operator.connect();
  await operator.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'maru' AND datname = current_database()`);
  await operator.end();
  for (;;) {
    const outcome = await store
      .appendMessage({ roomId, sender: ALICE, content: 'x' })
      .catch((error) => error);
    if (!(outcome instanceof Error)) break;
    expect(outcome).toMatchObject({ code: 'storage-unavailable' });
  }
  expect((await everyEntry(store, roomId)).map(({ entry }) => entry.seq)).toEqual([1, 2]);
});

test('a database that is not there: the error says so', async () => {
  const url = `postgres://maru@127.0.0.1:${postgres.port}/nothing`;
  await expect(openPostgresStore({ url })).rejects.toThrow(
    'cannot open the PostgreSQL database: database "nothing" does not exist',
  );
  await expect(openPostgresStore({ url: 'postgres://maru@127.0.0.1:1/x' })).rejects.toThrow(
    /cannot open the PostgreSQL database: .*ECONNREFUSED/,
  );
});

test('a database that is read-only: writes say so, reads go on', async () => {
  const { url, store, roomId, next } = await openStore();
  const operator = new pg.Client(url);
  await operator.connect();
  const name = new URL(url).pathname.slice(1);
  await operator.query(`ALTER DATABASE ${name} SET default_transaction_read_only = on`);
  const ended = once(operator, 'end');
  await operator.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE application_name = 'maru' AND datname = current_database()`);
  await operator.end();
  await ended;
  for (;;) {
    const error = await refused(
      store.appendMessage({ roomId, sender: ALICE, content: 'x' }),
      'storage-unavailable',
    );
    if (String(error.cause).includes('read-only')) break;
  }
  expect(await store.findRoom(roomId, 'alice')).toMatchObject({ head: 1 });
  const again = next();
  const owner = new pg.Client(url.replace(name, 'postgres'));
  await owner.connect();
  await owner.query(`ALTER DATABASE ${name} RESET default_transaction_read_only`);
  await owner.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'maru'`);
  await owner.end();
  for (let state = await again; state !== null; state = await next());
  await store.appendMessage({ roomId, sender: ALICE, content: 'x' });
});
