// What docs/scaling.md says of spreading the log: its statements, run on the schema as it is, with messages in it.
import { readFileSync } from 'node:fs';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import { type Postgres, startPostgres } from '../../engines/postgres.ts';
import { range } from '../store.contract.ts';

const PAGE = readFileSync(new URL('../../../../../docs/scaling.md', import.meta.url), 'utf8');
const STATEMENTS = [...PAGE.matchAll(/```sql\n([^`]+)```/g)].map(([, sql = '']) => sql);
const ANN = { userId: 'ann', name: 'Ann' };

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres?.stop());

test('a partition is split while messages are written: none is missing, and each room is in one partition', {
  timeout: 60_000,
}, async () => {
  const url = await postgres.newDatabase();
  const store = await openPostgresStore({ url });
  const client = new pg.Client(url);
  await client.connect();
  // Rooms in every partition, and in both halves of the one that is split.
  const rooms = await Promise.all(
    range(0, 100).map(() => store.createRoom({ name: 'x', visibility: 'public', owner: ANN })),
  );
  const write = (from: number) =>
    Promise.all(
      rooms.flatMap(({ roomId }) =>
        range(from, 20).map((n) => store.appendMessage({ roomId, sender: ANN, content: `${n}` })),
      ),
    );
  await write(0);
  expect(STATEMENTS).toHaveLength(2);
  const writing = write(20);
  for (const sql of STATEMENTS) await client.query(sql);
  await writing;
  await write(40);
  for (const { roomId } of rooms) {
    const entries = await store.listEntries(roomId, 0, 100);
    expect(entries.map(({ entry }) => entry.seq)).toEqual(range(1, 61));
  }
  const halves = await client.query(
    `SELECT tableoid::regclass::text AS part, count(*)::int AS rows FROM entries WHERE tableoid::regclass::text LIKE '%_of_32' GROUP BY 1`,
  );
  expect(halves.rows).toHaveLength(2);
  for (const { rows } of halves.rows) expect(rows).toBeGreaterThan(0);

  const parts = (plan: { rows: { 'QUERY PLAN': string }[] }) =>
    new Set(
      plan.rows.flatMap((row) =>
        [...row['QUERY PLAN'].matchAll(/ on (entries_\d+(?:_of_32)?)/g)].map(([, name]) => name),
      ),
    );
  const history = await client.query(
    'EXPLAIN SELECT * FROM entries WHERE room_key = 7 AND seq > 10 ORDER BY seq LIMIT 50',
  );
  expect(parts(history).size).toBe(1);
  await client.end();
  await store.close();
});
