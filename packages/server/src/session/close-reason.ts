// The reason in a Close frame: at most 123 octets of UTF-8 (RFC 6455 §5.5), cut between characters.
import type { MaruError } from '@maru/contract';

const LIMIT = 123;

/** 1012 and 1013 say when to come back, which a program reads; all else the code of the registry. */
export function closeReason(error: MaruError, retryAfterMs: number): string {
  if (error.close === 1012 || error.close === 1013) return `retry-after=${retryAfterMs}`;
  return truncate(error.code);
}

/** The longest beginning of `text` that fits. */
export function truncate(text: string): string {
  if (Buffer.byteLength(text) <= LIMIT) return text;
  let end = '';
  let octets = 0;
  for (const character of text) {
    octets += Buffer.byteLength(character);
    if (octets > LIMIT) break;
    end += character;
  }
  return end;
}
