// The opaque `cursor` of a list: where the next page begins. (In the broker a "cursor" is something else.)
import { MaruError } from '@maru/contract';

export type PagedList = 'rooms' | 'members';

export function encodePageToken(list: PagedList, position: number): string {
  return Buffer.from(`${list}:${position}`).toString('base64url');
}

/** The position in a token; `invalid-request` for what this server never gave for this list. */
export function decodePageToken(list: PagedList, token: string): number {
  const text = Buffer.from(token, 'base64url').toString();
  const match = /^([a-z]+):([1-9]\d{0,14})$/.exec(text);
  if (match?.[1] !== list || encodePageToken(list, Number(match[2])) !== token) {
    throw new MaruError('invalid-request', { message: `The cursor is not one of a list of ${list}` });
  }
  return Number(match[2]);
}
