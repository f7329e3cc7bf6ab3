// An entry of a room's log, encoded for all who are to get it.
import type { Committed } from '../store/store.ts';
import { encodeSharedTail } from './message-frame.ts';

export type EncodedEntry = { readonly committed: Committed; readonly tail: Buffer };

export function encodeEntry(committed: Committed): EncodedEntry {
  return { committed, tail: encodeSharedTail(committed) };
}
