// Takes deleted rooms off the disk, a slice at a time, when those who still read their log had time to.
import type { DatabaseSync } from 'node:sqlite';
import { transact } from './idle-transaction.ts';
import type { IdleTask } from './idle-work.ts';
import type { SearchIndex } from './search-index.ts';
import { CURRENT_CONTENT } from './search-text.ts';
import { WRITE_SQL } from './write-sql.ts';

export type RoomPurgeOptions = {
  readonly index: SearchIndex;
  /** Milliseconds since the epoch, as `deleted_at` is. */
  readonly now: () => number;
  /** Milliseconds from the deletion of a room to the first slice. */
  readonly purgeAfterMs: number;
  /** Rows were deleted. */
  readonly onPurged: () => void;
};

export interface RoomPurge extends IdleTask {
  /** A room was deleted. */
  request(): void;
}

/** What a room has besides its entries, and what tells the rows of one room apart. */
const TABLES = {
  members: 'user_id',
  mentions: 'user_id, seq',
  reactions: 'message_seq, emoji, user_id',
  search_changes: 'seq',
  search_positions: 'room_key',
} as const;

/**
 * One room after the other, the one deleted first. Of a room the entries go first, oldest first, each message out of the
 * index with its entry; then the other tables in the order of the list; the row of the room last. Whatever a slice finds
 * there is what is left to do, so it goes on after a restart as if there had been none.
 */
export function createRoomPurge(db: DatabaseSync, options: RoomPurgeOptions): RoomPurge {
  const { index, now, purgeAfterMs, onPurged } = options;
  const findRoom = db.prepare(PURGE_SQL.findRoom);
  const listEntries = db.prepare(PURGE_SQL.listEntries);
  const deleteEntries = db.prepare(PURGE_SQL.deleteEntries);
  const deleteRoom = db.prepare(PURGE_SQL.deleteRoom);
  const requestErasure = db.prepare(WRITE_SQL.requestErasure);
  const deleteRows = Object.entries(TABLES).map(([table, key]) =>
    db.prepare(`DELETE FROM ${table} WHERE room_key = ?1 AND (${key}) IN
      (SELECT ${key} FROM ${table} WHERE room_key = ?1 LIMIT ?2)`),
  );
  /** Of the next slice, by the clock; `undefined`: to be looked up. */
  let due: number | undefined;

  /** @returns rows deleted, 0 when the room has none left. */
  function purgeEntries(roomKey: number, size: number): number {
    const entries = listEntries.all(roomKey, size) as EntryText[];
    // Highest seq first: the order of the index.
    for (const { seq, is_message, content } of entries.toReversed()) {
      if (is_message === 1) index.remove(roomKey, seq, content);
    }
    const last = entries.at(-1);
    return last === undefined ? 0 : Number(deleteEntries.run(roomKey, last.seq).changes);
  }

  function purge(roomKey: number, size: number): void {
    requestErasure.run();
    if (purgeEntries(roomKey, size) > 0) return;
    for (const statement of deleteRows) {
      if (statement.run(roomKey, size).changes > 0) return;
    }
    deleteRoom.run(roomKey);
  }

  function nextDue(): number {
    const room = findRoom.get() as RoomRow | undefined;
    return room === undefined ? Number.POSITIVE_INFINITY : room.deleted_at + purgeAfterMs;
  }

  return {
    request() {
      due = undefined;
    },

    dueIn() {
      due ??= nextDue();
      return due - now();
    },

    run(size) {
      due = undefined;
      const room = findRoom.get() as RoomRow | undefined;
      if (room === undefined || room.deleted_at + purgeAfterMs > now()) return;
      transact(db, () => purge(room.room_key, size));
      onPurged();
    },
  };
}

type RoomRow = { readonly room_key: number; readonly deleted_at: number };
type EntryText = { readonly seq: number; readonly is_message: 0 | 1; readonly content: string | null };

const PURGE_SQL = {
  findRoom: `SELECT room_key, deleted_at FROM rooms INDEXED BY rooms_deleted
    WHERE deleted_at IS NOT NULL ORDER BY deleted_at LIMIT 1`,
  listEntries: `SELECT m.seq, m.type = 'message.created' AS is_message, ${CURRENT_CONTENT} AS content FROM entries m WHERE m.room_key = ? ORDER BY m.seq LIMIT ?`,
  deleteEntries: 'DELETE FROM entries WHERE room_key = ? AND seq <= ?',
  deleteRoom: 'DELETE FROM rooms WHERE room_key = ?',
} as const;
