// The store on PostgreSQL: several programs on one database, each with a connection that writes and some that read.
import { MaruError } from '@maru/contract';
import { QueuedStore } from '../queued-store.ts';
import type { StorageTrouble } from '../storage-health.ts';
import type { Store } from '../store.ts';
import { decodeError, encodeError } from '../wire-error.ts';
import { ConnectionPool } from './connection.ts';
import { storageErrorOf } from './fault.ts';
import { migratePostgres } from './migrations.ts';
import { PostgresReader } from './reader.ts';
import { RoomPurge } from './room-purge.ts';
import { PostgresWriter } from './writer.ts';

export type PostgresStoreOptions = {
  /** `postgres://user:password@host:port/database`, of PostgreSQL 15 or newer. */
  readonly url: string;
  /** Connections that read. Default 8. */
  readonly readers?: number;
  /** Most writes in one transaction, each entry of an `append` counted. Default 512. */
  readonly batchLimit?: number;
  /** Most writes accepted and not yet durable, entries counted; past it `overloaded`. Default 10,000. */
  readonly queueLimit?: number;
  /** Most reads waiting for a connection; past it `overloaded`. Default 10,000. */
  readonly readLimit?: number;
  /** Milliseconds to connect. Default 3,000. */
  readonly connectMs?: number;
  /** Milliseconds after which PostgreSQL gives a statement up, and a transaction that nobody goes on with. Default 15,000. */
  readonly statementMs?: number;
  /** Milliseconds to wait for a room that another program writes to. Default 5,000. */
  readonly lockMs?: number;
  /** The database fails: once when it begins, and once with `null` when it works again. Default: nobody is told. */
  readonly onStorage?: (trouble: StorageTrouble | null) => void;
  /** The listener of `onCommitted` threw, or deleted rooms could not be removed. Default: nobody is told. */
  readonly onFailure?: (failure: 'listener-threw' | 'background-failed', error: Error) => void;
  /** Milliseconds from a failure of the database to the first try whether it has passed. Default 500. */
  readonly probeMs?: number;
  /** Milliseconds from the deletion of a room until it begins to be removed. Default 60,000. */
  readonly purgeAfterMs?: number;
  /** Milliseconds since the epoch. Default: the clock of this machine. */
  readonly now?: () => number;
};

/** Brings the schema up to date first. Rejects with an Error that says what is wrong with the database. */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<Store> {
  const { url, readers = 8, connectMs = 3_000, statementMs = 15_000, lockMs = 5_000 } = options;
  const { onStorage = () => {}, onFailure = () => {}, now = Date.now } = options;
  let store: QueuedStore | undefined;
  const onError = (error: unknown): void => {
    store?.observe(decodeError(encodeError(storageErrorOf(error))));
  };
  const shared = { url, connectMs, statementMs, lockMs, onError };
  const writing = new ConnectionPool({ ...shared, max: 1 });
  const reading = new ConnectionPool({ ...shared, max: readers });
  try {
    await writing.with(async (link) => {
      await migratePostgres(link);
    });
  } catch (cause) {
    await Promise.all([writing.close(), reading.close()]);
    const said = cause instanceof MaruError || cause instanceof Error ? cause.message : String(cause);
    throw new Error(`cannot open the PostgreSQL database: ${said}`, { cause });
  }
  const writer = new PostgresWriter(writing, now);
  const reader = new PostgresReader(reading, options.readLimit ?? 10_000);
  const purge = new RoomPurge(reading, {
    now,
    purgeAfterMs: options.purgeAfterMs ?? 60_000,
    onFailure: (error) => onFailure('background-failed', error),
  });
  store = new QueuedStore(
    {
      commit: (batch) => writer.commit(batch),
      read: (request) => reader.read(request),
      async close() {
        reader.close();
        await purge.close();
        await Promise.all([writing.close(), reading.close()]);
      },
    },
    {
      batchLimit: options.batchLimit ?? 512,
      queueLimit: options.queueLimit ?? 10_000,
      probeMs: options.probeMs ?? 500,
      onStorage,
      onListenerError: (error) => onFailure('listener-threw', error),
    },
  );
  return store;
}
