// The identity service: accounts, sessions and access tokens under /auth, on a database of its own.
import { chmodSync, closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { getSystemErrorMessage } from 'node:util';
import type { Upstream } from '../http/upstream.ts';
import type { Logger } from '../telemetry/log.ts';
import type { AccountsOptions } from './accounts.ts';
import type { IdentityRateLimit } from './identity-endpoint.ts';

export type IdentityServiceOptions = {
  /** Where identity.db is, without `databaseUrl`. */
  readonly dataDir: string;
  /** `postgres://…`: several identity services share accounts, sessions and signing keys. */
  readonly databaseUrl?: string | undefined;
  /** The gateway's address as clients see it: the tokens' issuer and the base of every URL. */
  readonly publicUrl: string;
  readonly audience: string;
  /** Origins whose pages may sign in, besides publicUrl's own. */
  readonly trustedOrigins: readonly string[];
  readonly secret: string;
  readonly accessTokenSeconds: number;
  readonly rateLimit: IdentityRateLimit;
  /** Proxies before the gateway: behind them each client is counted, not the proxy. */
  readonly trustedProxies?: readonly string[];
  readonly log: Logger;
  readonly now?: () => number;
};

export type IdentityService = {
  readonly upstream: Upstream;
  /** Refuses new calls, answers the running ones, closes the database. */
  close(): Promise<void>;
};

export async function openIdentityService(options: IdentityServiceOptions): Promise<IdentityService> {
  // better-auth takes a good part of a second to load: only a process that serves accounts pays for it.
  const [{ openAccounts }, { createIdentityEndpoint }] = await Promise.all([
    import('./accounts.ts'),
    import('./identity-endpoint.ts'),
  ]);
  const held = await holdDatabase(options);
  try {
    const { log, publicUrl, rateLimit, trustedProxies = [], now = Date.now } = options;
    const accounts = await held.alone(() => openAccounts({ ...options, database: held.database }));
    const endpoint = createIdentityEndpoint({ accounts, publicUrl, rateLimit, trustedProxies, log, now });
    return {
      upstream: endpoint.upstream,
      async close() {
        await endpoint.drain();
        await held.close();
      },
    };
  } catch (error) {
    await held.close();
    throw error;
  }
}

/** `alone`: while it runs no other identity service makes tables or keys. */
type Held = {
  readonly database: AccountsOptions['database'];
  alone<Result>(action: () => Promise<Result>): Promise<Result>;
  close(): Promise<void>;
};

async function holdDatabase({ dataDir, databaseUrl, log }: IdentityServiceOptions): Promise<Held> {
  if (databaseUrl !== undefined) {
    const { openAccountsPool } = await import('./accounts-pool.ts');
    return openAccountsPool(databaseUrl, log);
  }
  const database = openDatabase(dataDir);
  return {
    database,
    alone: (action) => action(),
    async close() {
      if (database.isOpen) database.close();
    },
  };
}

/** Readable by its owner alone: it holds password hashes and sessions. SQLite gives -wal and -shm the same mode. */
function openDatabase(dataDir: string): DatabaseSync {
  const path = join(dataDir, 'identity.db');
  let database: DatabaseSync | undefined;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    // For writing: SQLite opens what it may not write for reading alone.
    closeSync(openSync(path, 'a', 0o600));
    chmodSync(path, 0o600);
    database = new DatabaseSync(path, { timeout: 5000 });
    database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;');
    return database;
  } catch (cause) {
    database?.close();
    throw new Error(`cannot open ${path}: ${reasonOf(cause)}`, { cause });
  }
}

/** As the operating system or SQLite says it, for whoever starts the service. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'errno' in error && typeof error.errno === 'number'
    ? getSystemErrorMessage(error.errno)
    : error.message;
}
