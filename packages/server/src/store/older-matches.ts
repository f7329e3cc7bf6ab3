// The messages older than those already read that have a text in them: by the index, and what it doesn't know yet.
import type { DatabaseSync } from 'node:sqlite';
import { createReadMatches, type SearchedRange } from './index-matches.ts';
import { comparePlaces, type NewestFirst, type SearchedRoom, type TextAtPlace } from './newest-first.ts';
import { CURRENT_CONTENT, foldText } from './search-text.ts';

/**
 * Bounds of one call. At each: `null`, the caller reads on message by message.
 *
 * - UNINDEXED messages after the positions of the rooms, and as many changed since they were indexed: all are compared.
 * - MATCHES the index goes through, those of others' rooms between included.
 * - COMPARED messages that the index names: it knows which trigrams are in a message, not whether they are side by side.
 */
const MOST = { unindexed: 10_000, matches: 100_000, compared: 10_000 } as const;

/**
 * @param text folded; `expression` is made of it
 * @param rooms by `room_key`, ascending
 * @param count at most so many, the newest
 * @returns newest first; `null`: it would take too long
 */
export type OlderMatches = (
  text: string,
  expression: string,
  rooms: readonly SearchedRoom[],
  read: Pick<NewestFirst, 'boundOf'>,
  count: number,
) => readonly TextAtPlace[] | null;

export function createOlderMatches(db: DatabaseSync): OlderMatches {
  const listUnindexed = db.prepare(OLDER_SQL.listUnindexed);
  const listChanged = db.prepare(OLDER_SQL.listChanged);
  const findText = db.prepare(OLDER_SQL.findText);
  const readMatches = createReadMatches(db);

  return (text, expression, rooms, read, count) => {
    const byKey = new Map(rooms.map((room) => [room.room_key, room]));
    /** The newest first, at most `count`. */
    const found: TextAtPlace[] = [];

    /** @returns whether it is newer than the last one that counts: the room may have another like it. */
    function compare(room: SearchedRoom, { seq, created_at, content }: TextRow): boolean {
      const place = { at: created_at, roomKey: room.room_key, seq, room, content };
      const last = found.at(-1);
      if (found.length === count && last !== undefined && comparePlaces(place, last) < 0) return false;
      if (content === null || !foldText(content).includes(text)) return true;
      const index = found.findIndex((other) => comparePlaces(other, place) <= 0);
      const other = found[index];
      // A changed message may be found twice.
      if (other !== undefined && comparePlaces(other, place) === 0) return true;
      found.splice(index === -1 ? found.length : index, 0, place);
      found.length = Math.min(found.length, count);
      return true;
    }

    function compareUnindexed(): boolean {
      let left = MOST.unindexed;
      for (const room of rooms) {
        const bound = read.boundOf(room);
        if (bound - 1 <= room.position) continue;
        const rows = listUnindexed.all(room.room_key, room.position, bound, left + 1) as TextRow[];
        left -= rows.length;
        if (left < 0) return false;
        for (const row of rows) compare(room, row);
      }
      return true;
    }

    function compareChanged(): boolean {
      const changes = listChanged.all(MOST.unindexed + 1) as ChangedRow[];
      if (changes.length > MOST.unindexed) return false;
      for (const { room_key, seq } of changes) {
        const room = byKey.get(room_key);
        if (room === undefined || seq >= read.boundOf(room)) continue;
        const row = findText.get(room_key, seq);
        if (row !== undefined) compare(room, row as TextRow);
      }
      return true;
    }

    function compareMatches(): boolean {
      const ranges: SearchedRange[] = rooms.map((room) => ({
        roomKey: room.room_key,
        newest: Math.min(read.boundOf(room) - 1, room.position),
      }));
      let left = MOST.compared;
      const all = readMatches(expression, ranges.filter(isSome), MOST.matches, (roomKey, seq) => {
        left -= 1;
        const room = byKey.get(roomKey);
        const row = findText.get(roomKey, seq);
        return left >= 0 && room !== undefined && row !== undefined && compare(room, row as TextRow);
      });
      return all && left >= 0;
    }

    return compareUnindexed() && compareChanged() && compareMatches() ? found : null;
  };
}

function isSome({ newest }: SearchedRange): boolean {
  return newest > 0;
}

type TextRow = { readonly seq: number; readonly created_at: number; readonly content: string | null };
type ChangedRow = { readonly room_key: number; readonly seq: number };

const OLDER_SQL = {
  listUnindexed: `SELECT m.seq, m.created_at, ${CURRENT_CONTENT} AS content FROM entries m INDEXED BY entries_messages
    WHERE m.room_key = ? AND m.seq > ? AND m.seq < ? AND m.type = 'message.created' ORDER BY m.seq DESC LIMIT ?`,
  listChanged: 'SELECT room_key, seq FROM search_changes LIMIT ?',
  findText: `SELECT m.seq, m.created_at, ${CURRENT_CONTENT} AS content FROM entries m
    WHERE m.room_key = ? AND m.seq = ?`,
} as const;
