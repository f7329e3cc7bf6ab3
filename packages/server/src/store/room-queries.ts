// What is read of rooms: one or a page of them, as one person sees them and has read them.
import type { Reading, Role, Room, Visibility } from '@maru/contract';
import { type CurrentSql, createCurrentMessages } from './current-message.ts';
import { timestampOf } from './entry-row.ts';
import { decodePageToken, END, encodePageToken, requireLimit } from './page-token.ts';
import { row, rows, type Steps } from './steps.ts';
import type { Page, Standing } from './store.ts';

/** Of whom the room is shown to: they are ?1, their membership is m, and null where they have none. */
const READING = `coalesce(m.read_seq, 0) AS read_seq, coalesce(r.created_count - m.read_count, 0) AS unread,
  (SELECT count(*) FROM (SELECT 1 FROM mentions x
    WHERE x.room_key = m.room_key AND x.user_id = m.user_id AND x.seq > m.read_seq LIMIT 100) AS unread) AS unread_mentions`;

const OTHER = 'CASE WHEN r.direct_a = ?1 THEN r.direct_b ELSE r.direct_a END';

/** The other of a direct room is named as they are now, or, if they never entered, as when the room was opened. */
const ROOM_COLUMNS = `r.room_key, r.room_id, r.visibility, r.created_at, r.owner_id, r.member_count, r.head, r.epoch, m.role,
  ${OTHER} AS direct_with,
  CASE WHEN r.direct_a IS NULL THEN r.name ELSE coalesce((SELECT u.name FROM users u WHERE u.user_id = ${OTHER}),
    (SELECT e.actor_name FROM entries e WHERE e.room_key = r.room_key AND e.seq <= 2 AND e.actor_id = ${OTHER})) END AS name,
  ${READING}`;

// INDEXED BY: the statement fails rather than scan if the index isn't there or doesn't fit.
export const ROOM_SQL = {
  findStanding: `SELECT r.visibility, r.epoch, r.head, m.role, coalesce(m.joined_seq, 0) AS joined_seq FROM rooms r
    LEFT JOIN members m ON m.room_key = r.room_key AND m.user_id = ?1
    WHERE r.room_id = ?2 AND r.deleted_at IS NULL`,
  findRoom: `SELECT ${ROOM_COLUMNS} FROM rooms r
    LEFT JOIN members m ON m.room_key = r.room_key AND m.user_id = ?1
    WHERE r.room_id = ?2 AND r.deleted_at IS NULL`,
  findReading: `SELECT ${READING} FROM rooms r
    CROSS JOIN members m ON m.room_key = r.room_key AND m.user_id = ?1
    WHERE r.room_id = ?2 AND r.deleted_at IS NULL`,
  listJoinedRooms: `SELECT ${ROOM_COLUMNS} FROM members m INDEXED BY members_by_user
    CROSS JOIN rooms r ON r.room_key = m.room_key
    WHERE m.user_id = ?1 AND m.room_key < ?2 AND r.deleted_at IS NULL ORDER BY m.room_key DESC LIMIT ?3`,
  listPublicRooms: `SELECT ${ROOM_COLUMNS} FROM rooms r INDEXED BY rooms_public
    LEFT JOIN members m ON m.room_key = r.room_key AND m.user_id = ?1
    WHERE r.visibility = 'public' AND r.deleted_at IS NULL AND r.room_key < ?2 ORDER BY r.room_key DESC LIMIT ?3`,
} as const;

export type RoomSql = { readonly [K in keyof typeof ROOM_SQL]: string } & CurrentSql;

type StandingRow = {
  readonly visibility: Visibility;
  readonly epoch: string;
  readonly head: number;
  readonly role: Role | null;
  readonly joined_seq: number;
};
type ReadingRow = { readonly read_seq: number; readonly unread: number; readonly unread_mentions: number };
type RoomRow = ReadingRow & {
  readonly room_key: number;
  readonly room_id: string;
  readonly name: string;
  readonly visibility: Visibility;
  readonly created_at: number;
  readonly owner_id: string;
  readonly member_count: number;
  readonly head: number;
  readonly epoch: string;
  readonly role: Role | null;
  readonly direct_with: string | null;
};

export type RoomQueries = ReturnType<typeof createRoomQueries>;

/** Also the writer's: what a write answers of a room is of its own transaction. */
export function createRoomQueries(sql: RoomSql) {
  const { findStanding, findRoom, findReading } = sql;
  const listRooms = { joined: sql.listJoinedRooms, public: sql.listPublicRooms };
  const messages = createCurrentMessages(sql);

  function* roomOf(row: RoomRow): Steps<Room> {
    return {
      roomId: row.room_id,
      name: row.name,
      visibility: row.visibility,
      createdAt: timestampOf(row.created_at),
      ownerId: row.owner_id,
      memberCount: row.member_count,
      role: row.role,
      head: row.head,
      logEpoch: row.epoch,
      directWith: row.direct_with,
      lastMessage: yield* messages.last(row.room_key, row.room_id),
      ...readingOf(row),
    };
  }

  return {
    *findStanding(roomId: string, userId: string): Steps<Standing | null> {
      const found = yield* row<StandingRow>(findStanding, userId, roomId);
      if (found === undefined) return null;
      const { visibility, epoch, head, role, joined_seq: joinedSeq } = found;
      return { roomId, visibility, epoch, head, role, joinedSeq };
    },

    *findRoom(roomId: string, userId: string): Steps<Room | null> {
      const found = yield* row<RoomRow>(findRoom, userId, roomId);
      return found === undefined ? null : yield* roomOf(found);
    },

    *findReading(roomId: string, userId: string): Steps<Reading | null> {
      const found = yield* row<ReadingRow>(findReading, userId, roomId);
      return found === undefined ? null : readingOf(found);
    },

    *listRooms(
      scope: 'joined' | 'public',
      userId: string,
      cursor: string | undefined,
      limit: number,
    ): Steps<Page<Room>> {
      requireLimit(limit);
      const before = cursor === undefined ? END : decodePageToken('rooms', cursor);
      const found = yield* rows<RoomRow>(listRooms[scope], userId, before, limit + 1);
      const page = found.slice(0, limit);
      const last = found.length > limit ? page.at(-1) : undefined;
      const items: Room[] = [];
      for (const each of page) items.push(yield* roomOf(each));
      return {
        items,
        nextCursor: last === undefined ? null : encodePageToken('rooms', last.room_key),
      };
    },
  };
}

function readingOf({ read_seq, unread, unread_mentions }: ReadingRow): Reading {
  return { readSeq: read_seq, unread, unreadMentions: unread_mentions };
}
