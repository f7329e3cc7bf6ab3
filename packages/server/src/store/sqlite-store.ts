// The store on SQLite: chat.db in a folder, written by one thread and read by another.
import { extname } from 'node:path';
import type { BackgroundSettings } from './background-work.ts';
import { createDataFolder } from './data-folder.ts';
import { QueuedStore, type QueuedStoreOptions } from './queued-store.ts';
import type { ReadName, ReadQueries, ReadRequest } from './read-queries.ts';
import { SqliteWorkerClient } from './sqlite-worker-client.ts';
import type { StorageTrouble } from './storage-health.ts';
import type { Store } from './store.ts';
import type { WriteOutcome, WriteRequest } from './writes.ts';

/**
 * `thread-died`: nothing can be read or written any more. `listener-threw`: the store goes on. `background-failed`: it goes
 * on, but new messages are not indexed, or deleted ones not taken off the disk; it is tried again.
 */
export type StoreFailure = 'thread-died' | 'listener-threw' | 'background-failed';

export type SqliteStoreOptions = {
  readonly folder: string;
  /**
   * Most writes in one transaction, each entry of an `append` counted. What a commit costs is the pages it writes, and
   * entries of one room share theirs: 256 take as many milliseconds as 128 in 100 busy rooms (bench/append.ts). Default 256.
   */
  readonly batchLimit?: number;
  /** Most writes accepted and not yet durable, entries counted; past it `overloaded`. Default 10,000. */
  readonly queueLimit?: number;
  /** Most reads waiting for the reader thread; past it `overloaded`. Default 10,000. */
  readonly readLimit?: number;
  /** Default: nobody is told. */
  readonly onFailure?: (failure: StoreFailure, error: Error) => void;
  /** The disk or the file fails: once when it begins, and once with `null` when it works again. Default: nobody is told. */
  readonly onStorage?: (trouble: StorageTrouble | null) => void;
  /** Milliseconds from such a failure to the first try whether it has passed (storage-health.ts). Default 1,000. */
  readonly probeMs?: number;
  /** Milliseconds from a deletion until no file of the folder has what was deleted, when nothing holds it up. Default 3,000. */
  readonly eraseWithinMs?: number;
  /** Milliseconds from the deletion of a room until it begins to go off the disk. Default 60,000. */
  readonly purgeAfterMs?: number;
};

type Writer = SqliteWorkerClient<readonly WriteRequest[], readonly WriteOutcome[]>;
type Reader = SqliteWorkerClient<ReadRequest, ReturnType<ReadQueries[ReadName]>>;

/** The file beside this one: `.ts` in the workspace, `.js` where it is built. */
function threadUrl(name: string): URL {
  return new URL(`./${name}${extname(import.meta.filename)}`, import.meta.url);
}

/** Makes the folder and chat.db if they are missing. Rejects with an Error that says what is wrong and where. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const { folder, batchLimit = 256, queueLimit = 10_000, readLimit = 10_000 } = options;
  const { onFailure = () => {}, onStorage = () => {}, probeMs = 1_000 } = options;
  const settings: BackgroundSettings = {
    eraseWithinMs: options.eraseWithinMs ?? 3_000,
    purgeAfterMs: options.purgeAfterMs ?? 60_000,
  };
  createDataFolder(folder);
  const writer: Writer = new SqliteWorkerClient({
    url: threadUrl('sqlite-writer'),
    name: 'maru-store-writer',
    folder,
    settings,
    // The queue sends one batch at a time; it is the bound.
    requestLimit: 1,
  });
  // Begun together, most of the time goes into loading the threads; opened in turn: the writer makes the tables.
  const reader: Reader = new SqliteWorkerClient({
    url: threadUrl('sqlite-reader'),
    name: 'maru-store-reader',
    folder,
    requestLimit: readLimit,
  });
  try {
    await writer.open();
    await reader.open();
    return assemble(writer, reader, { batchLimit, queueLimit, probeMs, onStorage, onFailure });
  } catch (error) {
    await Promise.all([reader.close(), writer.close()]);
    throw error;
  }
}

/** Half a store is of no use to anyone: when a thread dies the other goes too, and whoever waits for it is told. */
function assemble(
  writer: Writer,
  reader: Reader,
  {
    onFailure,
    ...options
  }: Omit<QueuedStoreOptions, 'onListenerError'> & Required<Pick<SqliteStoreOptions, 'onFailure'>>,
): Store {
  const database = {
    commit: (batch: readonly WriteRequest[]) => writer.request(batch),
    read: (request: ReadRequest) => reader.request(request),
    /** The reader first: while it is there the write-ahead log cannot be emptied. */
    async close() {
      try {
        await reader.close();
      } finally {
        await writer.close();
      }
    },
  };
  const store = new QueuedStore(database, {
    ...options,
    onListenerError: (error) => onFailure('listener-threw', error),
  });
  writer.onTrouble((error) => {
    if (error.code === 'storage-unavailable') store.observe(error);
    else onFailure('background-failed', error);
  });
  let failed = false;
  for (const thread of [writer, reader]) {
    thread.onError((error) => store.observe(error));
    void thread.died.then((error) => {
      if (failed) return;
      failed = true;
      void writer.terminate(error);
      void reader.terminate(error);
      onFailure('thread-died', error);
    });
  }
  return store;
}
