// Why a write is refused, as it passes between threads.
import { type ErrorCode, MaruError } from '@maru/contract';
import { encodeError, type WireError } from './wire-error.ts';

export type Refusal = { readonly error: WireError };

/** `message`: where the registry's says too little. */
export function refusal(code: ErrorCode, message?: string): Refusal {
  return { error: encodeError(new MaruError(code, message === undefined ? {} : { message })) };
}
