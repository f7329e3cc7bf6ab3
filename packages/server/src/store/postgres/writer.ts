// One batch of writes on PostgreSQL: one transaction, and an outcome for each write whatever happens in it.
import { CURRENT_SQL } from '../current-message.ts';
import { ROOM_SQL } from '../room-queries.ts';
import { run } from '../steps.ts';
import { StorageError } from '../storage-fault.ts';
import type { NewMessage } from '../store.ts';
import { encodeError } from '../wire-error.ts';
import { createWriteRules } from '../write-rules.ts';
import { WRITE_SQL } from '../write-sql.ts';
import { stepsOf, type WriteOutcome, type WriteRequest, type WriteRules } from '../writes.ts';
import type { ConnectionPool, Link } from './connection.ts';
import { tableForPostgres } from './dialect.ts';
import { Driver } from './driver.ts';
import { isRetried } from './fault.ts';
import { appendCall, isPlain, outcomesOf } from './message-run.ts';
import type { PostgresCall } from './pipeline.ts';

/** How often a transaction that met another one is begun again. */
const TRIES = 5;

/**
 * What becomes of a batch, as on SQLite (../commit-batch.ts): a failure of the storage is that of all its writes, any other
 * that of the one that met it, found by halves. A deadlock or another's row in the way: all of it once more. A room that somebody
 * else holds for too long: its writes are refused, the rest of the batch goes on without another wait.
 *
 * Locks are taken before anything is read, in one order in every program: people and pairs of people by name, then rooms
 * by key. What is read behind a lock is as whoever had it before left it (READ COMMITTED, each statement a snapshot of its
 * own). A batch of plain messages is one round trip, without BEGIN and COMMIT.
 */
export class PostgresWriter {
  readonly #pool: ConnectionPool;
  readonly #rules: WriteRules;
  readonly #now: () => number;

