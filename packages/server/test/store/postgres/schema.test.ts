// The schema on PostgreSQL: how it comes to be, and that what is planned on empty tables is still right on full ones.
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConnectionPool } from '../../../src/store/postgres/connection.ts';
import {
  migratePostgres,
  POSTGRES_MIGRATIONS,
  pendingMigrations,
} from '../../../src/store/postgres/migrations.ts';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { type Postgres, startPostgres } from '../../engines/postgres.ts';
import { range } from '../store.contract.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres?.stop());

const ALICE = { userId: 'alice', name: 'Alice' };
const poolOf = (url: string) =>
  new ConnectionPool({
    url,
    max: 4,
    connectMs: 3_000,
    statementMs: 15_000,
    lockMs: 5_000,
    onError: () => {},
  });

test('ten programs started at once on an empty database make each step once', async () => {
  const url = await postgres.newDatabase();
  const stores = await Promise.all(range(0, 10).map(() => openPostgresStore({ url })));
  await Promise.all(stores.map((store) => store.close()));
  const pool = poolOf(url);
  const applied = await pool.with((link) =>
    link.send([{ sql: 'SELECT name FROM maru_migrations ORDER BY position', values: [] }]),
  );
  expect(applied[0]?.rows).toEqual(POSTGRES_MIGRATIONS.map(({ name }) => ({ name })));
  await pool.close();
});

test('an older program works beside a newer one’s expanded schema, and refuses a contracted one', async () => {
  const url = await postgres.newDatabase();
  const pool = poolOf(url);
  const expanded = {
    name: '9998-more',
    kind: 'expand',
    sql: 'ALTER TABLE rooms ADD COLUMN topic text',
  } as const;
  const contracted = {
    name: '9999-less',
    kind: 'contract',
    sql: 'ALTER TABLE rooms DROP COLUMN name',
  } as const;

  const older = await openPostgresStore({ url });
  const newer = [...POSTGRES_MIGRATIONS, expanded];
  expect((await pool.with((link) => pendingMigrations(link, newer))).map(({ name }) => name)).toEqual([
    '9998-more',
  ]);
  expect(await pool.with((link) => migratePostgres(link, newer))).toEqual(['9998-more']);
  const { roomId } = await older.createRoom({ name: 'x', visibility: 'public', owner: ALICE });
  const another = await openPostgresStore({ url });
  await another.appendMessage({ roomId, sender: ALICE, content: 'both work' });

  await Promise.all([older.close(), another.close()]);
  await pool.with((link) => migratePostgres(link, [...newer, contracted]));
  await expect(openPostgresStore({ url })).rejects.toThrow(
    /was migrated by another, newer Maru: it has the step "9999-less" where this one knows none after "0001-log"/,
  );
  await pool.close();
});

test('a step that fails changes nothing, and is named', async () => {
  const url = await postgres.newDatabase();
  const pool = poolOf(url);
  const broken = {
    name: '9999-broken',
    kind: 'expand',
    sql: 'CREATE TABLE half (a int); CREATE TABLE half (a int)',
  } as const;
  await expect(pool.with((link) => migratePostgres(link, [...POSTGRES_MIGRATIONS, broken]))).rejects.toThrow(
    'the migration "9999-broken" failed: relation "half" already exists',
  );
  expect(await pool.with((link) => migratePostgres(link))).toEqual([]);
  await pool.close();
});

test('a connection that began on empty tables finds its rows by index when they are full', {
  timeout: 60_000,
}, async () => {
  const url = await postgres.newDatabase();
  const store = await openPostgresStore({ url, readers: 1 });
  const { roomId } = await store.createRoom({ name: 'x', visibility: 'public', owner: ALICE });
  const message = (n: number) => ({
    roomId,
    sender: ALICE,
    content: `message ${n}`,
    clientMessageId: `c${n}`,
  });
  // Ten times: by then each connection has all of its plans.
  for (const n of range(0, 10)) {
    await store.appendMessage(message(n));
    await store.listMessages(roomId, 'alice', {}, 50);
    await store.listEntries(roomId, 0, 50);
    await store.search('alice', { text: 'message' }, undefined, 10);
  }
  const client = new pg.Client(url);
  await client.connect();
  // In this room, too, past its head: what one look-up finds is one row among all of them.
  await client.query(`INSERT INTO entries (room_key, seq, type, message_id, actor_id, actor_name, created_at, client_message_id, content, created_count)
    SELECT 1 + n % 2, 100000 + n, 'message.created', 'm-' || n, CASE n % 4 WHEN 0 THEN 'alice' ELSE 'zoe' END, 'Zoe', 1, 'z' || n,
      'other words ' || n, n FROM generate_series(1, 200000) AS n`);
  await client.query(`INSERT INTO rooms (room_id, name, visibility, owner_id, created_at, epoch, head, created_count, member_count, last_entry_at)
    SELECT 'r' || n, 'x', 'private', 'zoe', n, 'e', 1, 1, 1, n FROM generate_series(1, 50000) AS n`);
  await client.query(`INSERT INTO members (room_key, user_id, role, joined_at, joined_seq, read_seq, read_count)
    SELECT 1, 'u' || n, 'member', n, n + 100000, 1, 1 FROM generate_series(1, 50000) AS n
    UNION ALL SELECT room_key, 'alice', 'member', 1, 1, 1, 1 FROM rooms WHERE room_key > 1`);
  const read = async () => {
    const { rows } = await client.query<{ rows: string }>(
      `SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) + (SELECT sum(idx_tup_read) FROM pg_stat_user_indexes) AS rows
        FROM pg_stat_user_tables WHERE relname <> 'maru_migrations'`,
    );
    return Number(rows[0]?.rows);
  };
  const before = await read();
  await Promise.all(range(10, 490).map((n) => store.appendMessage(message(n))));
  for (const n of range(0, 10)) {
    expect(await store.appendMessage(message(n))).toMatchObject({ duplicate: true });
    await store.listEntries(roomId, 0, 50);
    await store.findRoom(roomId, 'alice');
  }
  // What its connections did is counted when they are closed.
  await store.close();
  const after = await read();
  // 500 messages of a dozen rows each, and ten pages.
  expect(after - before).toBeLessThan(500 * 30);
  expect(after - before).toBeGreaterThan(500);
  await client.end();
});
