// The hot path on PostgreSQL: any number of plain messages, to any rooms, by one statement.
import { ENTRY_COLUMNS, type MessageRow, messageOf } from '../entry-row.ts';
import { duplicateOf, NOT_A_MEMBER, ROOM_NOT_FOUND, type RoomRow, writtenOf } from '../room-log.ts';
import type { NewMessage } from '../store.ts';
import type { WriteOutcome, Written } from '../writes.ts';
import type { PostgresCall } from './pipeline.ts';
import { readText } from './wire-text.ts';

/** Neither a reply nor with mentions: what else there is to check, the statement checks. */
export function isPlain({ replyTo, mentions }: NewMessage): boolean {
  return replyTo === undefined && (mentions === undefined || mentions.length === 0);
}

/**
 * The rooms of the messages must be locked by a statement before it: then this one sees all that was committed in them,
 * and who has left is no member here.
 */
export function appendCall(messages: readonly NewMessage[], now: number): PostgresCall {
  return {
    sql: APPEND,
    values: [
      messages.map(({ roomId }) => roomId),
      messages.map(({ sender }) => sender.userId),
      messages.map(({ sender }) => sender.name),
      messages.map(({ content }) => content),
      messages.map(({ clientMessageId }) => clientMessageId ?? null),
      now,
    ],
  };
}

/** What each message came to. `rows` are the statement's, in the order of the messages. */
export function outcomesOf(
  messages: readonly NewMessage[],
  rows: readonly unknown[],
): readonly WriteOutcome<'appendMessage'>[] {
  const first = new Map<string, WriteOutcome<'appendMessage'>>();
  return messages.map((message, index) => {
    const key = message.clientMessageId === undefined ? undefined : keyOf(message);
    const earlier = key === undefined ? undefined : first.get(key);
    if (earlier !== undefined) return 'error' in earlier ? earlier : againOf(earlier);
    const outcome = outcomeOf(message, rows[index] as AppendedRow | undefined);
    if (key !== undefined) first.set(key, outcome);
    return outcome;
  });
}

type AppendedRow = {
  readonly epoch: string | null;
  readonly visibility: string | null;
  readonly role: string | null;
  readonly actor_name: string;
  readonly seq: number | null;
  readonly created_at: number;
  readonly created_count: number;
  /** JSON of the message that has this clientMessageId already. */
  readonly known: string | null;
};
type Message = Extract<WriteOutcome<'appendMessage'>, Written<unknown>>;

function outcomeOf(message: NewMessage, row: AppendedRow | undefined): WriteOutcome<'appendMessage'> {
  if (row === undefined) throw new Error('the append answered fewer rows than it was given messages');
  if (row.epoch === null) return ROOM_NOT_FOUND;
  if (row.role === null) return row.visibility === 'private' ? ROOM_NOT_FOUND : NOT_A_MEMBER;
  if (row.known !== null) {
    const known = JSON.parse(row.known, (_, value) => (typeof value === 'string' ? readText(value) : value));
    return duplicateOf({ epoch: row.epoch } as RoomRow, message.roomId, known as MessageRow);
  }
  if (row.seq === null) throw new Error('the append neither wrote a message nor found it');
  const entry = messageOf(message.roomId, {
    type: 'message.created',
    seq: row.seq,
    message_id: `${row.epoch}-${row.seq}`,
    actor_id: message.sender.userId,
    actor_name: row.actor_name,
    created_at: row.created_at,
    created_count: row.created_count,
    client_message_id: message.clientMessageId ?? null,
    reply_to: null,
    mentions: null,
    content: message.content,
    edited_seq: null,
    deleted_seq: null,
  });
  return writtenOf({ epoch: row.epoch, entry, createdCount: row.created_count });
}

function againOf({ value }: Message): Message {
  return { value: { ...value, duplicate: true }, committed: [] };
}

function keyOf({ roomId, sender, clientMessageId }: NewMessage): string {
  return JSON.stringify([roomId, sender.userId, clientMessageId]);
}

const KNOWN = ENTRY_COLUMNS.split(', ')
  .map((column) => `'${column}', k.${column}`)
  .join(', ');

/**
 * What is looked up for each message is a LATERAL with LIMIT: the planner can't turn it into one join over all of a room,
 * which is what it does on empty tables and keeps doing when a room has a million messages.
 */
const APPEND = `WITH placed AS (
    SELECT g.*, r.room_key, r.epoch, r.visibility, r.head, r.created_count, m.role, coalesce(u.name, g.name) AS actor_name,
      greatest($6::bigint, r.last_entry_at) AS created_at, k.known,
      m.role IS NOT NULL AND k.known IS NULL AND (g.client_id IS NULL OR
        1 = row_number() OVER (PARTITION BY g.room_id, g.user_id, g.client_id ORDER BY g.place)) AS is_new
    FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
      WITH ORDINALITY AS g (room_id, user_id, name, content, client_id, place)
    LEFT JOIN LATERAL (SELECT * FROM rooms WHERE room_id = g.room_id AND deleted_at IS NULL LIMIT 1) r ON true
    LEFT JOIN LATERAL (SELECT role FROM members WHERE room_key = r.room_key AND user_id = g.user_id LIMIT 1) m ON true
    LEFT JOIN LATERAL (SELECT name FROM users WHERE user_id = g.user_id LIMIT 1) u ON true
    LEFT JOIN LATERAL (SELECT json_build_object(${KNOWN})::text AS known FROM entries k
      WHERE k.room_key = r.room_key AND k.actor_id = g.user_id AND k.client_message_id = g.client_id LIMIT 1) k ON true
  ), numbered AS (
    SELECT *, count(*) FILTER (WHERE is_new) OVER (PARTITION BY room_key ORDER BY place) AS n FROM placed
  ), written AS (
    INSERT INTO entries (room_key, seq, type, message_id, actor_id, actor_name, created_at, client_message_id, content, created_count)
    SELECT room_key, head + n, 'message.created', epoch || '-' || (head + n), user_id, actor_name, created_at, client_id, content,
      created_count + n FROM numbered WHERE is_new
  ), moved AS (
    UPDATE rooms r SET head = r.head + s.n, created_count = r.created_count + s.n, last_entry_at = s.created_at
    FROM (SELECT room_key, max(n) AS n, max(created_at) AS created_at FROM numbered WHERE is_new GROUP BY room_key) s
    WHERE r.room_key = s.room_key
  ), marked AS (
    UPDATE members m SET read_seq = s.seq, read_count = s.count
    FROM (SELECT room_key, user_id, max(head + n) AS seq, max(created_count + n) AS count
      FROM numbered WHERE is_new GROUP BY room_key, user_id) s
    WHERE m.room_key = s.room_key AND m.user_id = s.user_id
  )
  SELECT epoch, visibility, role, actor_name, known, created_at, CASE WHEN is_new THEN head + n END AS seq,
    created_count + n AS created_count
  FROM numbered ORDER BY place`;
