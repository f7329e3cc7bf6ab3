// The search on PostgreSQL: messages of a person's rooms that have a text in them, newest first.
import type { ChatMessage } from '@maru/contract';
import { CURRENT_SQL, createCurrentMessages } from '../current-message.ts';
import { ENTRY_COLUMNS, type MessageRow } from '../entry-row.ts';
import { decodePosition, encodePageToken, requireLimit } from '../page-token.ts';
import { foldText } from '../search-text.ts';
import { row, rows, type Steps } from '../steps.ts';
import type { Page } from '../store.ts';
import { tableForPostgres } from './dialect.ts';

/** Messages compared one by one before the index is asked: a common word is among them, and the index would find too much. */
const READ_FIRST = 1_000;
/** Messages read one by one for one page, at most. */
const MOST_READ = 10_000;
/** Of each room in one statement: many of few rooms, few of many. */
const MESSAGES_A_READ = 2_048;
/** With fewer characters than make a trigram the index has no answer. */
const SHORTEST_INDEXED = 3;
/** What the index may find before the page is looked for by reading instead. */
const MOST_FOUND = 20_000;

type Place = { readonly at: number; readonly room_key: number; readonly seq: number };
type SearchedRoom = { readonly room_key: number; readonly room_id: string };
type Read = { readonly found: readonly Place[]; readonly readTo: Place | null; readonly count: number };

const messages = createCurrentMessages(tableForPostgres(CURRENT_SQL));

/** A page is found in the steps of ../search-query.ts, and may as there be short and have a `nextCursor`. */
export function* search(
  viewerId: string,
  query: { readonly text: string; readonly roomId?: string | undefined },
  cursor: string | undefined,
  limit: number,
): Steps<Page<ChatMessage>> {
  requireLimit(limit);
  const [at, room_key, seq] = cursor === undefined ? END : decodePosition('search', cursor, 3);
  let readTo: Place | null = { at: at ?? 0, room_key: room_key ?? 0, seq: seq ?? 0 };
  if (foldText(query.text) === '') return { items: [], nextCursor: null };
  const folded = yield* row<{ pattern: string; length: number }>(SQL.fold, query.text);
  const rooms = yield* rows<SearchedRoom>(SQL.listRooms, viewerId, query.roomId ?? null);
  if (folded === undefined || rooms.length === 0) return { items: [], nextCursor: null };
  const keys = JSON.stringify(rooms.map((room) => room.room_key));
  const found: Place[] = [];

  function* read(most: number): Steps<void> {
    for (let left = most; left > 0 && found.length <= limit && readTo !== null; ) {
      const page: Read = yield* readNewest(keys, rooms.length, folded?.pattern ?? '', readTo);
      found.push(...page.found);
      left -= page.count;
      readTo = page.readTo;
    }
  }

  yield* read(READ_FIRST);
  if (found.length <= limit && readTo !== null) {
    const older =
      folded.length < SHORTEST_INDEXED ? null : yield* findOlder(keys, folded.pattern, readTo, limit + 1);
    if (older === null) {
      yield* read(MOST_READ - READ_FIRST);
    } else {
      found.push(...older);
      readTo = null;
    }
  }
  const page = found.slice(0, limit);
  const next: Place | null | undefined = found.length > limit ? page.at(-1) : readTo;
  return {
    items: yield* chatMessagesOf(page, rooms, viewerId),
    nextCursor: next == null ? null : encodePageToken('search', next.at, next.room_key, next.seq),
  };
}

/** Of each room the newest before the place; what is found counts only as far as every room was read. */
function* readNewest(keys: string, roomCount: number, pattern: string, before: Place): Steps<Read> {
  const each = Math.min(Math.max(Math.ceil(MESSAGES_A_READ / roomCount), 4), 1_024);
  const read = yield* rows<Place & { readonly hits: string | null; readonly count: number }>(
    SQL.readNewest,
    keys,
    before.at,
    before.room_key,
    before.seq,
    each,
    pattern,
  );
  const full = read.filter(({ count }) => count >= each);
  const readTo = full.reduce<Place | null>(
    (newest, last) => (newest === null || compare(last, newest) > 0 ? last : newest),
    null,
  );
  const found = read
    .flatMap(({ room_key, hits }) =>
      (JSON.parse(hits ?? '[]') as readonly (readonly [number, number])[]).map(([at, seq]) => ({
        at,
        room_key,
        seq,
      })),
    )
    .filter((place) => readTo === null || compare(place, readTo) >= 0)
    .sort((a, b) => compare(b, a));
  return {
    found,
    readTo: readTo === null ? null : { at: readTo.at, room_key: readTo.room_key, seq: readTo.seq },
    count: Math.max(
      1,
      read.reduce((sum, { count }) => sum + count, 0),
    ),
  };
}

