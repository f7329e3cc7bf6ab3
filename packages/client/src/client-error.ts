// What can go wrong as a client sees it: one error class for REST, accounts and the chat connection.
import { type ErrorCode, isErrorCode } from '@maru/contract';

/** Failures that no server told us of. */
type LocalErrorCode =
  | 'network'
  | 'sign-in-needed'
  | 'outbox-full'
  | 'content-empty'
  | 'content-too-long'
  | 'closed'
  | 'unexpected-answer';

/** The codes of better-auth that people meet at sign-up and sign-in. */
const ACCOUNT_ERROR_CODES = [
  'INVALID_EMAIL',
  'INVALID_EMAIL_OR_PASSWORD',
  'PASSWORD_TOO_SHORT',
  'PASSWORD_TOO_LONG',
  'USER_ALREADY_EXISTS',
  'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL',
  'VALIDATION_ERROR',
] as const;
type AccountErrorCode = (typeof ACCOUNT_ERROR_CODES)[number];

export type ClientErrorCode = ErrorCode | LocalErrorCode | AccountErrorCode;

export class ClientError extends Error {
  readonly code: ClientErrorCode;
  /** HTTP status of the answer; `null` where there was none. */
  readonly status: number | null;
  override readonly name = 'ClientError';

  constructor(
    code: ClientErrorCode,
    message: string,
    options: { status?: number | undefined; cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
    this.status = options.status ?? null;
  }
}

/** Codes of a newer server that this client does not know are `unexpected-answer`; their message is kept. */
export function knownCode(code: unknown): ClientErrorCode {
  if (typeof code !== 'string') return 'unexpected-answer';
  if (isErrorCode(code)) return code;
  return ACCOUNT_ERROR_CODES.find((known) => known === code) ?? 'unexpected-answer';
}
