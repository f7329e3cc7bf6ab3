// Octets of a head → text.
import { FrameError } from './errors.ts';

// Without ignoreBOM a leading U+FEFF would vanish from a header.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws FrameError `invalid-utf8` */
export function decodeUtf8(bytes: Uint8Array, start: number, end: number): string {
  try {
    return decoder.decode(bytes.subarray(start, end));
  } catch (cause) {
    throw new FrameError('invalid-utf8', 'Commands and headers must be UTF-8', { cause });
  }
}
