// The reads: each a function inside one read transaction, so all it answers is of one moment.
import type { DatabaseSync } from 'node:sqlite';
import {
  MaruError,
  type Member,
  type MessageCreated,
  type Role,
  type Room,
  type Visibility,
} from '@maru/contract';
import {
  ENTRY_COLUMNS,
  type EntryRow,
  entryOf,
  type MessageRow,
  messageOf,
  timestampOf,
} from './entry-row.ts';
import { decodePageToken, encodePageToken } from './page-token.ts';
import type { Committed, Page, Person, Standing } from './store.ts';

const ROOM_COLUMNS = `r.room_key, r.room_id, r.name, r.visibility, r.created_at, r.owner_id, r.member_count, r.head,
  r.epoch, m.role`;

// INDEXED BY: the statement fails rather than scan if the index isn't there or doesn't fit.
export const READ_SQL = {
  findUser: 'SELECT user_id, name FROM users WHERE user_id = ?',
  findRoom: `SELECT ${ROOM_COLUMNS} FROM rooms r
    LEFT JOIN members m ON m.room_key = r.room_key AND m.user_id = ?1
    WHERE r.room_id = ?2`,
  findLog: 'SELECT room_key, epoch FROM rooms WHERE room_id = ?',
  listJoinedRooms: `SELECT ${ROOM_COLUMNS} FROM members m INDEXED BY members_by_user
    CROSS JOIN rooms r ON r.room_key = m.room_key
    WHERE m.user_id = ?1 AND m.room_key < ?2 ORDER BY m.room_key DESC LIMIT ?3`,
  listPublicRooms: `SELECT ${ROOM_COLUMNS} FROM rooms r INDEXED BY rooms_public
    LEFT JOIN members m ON m.room_key = r.room_key AND m.user_id = ?1
    WHERE r.visibility = 'public' AND r.room_key < ?2 ORDER BY r.room_key DESC LIMIT ?3`,
  listMembers: `SELECT m.user_id, coalesce(u.name, e.actor_name) AS name, m.role, m.joined_at, m.joined_seq
    FROM members m INDEXED BY members_by_joining
    LEFT JOIN users u ON u.user_id = m.user_id
    LEFT JOIN entries e ON e.room_key = m.room_key AND e.seq = m.joined_seq
    WHERE m.room_key = ? AND m.joined_seq > ? ORDER BY m.joined_seq LIMIT ?`,
  listMessagesBefore: `SELECT ${ENTRY_COLUMNS} FROM entries INDEXED BY entries_messages
    WHERE room_key = ? AND seq < ? AND type = 'message.created' ORDER BY seq DESC LIMIT ?`,
  listMessagesAfter: `SELECT ${ENTRY_COLUMNS} FROM entries INDEXED BY entries_messages
    WHERE room_key = ? AND seq > ? AND type = 'message.created' ORDER BY seq LIMIT ?`,
  listEntries: `SELECT ${ENTRY_COLUMNS} FROM entries WHERE room_key = ? AND seq > ? ORDER BY seq LIMIT ?`,
} as const;

type RoomRow = {
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
};
type MemberRow = {
  readonly user_id: string;
  readonly name: string;
  readonly role: Role;
  readonly joined_at: number;
  readonly joined_seq: number;
};
type LogRow = { readonly room_key: number; readonly epoch: string };
type MessageBounds = { readonly before?: number | undefined; readonly after?: number | undefined };
type MessageList = { readonly messages: readonly MessageCreated[]; readonly hasMore: boolean };

export type ReadQueries = ReturnType<typeof createReadQueries>;
export type ReadName = keyof ReadQueries;
export type ReadRequest<K extends ReadName = ReadName> = {
  [N in K]: { readonly name: N; readonly args: Parameters<ReadQueries[N]> };
}[K];

