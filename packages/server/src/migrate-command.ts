// `maru migrate`: the steps of the PostgreSQL schema, made or only named.
import type { Config } from './config.ts';
import { ConnectionPool } from './store/postgres/connection.ts';
import { migratePostgres, pendingMigrations } from './store/postgres/migrations.ts';

/** Only says what is missing with `isCheck`. @returns whether nothing is missing now */
export async function printMigration(
  { url, statementMs, lockMs }: Config['database'],
  isCheck: boolean,
): Promise<boolean> {
  if (url === undefined) {
    throw new Error('database.url is not set: the embedded database is brought up to date when Maru starts');
  }
  const pool = new ConnectionPool({ url, max: 1, connectMs: 10_000, statementMs, lockMs, onError: () => {} });
  try {
    if (!isCheck) {
      const made = await pool.with((link) => migratePostgres(link));
      console.log(made.length === 0 ? 'Nothing to do.' : made.map((name) => `${name}: done`).join('\n'));
      return true;
    }
    const pending = await pool.with((link) => pendingMigrations(link));
    for (const { name, kind } of pending) console.log(`${name} is missing (${kind})`);
    if (pending.length === 0) console.log('Nothing is missing.');
    return pending.length === 0;
  } catch (error) {
    // Told in a line, as every error of the database; a bug keeps its stack.
    throw error instanceof Error ? new Error(error.message, { cause: error }) : error;
  } finally {
    await pool.close();
  }
}
