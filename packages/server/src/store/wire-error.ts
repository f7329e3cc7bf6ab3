// An error on its way from a worker thread: structured clone would lose its class and its code.
import { type ErrorCode, MaruError } from '@maru/contract';
import { faultOf, StorageError, type StorageFault } from './storage-fault.ts';

export type WireError = {
  readonly code: ErrorCode;
  readonly message?: string;
  readonly cause?: string;
  /** Of a `storage-unavailable`. */
  readonly fault?: StorageFault;
};

/**
 * What the disk or the file did is `storage-unavailable`, anything else that is not of the registry `internal`; what it
 * said goes along as the cause, for the log only.
 */
export function encodeError(error: unknown): WireError {
  if (error instanceof MaruError) return { code: error.code, message: error.message };
  const cause = describe(error);
  const fault = faultOf(error);
  return fault === null ? { code: 'internal', cause } : { code: 'storage-unavailable', cause, fault };
}

export function decodeError(error: WireError): MaruError {
  return new MaruError(error.code, {
    ...(error.message === undefined ? {} : { message: error.message }),
    ...(error.cause === undefined ? {} : { cause: causeOf(error.cause, error.fault) }),
  });
}

function causeOf(said: string, fault: StorageFault | undefined): Error {
  return fault === undefined ? new Error(said) : new StorageError(fault, said);
}

/** node:sqlite puts SQLite's own result code in `errcode`; it tells a full disk from a constraint. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'errcode' in error ? `SQLite ${error.errcode}: ${error.message}` : error.message;
}
