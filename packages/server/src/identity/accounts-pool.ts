// The accounts in PostgreSQL: a schema beside the chat's tables, and a lock for what only one service may do at a time.
import pg from 'pg';
import type { Logger } from '../telemetry/log.ts';

const SCHEMA = 'maru_identity';
/** Any number that nobody else locks. */
const LOCK = 7_211_806_136;
const CONNECTIONS = 8;

/** Rejects with an Error that says what is wrong with the database. */
export async function openAccountsPool(url: string, log: Logger) {
  const database = new pg.Pool({
    connectionString: url,
    max: CONNECTIONS,
    connectionTimeoutMillis: 5_000,
    application_name: 'maru-identity',
    // better-auth names its tables without a schema.
    options: `-c search_path=${SCHEMA} -c statement_timeout=15000 -c synchronous_commit=on`,
  });
  // Of a connection that nobody uses: the next call opens another one.
  database.on('error', (error) =>
    log.warn({ component: 'identity', err: error }, 'a connection to PostgreSQL was lost'),
  );
  try {
    await database.query('SELECT 1');
  } catch (cause) {
    await database.end();
    throw new Error(
      `cannot open the PostgreSQL database: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
  return {
    database,
    async alone<Result>(action: () => Promise<Result>): Promise<Result> {
      const client = await database.connect();
      try {
        await client.query(`SELECT pg_advisory_lock(${LOCK})`);
        await client.query(`CREATE SCHEMA IF NOT EXISTS ${SCHEMA}`);
        return await action();
      } finally {
        // With the connection its lock ends.
        client.release(true);
      }
    },
    close: () => database.end(),
  };
}
