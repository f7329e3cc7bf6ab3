// What can be wrong with the storage, how a person is told, and what SQLite's result codes say of it.
import { getSystemErrorMessage } from 'node:util';

type FaultFacts = {
  /** For an operator, as `/readyz` and the log say it. */
  readonly problem: string;
  /**
   * `disk`: it meets whatever is written next just the same, and may pass. `page`: it meets what lies on one page of the
   * file, the rest can be used; it never passes.
   */
  readonly of: 'disk' | 'page';
};

export const STORAGE_FAULTS = {
  full: { problem: 'the disk is full: nothing can be written until there is room', of: 'disk' },
  'read-only': { problem: 'the database, or its file system, is read-only', of: 'disk' },
  io: { problem: 'the disk fails, or takes no more for a limit', of: 'disk' },
  locked: { problem: 'another program holds the database', of: 'disk' },
  unopened: { problem: 'a file of the database cannot be opened', of: 'disk' },
  unreachable: { problem: 'the database cannot be reached', of: 'disk' },
  slow: { problem: 'the database takes too long to answer', of: 'disk' },
  damaged: { problem: 'the database is damaged: run maru verify', of: 'page' },
} as const satisfies Record<string, FaultFacts>;

export type StorageFault = keyof typeof STORAGE_FAULTS;

/** By SQLite's primary result code (https://sqlite.org/rescode.html). What isn't here is not the storage's. */
const FAULTS: Readonly<Record<number, StorageFault>> = {
  5: 'locked', // SQLITE_BUSY
  8: 'read-only', // SQLITE_READONLY
  10: 'io', // SQLITE_IOERR; also a full disk that says EDQUOT or EFBIG
  11: 'damaged', // SQLITE_CORRUPT
  13: 'full', // SQLITE_FULL
  14: 'unopened', // SQLITE_CANTOPEN
  15: 'locked', // SQLITE_PROTOCOL
  26: 'damaged', // SQLITE_NOTADB
};

/** The cause of a `storage-unavailable`; its message is what the database said. */
export class StorageError extends Error {
  override readonly name = 'StorageError';
  readonly fault: StorageFault;

  constructor(fault: StorageFault, message: string) {
    super(message);
    this.fault = fault;
  }
}

/** `null`: the error is not the storage's (a constraint, a statement). */
export function faultOf(error: unknown): StorageFault | null {
  if (error instanceof StorageError) return error.fault;
  const PRIMARY = 0xff;
  if (!(error instanceof Error && 'errcode' in error && typeof error.errcode === 'number')) return null;
  return FAULTS[error.errcode & PRIMARY] ?? null;
}

/** One line for whoever starts a command: what SQLite or the operating system said, and what that means if it is known. */
export function explainFault(error: unknown): string {
  const fault = faultOf(error);
  if (!(error instanceof Error)) return String(error);
  if (fault !== null) return `${error.message}: ${STORAGE_FAULTS[fault].problem}`;
  return 'errno' in error && typeof error.errno === 'number'
    ? getSystemErrorMessage(error.errno)
    : error.message;
}
