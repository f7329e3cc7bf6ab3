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
import type { Appended, Committed, Person } from './store.ts';
import type { WriteStatements } from './write-statements.ts';
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
  readonly is_direct: 0 | 1;
  readonly role: Role | null;
  readonly joined_seq: number | null;
  readonly user_name: string | null;
};

export type RoomLog = ReturnType<typeof createRoomLog>;

export function createRoomLog(statements: WriteStatements, now: () => number) {
  const { findRoom: findRoomRow, findMessage, findEntry, insertMessage, insertEntry, moveHead } = statements;

  /** `undefined` also for a deleted room. */
  function findRoom(roomId: string, userId: string): RoomRow | undefined {
    return findRoomRow.get(userId, roomId) as RoomRow | undefined;
  }

  return {
    findRoom,

    findRoomOfMember(roomId: string, userId: string): RoomRow | Refusal {
      const room = findRoom(roomId, userId);
      if (room === undefined) return ROOM_NOT_FOUND;
      // Whether a private room exists is not for those outside it to know.
      if (room.role === null) return room.visibility === 'private' ? ROOM_NOT_FOUND : NOT_A_MEMBER;
      return room;
    },

    /** The id of a message holds its seq, so the log's own key finds it; of a message of another room it finds nothing. */
    findMessage(room: RoomRow, messageId: string): MessageRow | undefined {
      const row = findMessage.get(room.room_key, seqOfMessage(messageId)) as MessageRow | undefined;
      return row?.message_id === messageId ? row : undefined;
    },

    /** An entry that is known to be there. */
    entryAt(room: RoomRow, seq: number): EntryRow {
      const row = findEntry.get(room.room_key, seq) as EntryRow | undefined;
      if (row === undefined) throw new Error(`the log of the room has no entry ${seq}`);
      return row;
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
    add<T extends EntryType>(room: RoomRow, roomId: string, row: EntryRow<T>): CommittedAs<T> {
      insert(room.room_key, row as EntryRow);
      moveHead.run(
        row.seq,
        row.created_count,
        room.member_count + MEMBERS_BY_ENTRY[row.type],
        row.created_at,
        room.room_key,
      );
      return { epoch: room.epoch, entry: entryOf(roomId, row), createdCount: row.created_count };
    },
  };

  function insert(roomKey: number, row: EntryRow): void {
    if (row.type === 'message.created') {
      insertMessage.run(
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
    insertEntry.run(
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

const ROOM_NOT_FOUND = refusal('room-not-found');
const NOT_A_MEMBER = refusal('not-a-member');

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
