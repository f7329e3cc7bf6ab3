// A room's log as the writer sees it: the room with one person's place in it, and the entry after the head.
import type { EntryType, Role } from '@maru/contract';
import {
  type EntryHead,
  type EntryOf,
  type EntryRow,
  entryOf,
  type MessageRow,
  seqOfMessage,
} from './entry-row.ts';
import { type Refusal, refusal } from './refusal.ts';
import { row, run, type Steps } from './steps.ts';
import type { Appended, Committed, Person } from './store.ts';
import type { WriteSql } from './write-sql.ts';
import type { Written } from './writes.ts';

/** A room and where one person stands in it. `user_name` is null for who never entered. */
export type RoomRow = {
  readonly room_key: number;
  readonly visibility: string;
  readonly owner_id: string;
  readonly epoch: string;
  readonly head: number;
  readonly created_count: number;
  readonly member_count: number;
  readonly last_entry_at: number;
  /** As the database says yes and no. */
  readonly is_direct: 0 | 1 | boolean;
  readonly role: Role | null;
  readonly joined_seq: number | null;
  readonly user_name: string | null;
};

export type RoomLog = ReturnType<typeof createRoomLog>;

export function createRoomLog(sql: WriteSql, now: () => number) {
  const { findRoom: findRoomRow, findMessage, findEntry, insertMessage, insertEntry, moveHead } = sql;

  /** `undefined` also for a deleted room. */
  function findRoom(roomId: string, userId: string): Steps<RoomRow | undefined> {
    return row<RoomRow>(findRoomRow, userId, roomId);
  }

  return {
    findRoom,

    *findRoomOfMember(roomId: string, userId: string): Steps<RoomRow | Refusal> {
      const room = yield* findRoom(roomId, userId);
      if (room === undefined) return ROOM_NOT_FOUND;
      // Whether a private room exists is not for those outside it to know.
      if (room.role === null) return room.visibility === 'private' ? ROOM_NOT_FOUND : NOT_A_MEMBER;
      return room;
    },

    /** The id of a message holds its seq, so the log's own key finds it; of a message of another room it finds nothing. */
    *findMessage(room: RoomRow, messageId: string): Steps<MessageRow | undefined> {
      const seq = seqOfMessage(messageId);
      if (!Number.isSafeInteger(seq)) return undefined;
      const found = yield* row<MessageRow>(findMessage, room.room_key, seq);
      return found?.message_id === messageId ? found : undefined;
    },

    /** An entry that is known to be there. */
    *entryAt(room: RoomRow, seq: number): Steps<EntryRow> {
      const found = yield* row<EntryRow>(findEntry, room.room_key, seq);
      if (found === undefined) throw new Error(`the log of the room has no entry ${seq}`);
      return found;
    },

    /** What the entry after the head begins with. */
    next<T extends EntryType>(room: RoomRow, actor: Person, type: T): EntryHead & { readonly type: T } {
      return {
        type,
        seq: room.head + 1,
        actor_id: actor.userId,
        actor_name: room.user_name ?? actor.name,
        // A clock set back must not make an entry older than the one before it.
        created_at: Math.max(now(), room.last_entry_at),
        created_count: room.created_count + (type === 'message.created' ? 1 : 0),
      };
    },

    /** Writes the entry after the head and the room's running figures with it. */
    *add<T extends EntryType>(room: RoomRow, roomId: string, entry: EntryRow<T>): Steps<CommittedAs<T>> {
      yield* insert(room.room_key, entry as EntryRow);
      yield* run(
        moveHead,
        entry.seq,
        entry.created_count,
        room.member_count + MEMBERS_BY_ENTRY[entry.type],
        entry.created_at,
        room.room_key,
      );
      return { epoch: room.epoch, entry: entryOf(roomId, entry), createdCount: entry.created_count };
    },
  };

  function* insert(roomKey: number, row: EntryRow): Steps<void> {
    if (row.type === 'message.created') {
      yield* run(
        insertMessage,
        roomKey,
        row.seq,
        row.message_id,
        row.actor_id,
        row.actor_name,
        row.created_at,
        row.client_message_id,
        row.reply_to,
        row.mentions,
        row.content,
        row.created_count,
      );
      return;
    }
    const columns: OtherColumns = row;
    yield* run(
      insertEntry,
      roomKey,
      row.seq,
      row.type,
      columns.message_id ?? null,
      columns.target_seq ?? null,
      row.actor_id,
      row.actor_name,
      row.created_at,
      columns.content ?? null,
      columns.emoji ?? null,
      columns.role ?? null,
      columns.name ?? null,
      row.created_count,
    );
  }
}

export type CommittedAs<T extends EntryType> = Committed & { readonly entry: EntryOf<T> };

/** The outcome of an append that wrote an entry. */
export function writtenOf<T extends EntryType>(committed: CommittedAs<T>): Written<Appended<EntryOf<T>>> {
  const { epoch, entry } = committed;
  return { value: { epoch, entry, duplicate: false }, committed: [committed] };
}

/** The outcome of an append of what is so already, by the entry in `row`. */
export function duplicateOf<T extends EntryType>(
  room: RoomRow,
  roomId: string,
  row: EntryRow<T>,
): Written<Appended<EntryOf<T>>> {
  return { value: { epoch: room.epoch, entry: entryOf(roomId, row), duplicate: true }, committed: [] };
}

export const ROOM_NOT_FOUND = refusal('room-not-found');
export const NOT_A_MEMBER = refusal('not-a-member');

/** Columns that only some types of entries have. */
type OtherColumns = EntryHead & {
  readonly message_id?: string;
  readonly target_seq?: number;
  readonly content?: string | null;
  readonly emoji?: string;
  readonly role?: Role;
  readonly name?: string;
};

const MEMBERS_BY_ENTRY = {
  'message.created': 0,
  'message.edited': 0,
  'message.deleted': 0,
  'reaction.added': 0,
  'reaction.removed': 0,
  'member.joined': 1,
  'member.left': -1,
  'room.updated': 0,
  'room.deleted': 0,
} as const satisfies Record<EntryType, number>;