  constructor(pool: ConnectionPool, now: () => number) {
    this.#pool = pool;
    this.#now = now;
    this.#rules = createWriteRules({
      sql: tableForPostgres({ ...WRITE_SQL, ...OWN_SQL }),
      roomSql: tableForPostgres({ ...ROOM_SQL, ...CURRENT_SQL }),
      now,
      // The index is of the rows themselves.
      search: { *replace() {} },
      *probe() {
        yield* run("SELECT pg_logical_emit_message(true, 'maru', '')");
        return { value: null, committed: [] };
      },
    });
  }

  async commit(requests: readonly WriteRequest[]): Promise<readonly WriteOutcome[]> {
    try {
      return await this.#transact(requests);
    } catch (error) {
      if (requests.length === 1 || error instanceof StorageError) {
        const outcome = refusalOf(error);
        return requests.map(() => outcome);
      }
      const half = Math.ceil(requests.length / 2);
      return [...(await this.commit(requests.slice(0, half))), ...(await this.commit(requests.slice(half)))];
    }
  }

  async #transact(requests: readonly WriteRequest[]): Promise<readonly WriteOutcome[]> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#pool.with((link) => this.#commitOn(link, requests));
      } catch (error) {
        if (error instanceof StorageError && error.fault === 'locked') {
          return await this.#pool.with((link) => this.#commitFree(link, requests, error));
        }
        if (tries === TRIES || !isRetried(error)) throw error;
      }
    }
  }

  async #commitOn(link: Link, requests: readonly WriteRequest[]): Promise<readonly WriteOutcome[]> {
    const messages = plainMessagesOf(requests);
    if (messages !== null) {
      const [, appended] = await link.send([lockRooms(requests), appendCall(messages, this.#now())]);
      return outcomesOf(messages, appended?.rows ?? []);
    }
    return this.#within(link, requests, async (driver) => {
      const lock = lockRooms(requests);
      driver.defer(lock.sql, lock.values);
      return this.#perform(driver, requests);
    });
  }

  /** Those whose rooms nobody else holds; the others are refused without another wait. */
  #commitFree(
    link: Link,
    requests: readonly WriteRequest[],
    held: StorageError,
  ): Promise<readonly WriteOutcome[]> {
    return this.#within(link, requests, async (driver) => {
      const roomIds = [...new Set(requests.flatMap(roomsOf))];
      const { rows: free } = await driver.ask({ sql: LOCK_FREE_ROOMS, values: [roomIds] });
      const { rows: all } = await driver.ask({ sql: FIND_ROOMS, values: [roomIds] });
      const heldIds = new Set(idsOf(all)).difference(new Set(idsOf(free)));
      const isFree = (request: WriteRequest) => !roomsOf(request).some((roomId) => heldIds.has(roomId));
      const outcomes = (await this.#perform(driver, requests.filter(isFree))).values();
      return requests.map(
        (request) => (isFree(request) ? outcomes.next().value : undefined) ?? refusalOf(held),
      );
    });
  }

  async #within(
    link: Link,
    requests: readonly WriteRequest[],
    write: (driver: Driver) => Promise<readonly WriteOutcome[]>,
  ): Promise<readonly WriteOutcome[]> {
    const driver = new Driver(link);
    try {
      driver.defer('BEGIN');
      const names = requests.flatMap(namesOf);
      if (names.length > 0) driver.defer(LOCK_NAMES, [names]);
      const outcomes = await write(driver);
      await driver.ask({ sql: 'COMMIT', values: [] });
      return outcomes;
    } catch (error) {
      // Also when a rule threw between two statements: the connection goes, and its transaction with it.
      link.failed = true;
      throw error;
    }
  }

  async #perform(driver: Driver, requests: readonly WriteRequest[]): Promise<readonly WriteOutcome[]> {
    const outcomes: WriteOutcome[] = [];
    for (const part of partsOf(requests)) {
      const messages = plainMessagesOf(part);
      if (messages === null) {
        for (const request of part) outcomes.push(await driver.drive(stepsOf(this.#rules, request)));
      } else {
        const { rows } = await driver.ask(appendCall(messages, this.#now()));
        outcomes.push(...outcomesOf(messages, rows));
      }
    }
    return outcomes;
  }
}

function refusalOf(error: unknown): WriteOutcome {
  return { error: encodeError(error) };
}

function idsOf(rows: readonly unknown[]): readonly string[] {
  return (rows as readonly { readonly room_id: string }[]).map(({ room_id: roomId }) => roomId);
}

/** `null`: there is another write among them. */
function plainMessagesOf(requests: readonly WriteRequest[]): readonly NewMessage[] | null {
  const messages: NewMessage[] = [];
  for (const { name, input } of requests) {
    if (name !== 'appendMessage' || !isPlain(input)) return null;
    messages.push(input);
  }
  return messages;
}

/** Runs of plain messages, and what is between them. */
function partsOf(requests: readonly WriteRequest[]): readonly (readonly WriteRequest[])[] {
  const parts: { readonly plain: boolean; readonly requests: WriteRequest[] }[] = [];
  for (const request of requests) {
    const plain = request.name === 'appendMessage' && isPlain(request.input);
    const last = parts.at(-1);
    if (last?.plain === plain) last.requests.push(request);
    else parts.push({ plain, requests: [request] });
  }
  return parts.map((part) => part.requests);
}

function lockRooms(requests: readonly WriteRequest[]): PostgresCall {
  return { sql: LOCK_ROOMS, values: [[...new Set(requests.flatMap(roomsOf))]] };
}

function roomsOf({ input }: WriteRequest): readonly string[] {
  if (input === null) return [];
  if (Array.isArray(input)) return input.map(({ roomId }) => roomId);
  return 'roomId' in input ? [input.roomId] : [];
}

/** What has no row yet that could be locked. */
function namesOf({ name, input }: WriteRequest): readonly string[] {
  if (name === 'enterUser') return [`user ${input.userId}`];
  if (name !== 'openDirect') return [];
  return [`direct ${JSON.stringify([input.caller.userId, input.other.userId].sort())}`];
}

const LOCK_ROOMS = 'SELECT 1 FROM rooms WHERE room_id = ANY ($1::text[]) ORDER BY room_key FOR UPDATE';
/** Deleted rooms too: what is said of them is the rules' to say. */
const FIND_ROOMS = 'SELECT room_id FROM rooms WHERE room_id = ANY ($1::text[])';
const LOCK_FREE_ROOMS = `SELECT room_id FROM rooms WHERE room_id = ANY ($1::text[]) ORDER BY room_key
  FOR UPDATE SKIP LOCKED`;
const LOCK_NAMES = `SELECT pg_advisory_xact_lock(name) FROM
  (SELECT DISTINCT hashtextextended(name, 0) AS name FROM unnest($1::text[]) AS name ORDER BY 1) AS names`;

/** Where PostgreSQL needs other words than SQLite. */
const OWN_SQL = {
  // There is nothing to take off the disk that VACUUM wouldn't.
  requestErasure: 'SELECT 1',
} as const;