export function createReadQueries(db: DatabaseSync) {
  const findUser = db.prepare(READ_SQL.findUser);
  const findRoomRow = db.prepare(READ_SQL.findRoom);
  const findLogRow = db.prepare(READ_SQL.findLog);
  const listRooms = {
    joined: db.prepare(READ_SQL.listJoinedRooms),
    public: db.prepare(READ_SQL.listPublicRooms),
  };
  const listMembers = db.prepare(READ_SQL.listMembers);
  const listMessagesBefore = db.prepare(READ_SQL.listMessagesBefore);
  const listMessagesAfter = db.prepare(READ_SQL.listMessagesAfter);
  const listEntries = db.prepare(READ_SQL.listEntries);

  const findRoom = (roomId: string, userId: string) => findRoomRow.get(userId, roomId) as RoomRow | undefined;
  const findLog = (roomId: string) => findLogRow.get(roomId) as LogRow | undefined;

  /** One more than asked for is read, only to know whether there is more; it is the first of the list. */
  function messagesBefore(roomKey: number, roomId: string, before: number, limit: number): MessageList {
    const rows = listMessagesBefore.all(roomKey, before, limit + 1) as MessageRow[];
    const messages = rows.slice(0, limit).reverse();
    return { messages: messages.map((row) => messageOf(roomId, row)), hasMore: rows.length > limit };
  }

  function messagesAfter(roomKey: number, roomId: string, after: number, limit: number): MessageList {
    const rows = listMessagesAfter.all(roomKey, after, limit + 1) as MessageRow[];
    return {
      messages: rows.slice(0, limit).map((row) => messageOf(roomId, row)),
      hasMore: rows.length > limit,
    };
  }

  function roomOf(row: RoomRow): Room {
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
      lastMessage: messagesBefore(row.room_key, row.room_id, END, 1).messages[0] ?? null,
    };
  }

  return {
    findStanding(roomId: string, userId: string): Standing | null {
      const room = findRoom(roomId, userId);
      if (room === undefined) return null;
      return { roomId, visibility: room.visibility, epoch: room.epoch, head: room.head, role: room.role };
    },

    findRoom(roomId: string, userId: string): Room | null {
      const row = findRoom(roomId, userId);
      return row === undefined ? null : roomOf(row);
    },

    findUser(userId: string): Person | null {
      const row = findUser.get(userId);
      return row === undefined ? null : { userId, name: String(row.name) };
    },

    listRooms(
      scope: 'joined' | 'public',
      userId: string,
      cursor: string | undefined,
      limit: number,
    ): Page<Room> {
      requireLimit(limit);
      const before = cursor === undefined ? END : decodePageToken('rooms', cursor);
      const rows = listRooms[scope].all(userId, before, limit + 1) as RoomRow[];
      const page = rows.slice(0, limit);
      const last = rows.length > limit ? page.at(-1) : undefined;
      return {
        items: page.map(roomOf),
        nextCursor: last === undefined ? null : encodePageToken('rooms', last.room_key),
      };
    },

    listMembers(roomId: string, cursor: string | undefined, limit: number): Page<Member> {
      requireLimit(limit);
      const after = cursor === undefined ? 0 : decodePageToken('members', cursor);
      const log = findLog(roomId);
      if (log === undefined) return { items: [], nextCursor: null };
      const rows = listMembers.all(log.room_key, after, limit + 1) as MemberRow[];
      const page = rows.slice(0, limit);
      const last = rows.length > limit ? page.at(-1) : undefined;
      return {
        items: page.map((row) => ({
          userId: row.user_id,
          name: row.name,
          role: row.role,
          joinedAt: timestampOf(row.joined_at),
        })),
        nextCursor: last === undefined ? null : encodePageToken('members', last.joined_seq),
      };
    },

    listMessages(roomId: string, bounds: MessageBounds, limit: number): MessageList {
      requireLimit(limit);
      if (bounds.before !== undefined && bounds.after !== undefined) {
        throw new MaruError('invalid-request', { message: 'give before or after, not both' });
      }
      const log = findLog(roomId);
      if (log === undefined) return { messages: [], hasMore: false };
      return bounds.after === undefined
        ? messagesBefore(log.room_key, roomId, bounds.before ?? END, limit)
        : messagesAfter(log.room_key, roomId, bounds.after, limit);
    },

    listEntries(roomId: string, after: number, limit: number): readonly Committed[] {
      requireLimit(limit);
      const log = findLog(roomId);
      if (log === undefined) return [];
      const rows = listEntries.all(log.room_key, after, limit) as EntryRow[];
      return rows.map((row) => ({ epoch: log.epoch, entry: entryOf(roomId, row) }));
    },
  };
}

/** Past every seq and every room key. */
const END = Number.MAX_SAFE_INTEGER;

/** SQLite reads a negative LIMIT as none at all. */
function requireLimit(limit: number): void {
  if (!Number.isSafeInteger(limit) || limit < 1) {
    throw new MaruError('invalid-request', { message: 'limit must be a whole number from 1' });
  }
}
