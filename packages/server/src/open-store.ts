// The store of a chat service: the embedded one or PostgreSQL, and what is told when it fails.
import type { Config } from './config.ts';
import { openSqliteStore, type StoreFailure } from './store/sqlite-store.ts';
import type { StorageTrouble } from './store/storage-health.ts';
import type { Store } from './store/store.ts';
import type { Logger } from './telemetry/log.ts';
import type { Readiness } from './telemetry/readiness.ts';
import { SparseLog } from './telemetry/sparse-log.ts';

/** `onFatal`: the store can do nothing any more, nor can the process. */
export async function openStore(
  { dataDir, database, chat }: Config,
  { log, readiness }: { readonly log: Logger; readonly readiness: Readiness },
  onFatal: (error: Error) => void,
): Promise<Store> {
  const storageLog = new SparseLog({ log, level: 'error' });
  const told = {
    queueLimit: chat.appendQueue,
    onStorage(trouble: StorageTrouble | null) {
      if (trouble === null) log.info('the storage works again');
      else storageLog.tell(trouble.problem, { err: trouble.error }, `the storage fails: ${trouble.problem}`);
    },
    onFailure(failure: StoreFailure, error: Error) {
      if (failure === 'background-failed') {
        log.error({ err: error }, 'the store fails to index messages or to take deleted ones off the disk');
        return;
      }
      log.fatal({ failure, err: error }, 'the store failed');
      readiness.fail();
      onFatal(error);
    },
  };
  const { url } = database;
  if (url === undefined) return openSqliteStore({ folder: dataDir, ...told });
  // Loaded when it is used: with the embedded database nothing needs it.
  const { openPostgresStore } = await import('./store/postgres/postgres-store.ts');
  return openPostgresStore({ ...database, url, ...told });
}
