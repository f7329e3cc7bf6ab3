// What PostgreSQL's errors and those of its connection say about the storage.
import { StorageError, type StorageFault } from '../storage-fault.ts';

/** By SQLSTATE, or by its class of two characters (PostgreSQL, appendix A). What isn't here is not the storage's. */
const FAULTS: Readonly<Record<string, StorageFault>> = {
  '08': 'unreachable', // connection exceptions
  '25006': 'read-only', // a standby, or a database made so
  '53': 'io', // out of memory and the like
  '53100': 'full',
  '53300': 'unreachable', // too many connections
  '55P03': 'locked', // lock_timeout
  '57014': 'slow', // statement_timeout
  '57P01': 'unreachable',
  '57P02': 'unreachable',
  '57P03': 'unreachable',
  '57P05': 'unreachable',
  '58': 'io', // of the operating system
  XX001: 'damaged',
  XX002: 'damaged',
};

/** SQLSTATEs after which the same transaction, begun again, may well succeed. */
const RETRIED: ReadonlySet<string> = new Set([
  '40P01', // deadlock
  '40001', // serialization failure
  '23505', // somebody else's row came first: the next try finds it
]);

/** As the store tells it: a `StorageError` for what is the storage's, anything else as it is. */
export function storageErrorOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const code = codeOf(error);
  if (code === undefined) {
    // pg itself: the connection ended, or could not be had in time.
    return /connection|timeout|terminated|not queryable/i.test(error.message)
      ? new StorageError('unreachable', error.message)
      : error;
  }
  // The system's own: ECONNREFUSED, ECONNRESET, ENOTFOUND …
  if (/^E[A-Z]{3,}/.test(code)) return new StorageError('unreachable', error.message || code);
  const fault = FAULTS[code] ?? FAULTS[code.slice(0, 2)];
  return fault === undefined ? error : new StorageError(fault, `${code}: ${error.message}`);
}

export function isRetried(error: unknown): boolean {
  return error instanceof Error && RETRIED.has(codeOf(error) ?? '');
}

function codeOf(error: Error): string | undefined {
  return 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
