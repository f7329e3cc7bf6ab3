// How Maru's connections to PostgreSQL are: their settings, and a pool that opens them anew when they are lost.
import pg from 'pg';
import { storageErrorOf } from './fault.ts';
import { Pipeline, type PostgresCall, type PostgresRan, PreparedStatements } from './pipeline.ts';

export type ConnectionOptions = {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  readonly max: number;
  readonly connectMs: number;
  readonly statementMs: number;
  /** Longest wait for a row that somebody else has locked. */
  readonly lockMs: number;
  /** Told of a connection lost while nobody used it. */
  readonly onError: (error: unknown) => void;
};

/**
 * - The planner is kept on the indexes: a plan is made once for a connection, maybe on empty tables, where a scan looks
 *   cheap (measured: 5.6 times slower appends later).
 * - `synchronous_commit`: whatever the server's default, what is answered is on its disk.
 */
const SETTINGS = [
  ['application_name', "'maru'"],
  ['enable_seqscan', 'off'],
  ['enable_hashjoin', 'off'],
  ['enable_mergejoin', 'off'],
  ['enable_memoize', 'off'],
  ['jit', 'off'],
  ['plan_cache_mode', 'force_generic_plan'],
  ['synchronous_commit', 'on'],
  ['timezone', "'UTC'"],
] as const;

export class ConnectionPool {
  readonly #pool: pg.Pool;
  readonly #statements = new WeakMap<pg.PoolClient, PreparedStatements>();

  constructor({ url, max, connectMs, statementMs, lockMs, onError }: ConnectionOptions) {
    const timeouts = {
      statement_timeout: statementMs,
      lock_timeout: lockMs,
      idle_in_transaction_session_timeout: statementMs,
    };
    const settings = [...SETTINGS, ...Object.entries(timeouts)].map(
      ([name, value]) => `SET ${name} = ${value}`,
    );
    this.#pool = new pg.Pool({
      connectionString: url,
      max,
      connectionTimeoutMillis: connectMs,
      keepAlive: true,
      // pg waits for it before it gives the connection to anybody.
      onConnect: async (client: pg.ClientBase) => {
        await client.query(settings.join('; '));
      },
    } as pg.PoolConfig);
    this.#pool.on('error', onError);
    this.#pool.on('connect', (client) => {
      client.on('error', onError);
    });
  }

  /** Who waits for a connection. */
  get waiting(): number {
    return this.#pool.waitingCount;
  }

  /** Gives `use` a connection of its own. Rejects with a StorageError when none can be had or it is lost. */
  async with<Result>(use: (link: Link) => Promise<Result>): Promise<Result> {
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw storageErrorOf(error);
    }
    let statements = this.#statements.get(client);
    if (statements === undefined) {
      statements = new PreparedStatements();
      this.#statements.set(client, statements);
    }
    const link = new Link(client, statements);
    try {
      return await use(link);
    } catch (error) {
      throw storageErrorOf(error);
    } finally {
      client.release(link.failed);
    }
  }

  close(): Promise<void> {
    return this.#pool.end();
  }
}

/** One connection, while somebody has it. */
export class Link {
  readonly #client: pg.PoolClient;
  readonly #statements: PreparedStatements;
  /** After a failure the connection is closed: nothing of its transaction, nor of its statements, is known for sure. */
  failed = false;

  constructor(client: pg.PoolClient, statements: PreparedStatements) {
    this.#client = client;
    this.#statements = statements;
  }

  /** In one round trip; see Pipeline. */
  async send(calls: readonly PostgresCall[]): Promise<readonly PostgresRan[]> {
    const pipeline = new Pipeline(calls, this.#statements);
    try {
      this.#client.query(pipeline);
      return await pipeline.done;
    } catch (error) {
      this.failed = true;
      throw error;
    }
  }

  /** Statements without parameters, as a migration has them. */
  async script(sql: string): Promise<void> {
    try {
      await this.#client.query(sql);
    } catch (error) {
      this.failed = true;
      throw error;
    }
  }
}
