// The opaque `cursor` of a list: where the next page begins. (In the broker a "cursor" is something else.)
import { MaruError } from '@maru/contract';

export type PagedList = 'rooms' | 'members' | 'search';

/** `position`: whole numbers from 1; one for most lists. */
export function encodePageToken(list: PagedList, ...position: readonly number[]): string {
  return Buffer.from(`${list}:${position.join('.')}`).toString('base64url');
}

/** The position in a token; `invalid-request` for what this server never gave for this list. */
export function decodePageToken(list: PagedList, token: string): number {
  return decodePosition(list, token, 1)[0] ?? 0;
}

/** The same of a list whose position is `count` numbers. */
export function decodePosition(list: PagedList, token: string, count: number): readonly number[] {
  const text = Buffer.from(token, 'base64url').toString();
  const match = /^([a-z]+):([1-9]\d{0,14}(?:\.[1-9]\d{0,14}){0,2})$/.exec(text);
  const position = match?.[2]?.split('.').map(Number) ?? [];
  if (match?.[1] !== list || position.length !== count || encodePageToken(list, ...position) !== token) {
    throw new MaruError('invalid-request', { message: `The cursor is not one of a list of ${list}` });
  }
  return position;
}

/** Past every position of a list and every seq. */
export const END = Number.MAX_SAFE_INTEGER;

/** SQLite reads a negative LIMIT as none at all. */
export function requireLimit(limit: number): void {
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new MaruError('invalid-request', { message: 'limit must be a whole number from 1' });
  }
}
