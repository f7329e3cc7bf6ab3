// A room's log as the writer sees it: the room with one person's place in it, and the entry after the head.
import type { Role } from '@maru/contract';
import type { EntryRow } from './entry-row.ts';
import type { WriteStatements } from './write-statements.ts';

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
  readonly role: Role | null;
  readonly joined_seq: number | null;
  readonly user_name: string | null;
};

export type RoomLog = ReturnType<typeof createRoomLog>;

export function createRoomLog(statements: WriteStatements, now: () => number) {
  const { findRoom, insertEntry, updateRoom } = statements;
  return {
    findRoom(roomId: string, userId: string): RoomRow | undefined {
      return findRoom.get(userId, roomId) as RoomRow | undefined;
    },

    /** A clock set back must not make an entry older than the one before it. */
    timeOf(room: RoomRow): number {
      return Math.max(now(), room.last_entry_at);
    },

    /** Writes the entry after the head and the room's running figures with it. */
    addEntry(room: RoomRow, row: EntryRow): void {
      const message = row.type === 'message.created' ? row : null;
      const createdCount = room.created_count + (message === null ? 0 : 1);
      insertEntry.run(
        room.room_key,
        row.seq,
        row.type,
        message?.message_id ?? null,
        row.actor_id,
        row.actor_name,
        row.created_at,
        message?.client_message_id ?? null,
        message?.reply_to ?? null,
        message?.content ?? null,
        row.type === 'member.joined' ? row.role : null,
        createdCount,
      );
      updateRoom.run(
        row.seq,
        createdCount,
        room.member_count + MEMBERS_BY_ENTRY[row.type],
        row.created_at,
        room.room_key,
      );
    },
  };
}

const MEMBERS_BY_ENTRY = {
  'message.created': 0,
  'member.joined': 1,
  'member.left': -1,
} as const satisfies Record<EntryRow['type'], number>;