/** `null`: the index finds too many. */
function* findOlder(
  keys: string,
  pattern: string,
  before: Place,
  limit: number,
): Steps<readonly Place[] | null> {
  const counted = yield* row<{ count: number }>(SQL.countMatches, keys, pattern, MOST_FOUND);
  if ((counted?.count ?? 0) >= MOST_FOUND) return null;
  return yield* rows<Place>(SQL.findOlder, keys, pattern, before.at, before.room_key, before.seq, limit);
}

function* chatMessagesOf(
  found: readonly Place[],
  rooms: readonly SearchedRoom[],
  viewerId: string,
): Steps<readonly ChatMessage[]> {
  const idOf = new Map(rooms.map(({ room_key, room_id }) => [room_key, room_id]));
  const current = new Map<string, ChatMessage>();
  for (const [roomKey, places] of Map.groupBy(found, (place) => place.room_key)) {
    const seqs = JSON.stringify(places.map(({ seq }) => seq));
    const created = yield* rows<MessageRow>(SQL.findMessages, roomKey, seqs);
    for (const message of yield* messages.of(roomKey, idOf.get(roomKey) ?? '', created, viewerId)) {
      current.set(`${roomKey}.${message.seq}`, message);
    }
  }
  return found.flatMap((place) => current.get(`${place.room_key}.${place.seq}`) ?? []);
}

/** Above 0: `a` is the newer one. */
function compare(a: Place, b: Place): number {
  return a.at - b.at || a.room_key - b.room_key || a.seq - b.seq;
}

const END: readonly [number, number, number] = [
  Number.MAX_SAFE_INTEGER,
  Number.MAX_SAFE_INTEGER,
  Number.MAX_SAFE_INTEGER,
];

const KEYS = 'SELECT value::bigint FROM json_array_elements_text($1::json)';
const CURRENT = `CASE WHEN m.edited_seq IS NULL OR m.deleted_seq IS NOT NULL THEN m.content ELSE
  (SELECT e.content FROM entries e WHERE e.room_key = m.room_key AND e.seq = m.edited_seq) END`;
/** Matches of created and edited entries, as messages, of those that are the current content. */
const MATCHES = `FROM entries c JOIN entries m ON m.room_key = c.room_key AND m.seq = coalesce(c.target_seq, c.seq)
  WHERE c.content IS NOT NULL AND maru_fold(c.content) LIKE $2 AND c.room_key = ANY (ARRAY(${KEYS}))
    AND m.type = 'message.created' AND c.seq = coalesce(m.edited_seq, m.seq)`;

const SQL = {
  fold: `SELECT char_length(maru_fold($1)) AS length,
    '%' || replace(replace(replace(maru_fold($1), '\\', '\\\\'), '%', '\\%'), '_', '\\_') || '%' AS pattern`,
  listRooms: `SELECT r.room_key, r.room_id FROM members m JOIN rooms r ON r.room_key = m.room_key
    WHERE m.user_id = $1 AND r.deleted_at IS NULL AND ($2::text IS NULL OR r.room_id = $2)`,
  readNewest: `SELECT k.room_key, x.at, x.seq, x.count, x.hits FROM (${KEYS.replace('value::bigint', 'value::bigint AS room_key')}) k
    CROSS JOIN LATERAL (
      SELECT min(l.created_at) AS at, min(l.seq) AS seq, count(*) AS count,
        (json_agg(json_build_array(l.created_at, l.seq)) FILTER (WHERE maru_fold(l.content) LIKE $6))::text AS hits
      FROM (SELECT m.seq, m.created_at, ${CURRENT} AS content FROM entries m
        WHERE m.room_key = k.room_key AND m.type = 'message.created'
          AND (m.created_at, m.room_key, m.seq) < ($2::bigint, $3::bigint, $4::bigint)
        ORDER BY m.seq DESC LIMIT $5) l
    ) x WHERE x.count > 0`,
  countMatches: `SELECT count(*) AS count FROM (SELECT 1 ${MATCHES} LIMIT $3) x`,
  findOlder: `SELECT m.created_at AS at, m.room_key, m.seq ${MATCHES}
    AND (m.created_at, m.room_key, m.seq) < ($3::bigint, $4::bigint, $5::bigint)
    ORDER BY m.created_at DESC, m.room_key DESC, m.seq DESC LIMIT $6`,
  findMessages: `SELECT ${ENTRY_COLUMNS} FROM entries
    WHERE room_key = $1 AND seq = ANY (ARRAY(SELECT value::bigint FROM json_array_elements_text($2::json)))`,
} as const;
