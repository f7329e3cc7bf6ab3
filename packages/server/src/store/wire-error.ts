// An error on its way from a worker thread: structured clone would lose its class and its code.
import { type ErrorCode, MaruError } from '@maru/contract';

export type WireError = {
  readonly code: ErrorCode;
  readonly message?: string;
  readonly cause?: string;
};

/** Anything that is not of the registry is `internal`; what it said goes along as the cause, for the log only. */
export function encodeError(error: unknown): WireError {
  if (error instanceof MaruError) return { code: error.code, message: error.message };
  return { code: 'internal', cause: describe(error) };
}

export function decodeError(error: WireError): MaruError {
  return new MaruError(error.code, {
    ...(error.message === undefined ? {} : { message: error.message }),
    ...(error.cause === undefined ? {} : { cause: new Error(error.cause) }),
  });
}

/** node:sqlite puts SQLite's own result code in `errcode`; it tells a full disk from a constraint. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return 'errcode' in error ? `SQLite ${error.errcode}: ${error.message}` : error.message;
}
