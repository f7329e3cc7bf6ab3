// An error that carries a code of the registry.
import { ERRORS, type ErrorCode, type ErrorFacts } from './errors.ts';

/** An error of the registry. `message` is what clients see; `cause` stays inside (logs). */
export class MaruError extends Error {
  readonly code: ErrorCode;
  override readonly name = 'MaruError';

  constructor(code: ErrorCode, options: { message?: string; cause?: unknown } = {}) {
    super(options.message ?? ERRORS[code].message, 'cause' in options ? { cause: options.cause } : undefined);
    this.code = code;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get close(): number {
    return ERRORS[this.code].close;
  }

  get soft(): boolean {
    const facts: ErrorFacts = ERRORS[this.code];
    return facts.soft === true;
  }
}
