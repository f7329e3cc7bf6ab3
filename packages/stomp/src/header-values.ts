// What header values are made of that the decoder itself has to understand.
import { FrameError } from './errors.ts';

/** May be larger than any limit, even infinite; never less than 0 or fractional. */
export function parseContentLength(text: string): number {
  let octets = text === '' ? Number.NaN : 0;
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30;
    octets = digit >= 0 && digit <= 9 ? octets * 10 + digit : Number.NaN;
  }
  if (Number.isNaN(octets)) {
    throw new FrameError('invalid-content-length', 'content-length is not a number of octets');
  }
  return octets;
}

export function trimValues(flat: string[]): void {
  for (let i = 1; i < flat.length; i += 2) flat[i] = trimSpaces(flat[i] as string);
}

/** Spaces only: String.trim would take other characters away that a sender meant. */
export function trimSpaces(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && text[start] === ' ') start++;
  while (end > start && text[end - 1] === ' ') end--;
  return text.slice(start, end);
}
