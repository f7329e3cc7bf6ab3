// The reads on PostgreSQL: several at once, each of one moment.
import { MaruError } from '@maru/contract';
import { CURRENT_SQL } from '../current-message.ts';
import { MESSAGE_SQL } from '../message-queries.ts';
import { PEOPLE_SQL } from '../people-queries.ts';
import type { ReadName, ReadQueries, ReadRequest } from '../read-queries.ts';
import { createReadRules } from '../read-rules.ts';
import { ROOM_SQL } from '../room-queries.ts';
import type { Steps } from '../steps.ts';
import { decodeError, encodeError } from '../wire-error.ts';
import type { ConnectionPool } from './connection.ts';
import { tableForPostgres } from './dialect.ts';
import { Driver } from './driver.ts';
import { search } from './search.ts';

/** Of one statement, and so of one moment anyway. */
const OF_ONE_STATEMENT: ReadonlySet<ReadName> = new Set([
  'findUser',
  'findUsers',
  'findStanding',
  'findReading',
  'listHeads',
]);

const RULES = createReadRules(
  tableForPostgres({ ...PEOPLE_SQL, ...ROOM_SQL, ...MESSAGE_SQL, ...CURRENT_SQL }),
);
const READS = { ...RULES, search };

export class PostgresReader {
  readonly #pool: ConnectionPool;
  readonly #limit: number;
  #closed = false;

  /** `limit`: most reads waiting for a connection; past it `overloaded`. */
  constructor(pool: ConnectionPool, limit: number) {
    this.#pool = pool;
    this.#limit = limit;
  }

  async read({ name, args }: ReadRequest): Promise<ReturnType<ReadQueries[ReadName]>> {
    if (this.#closed) throw new MaruError('going-away');
    if (this.#pool.waiting >= this.#limit) throw new MaruError('overloaded');
    const rule = READS[name] as (...values: typeof args) => Steps<ReturnType<ReadQueries[ReadName]>>;
    try {
      return await this.#pool.with(async (link) => {
        const driver = new Driver(link);
        if (OF_ONE_STATEMENT.has(name)) return await driver.drive(rule(...args));
        driver.defer('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
        try {
          return await driver.drive(rule(...args));
        } finally {
          if (!link.failed) await driver.ask({ sql: 'COMMIT', values: [] });
        }
      });
    } catch (error) {
      throw decodeError(encodeError(error));
    }
  }

  close(): void {
    this.#closed = true;
  }
}
