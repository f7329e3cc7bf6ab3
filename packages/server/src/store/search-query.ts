// The search: messages of a person's rooms that have a text in them, newest first.
import type { DatabaseSync } from 'node:sqlite';
import type { ChatMessage } from '@maru/contract';
import { CURRENT_SQL, createCurrentMessages } from './current-message.ts';
import { ENTRY_COLUMNS, type MessageRow } from './entry-row.ts';
import { createNewestFirst, type Place, type SearchedRoom, type TextAtPlace } from './newest-first.ts';
import { createOlderMatches } from './older-matches.ts';
import { decodePosition, encodePageToken, requireLimit } from './page-token.ts';
import { foldText, matchExpression } from './search-text.ts';
import type { SqliteDriver } from './sqlite-steps.ts';
import type { Page } from './store.ts';

/** Messages read one by one before the index is asked: a common word is among them, and the index would find too much. */
const READ_FIRST = 1_000;
/** Messages read one by one for one page, at most. */
const MOST_READ = 10_000;

/**
 * A page is found in steps:
 *
 *   1 read     the newest `READ_FIRST` messages of the rooms, one by one, are compared  → full: the page
 *   2 index    all that are older are looked up (older-matches.ts)                      → found: the rest of the page
 *   3 read on  where the index can't say (a text of less than three characters) or would take too long: up to
 *              `MOST_READ` messages are compared                                        → as many as were found
 *
 * So a page may be shorter than asked for, even empty, and have a `nextCursor`: that is where reading ended. Following it
 * to the end finds everything, and no page takes long. What a message says is read in the same moment as who is a member.
 */
export function createSearchQuery(db: DatabaseSync, drive: SqliteDriver) {
  const listRooms = db.prepare(SEARCH_SQL.listRooms);
  const findMessage = db.prepare(SEARCH_SQL.findMessage);
  const newestFirst = createNewestFirst(db);
  const olderMatches = createOlderMatches(db);
  const messages = createCurrentMessages(CURRENT_SQL);

  function chatMessagesOf(found: readonly TextAtPlace[], viewerId: string): ChatMessage[] {
    const current = new Map<TextAtPlace, ChatMessage>();
    for (const [room, places] of Map.groupBy(found, (place) => place.room)) {
      const rows = places.map(({ seq }) => findMessage.get(room.room_key, seq) as MessageRow);
      const ofRoom = drive(messages.of(room.room_key, room.room_id, rows, viewerId));
      for (const [index, message] of ofRoom.entries()) {
        const place = places[index];
        if (place !== undefined) current.set(place, message);
      }
    }
    return found.flatMap((place) => current.get(place) ?? []);
  }

  return (
    viewerId: string,
    query: { readonly text: string; readonly roomId?: string | undefined },
    cursor: string | undefined,
    limit: number,
  ): Page<ChatMessage> => {
    requireLimit(limit);
    const before = cursor === undefined ? undefined : decodePlace(cursor);
    const text = foldText(query.text);
    if (text === '') return { items: [], nextCursor: null };
    const rooms = listRooms.all(viewerId, query.roomId ?? null) as SearchedRoom[];
    const newest = newestFirst(rooms, before);
    const found: TextAtPlace[] = [];
    /** `null` after the very last message. */
    let readTo: Place | null | undefined = before;

    /** One more than asked for is looked for, only to know whether there is more. */
    function read(count: number): void {
      for (let left = count; left > 0 && found.length <= limit; left -= 1) {
        const message = newest.next();
        readTo = message ?? null;
        if (message === undefined) return;
        if (message.content !== null && foldText(message.content).includes(text)) found.push(message);
      }
    }

    read(READ_FIRST);
    if (found.length <= limit && readTo !== null) {
      const expression = matchExpression(text);
      const older =
        expression === null ? null : olderMatches(text, expression, rooms, newest, limit + 1 - found.length);
      if (older === null) {
        read(MOST_READ - READ_FIRST);
      } else {
        found.push(...older);
        readTo = null;
      }
    }
    const page = found.slice(0, limit);
    const next = found.length > limit ? page.at(-1) : readTo;
    return {
      items: chatMessagesOf(page, viewerId),
      nextCursor:
        next === null || next === undefined
          ? null
          : encodePageToken('search', next.at, next.roomKey, next.seq),
    };
  };
}

function decodePlace(cursor: string): Place {
  const [at = 0, roomKey = 0, seq = 0] = decodePosition('search', cursor, 3);
  return { at, roomKey, seq };
}

const SEARCH_SQL = {
  listRooms: `SELECT r.room_key, r.room_id, r.head, r.last_entry_at, coalesce(p.seq, 0) AS position
    FROM members m INDEXED BY members_by_user
    CROSS JOIN rooms r ON r.room_key = m.room_key
    LEFT JOIN search_positions p ON p.room_key = m.room_key
    WHERE m.user_id = ?1 AND r.deleted_at IS NULL AND (?2 IS NULL OR r.room_id = ?2)
    ORDER BY m.room_key`,
  findMessage: `SELECT ${ENTRY_COLUMNS} FROM entries WHERE room_key = ? AND seq = ?`,
} as const;
