// The full-text index, written behind the log: what of it is indexed, and how it follows edits and deletions.
import type { DatabaseSync } from 'node:sqlite';
import { transact } from './idle-transaction.ts';
import { CURRENT_CONTENT, foldText } from './search-text.ts';
import { row, run, type Steps } from './steps.ts';

/**
 * A room's messages up to its position (`search_positions`) are in the index, those after it are not. The index has their
 * current content, but of those in `search_changes`: of these it has what is written there. Both tables change in one
 * transaction with the index, or with the log.
 *
 * Nothing of it is on the way of a SEND. An edit or deletion writes one small row; taking a text out of a large index
 * costs milliseconds, and comes later.
 */
export interface SearchIndex {
  /**
   * The content of a message changed (`to`: null when it was deleted). Runs in the caller's transaction. Nothing happens to
   * a message after the position: `advance` will read what it has then.
   * @param from the content it had: the index keeps no text, so it finds what it has of a message by that.
   */
  replace(roomKey: number, seq: number, from: string, to: string | null): Steps<void>;

  /** A message was created in this room. */
  note(roomId: string): void;

  /** Whether the index has text that its message hasn't any more. */
  hasChanges(): boolean;

  /**
   * Indexes up to about `limit` messages of usual length, changes among them, and merges as much of the index as it wrote;
   * in a transaction of its own. With nothing to index it only merges.
   * @returns whether there may be more to do.
   */
  advance(limit: number): boolean;

  /**
   * Takes a message whose room goes out of the index, if it is there. Runs in the caller's transaction.
   * @param content the current one
   */
  remove(roomKey: number, seq: number, content: string | null): void;
}

export function createSearchIndex(db: DatabaseSync): SearchIndex {
  const findPosition = db.prepare(INDEX_SQL.findPosition);
  const movePosition = db.prepare(INDEX_SQL.movePosition);
  const findRoom = db.prepare(INDEX_SQL.findRoom);
  const listMessages = db.prepare(INDEX_SQL.listMessages);
  const findChange = db.prepare(INDEX_SQL.findChange);
  const listChanges = db.prepare(INDEX_SQL.listChanges);
  const deleteChange = db.prepare(INDEX_SQL.deleteChange);
  const insertText = db.prepare(INDEX_SQL.insertText);
  const removeText = db.prepare(INDEX_SQL.removeText);
  const merge = db.prepare(INDEX_SQL.merge);
  const countWritten = db.prepare(INDEX_SQL.countWritten);

  /** Rooms with messages after their position, the one that waits longest first. Bounded by the number of rooms. */
  const behind = new Set(
    db
      .prepare(INDEX_SQL.listRoomsBehind)
      .all()
      .map((row) => String(row.room_id)),
  );

  function isIndexed(roomKey: number, seq: number): boolean {
    const position = findPosition.get(roomKey)?.seq;
    return typeof position === 'number' && seq <= position;
  }

  /** @returns how many were dealt with. */
  function applyChanges(limit: number): number {
    const changes = listChanges.all(limit) as ChangeRow[];
    for (const { room_key, seq, indexed, content } of changes) {
      removeText.run(room_key, seq, indexed);
      if (content !== null) insertText.run(room_key, seq, foldText(content));
      deleteChange.run(room_key, seq);
    }
    return changes.length;
  }

  /** What of a room fits into the slice. Rooms that are caught up, deleted or gone are forgotten. */
  function take(roomId: string, slice: Slice): RoomSlice | undefined {
    slice.taken.push(roomId);
    behind.delete(roomId);
    const room = findRoom.get(roomId) as RoomRow | undefined;
    if (room === undefined || room.position >= room.head) return undefined;
    const messages: MessageText[] = [];
    // Unless the slice ends before it, all up to the head is read: also what is no message.
    let position = room.head;
    for (const row of listMessages.iterate(room.room_key, room.position)) {
      const message = row as MessageText;
      messages.push(message);
      slice.left -= 1 + (message.content?.length ?? 0) / CHARACTERS_OF_A_MESSAGE;
      if (slice.left > 0) continue;
      position = message.seq;
      break;
    }
    // To the end of those that wait: the other rooms come first.
    if (position < room.head) behind.add(roomId);
    return { roomKey: room.room_key, position, messages };
  }

  /** @returns how many were indexed. */
  function indexMessages(slice: Slice): number {
    const rooms: RoomSlice[] = [];
    for (const roomId of behind) {
      if (slice.left <= 0) break;
      const room = take(roomId, slice);
      if (room !== undefined) rooms.push(room);
    }
    // FTS5 begins a new segment whenever a rowid is lower than the one before it.
    rooms.sort((a, b) => a.roomKey - b.roomKey);
    for (const { roomKey, position, messages } of rooms) {
      for (const { seq, content } of messages.toReversed()) {
        if (content !== null) insertText.run(roomKey, seq, foldText(content));
      }
      movePosition.run(roomKey, position);
    }
    return rooms.reduce((sum, { messages }) => sum + messages.length, 0);
  }

  /** @returns whether there was anything to merge. */
  function mergePages(pages: number): boolean {
    const before = Number(countWritten.get()?.rows);
    merge.run(pages);
    return Number(countWritten.get()?.rows) - before > 1;
  }

  return {
    *replace(roomKey, seq, from) {
      const position = (yield* row<{ seq: number }>(INDEX_SQL.findPosition, roomKey))?.seq;
      if (position !== undefined && seq <= position) {
        yield* run(INDEX_SQL.insertChange, roomKey, seq, foldText(from));
      }
    },

    note(roomId) {
      behind.add(roomId);
    },

    hasChanges() {
      return listChanges.get(1) !== undefined;
    },

    advance(limit) {
      const slice: Slice = { left: limit, taken: [] };
      try {
        return transact(db, () => {
          // Half of it: neither may keep the other from being done.
          const changes = applyChanges(Math.ceil(limit / 2 / MESSAGES_WORTH_A_CHANGE));
          slice.left = Math.max(limit - changes * MESSAGES_WORTH_A_CHANGE, limit / 2);
          const indexed = indexMessages(slice);
          const merged = mergePages(PAGES_A_MERGE + Math.ceil(indexed / MESSAGES_A_PAGE));
          return behind.size > 0 || changes > 0 || merged;
        });
      } catch (error) {
        for (const roomId of slice.taken) behind.add(roomId);
        throw error;
      }
    },

    remove(roomKey, seq, content) {
      if (!isIndexed(roomKey, seq)) return;
      const change = findChange.get(roomKey, seq);
      if (change !== undefined) removeText.run(roomKey, seq, String(change.indexed));
      else if (content !== null) removeText.run(roomKey, seq, foldText(content));
      deleteChange.run(roomKey, seq);
    },
  };
}

/** One `advance`: what is left of it, in messages of usual length, and the rooms it has looked at. */
type Slice = { left: number; readonly taken: string[] };
/** Indexing takes as long as the text is long; a usual message is shorter than this. */
const CHARACTERS_OF_A_MESSAGE = 100;
/** Milliseconds, where a message is indexed in some twenty microseconds. */
const MESSAGES_WORTH_A_CHANGE = 32;

/**
 * Pages of the index merged with each slice. By the pages it writes, one for a few messages, and by how often each will be
 * merged: this keeps the segments few while messages come in without a pause, and small slices from leaving many.
 */
const PAGES_A_MERGE = 8;
const MESSAGES_A_PAGE = 4;

type RoomRow = { readonly room_key: number; readonly head: number; readonly position: number };
type MessageText = { readonly seq: number; readonly content: string | null };
type ChangeRow = MessageText & { readonly room_key: number; readonly indexed: string };
type RoomSlice = {
  readonly roomKey: number;
  readonly position: number;
  readonly messages: readonly MessageText[];
};

/** It is 64 bits wide, too wide for a number of JavaScript, which binds as a REAL besides: it is made in SQL only. */
const ROWID = '((CAST(?1 AS INTEGER) << 32) | (0xffffffff - CAST(?2 AS INTEGER)))';

const INDEX_SQL = {
  listRoomsBehind: `SELECT r.room_id FROM rooms r LEFT JOIN search_positions p ON p.room_key = r.room_key
    WHERE r.deleted_at IS NULL AND r.head > coalesce(p.seq, 0)`,
  findRoom: `SELECT r.room_key, r.head, coalesce(p.seq, 0) AS position
    FROM rooms r LEFT JOIN search_positions p ON p.room_key = r.room_key
    WHERE r.room_id = ? AND r.deleted_at IS NULL`,
  findPosition: 'SELECT seq FROM search_positions WHERE room_key = ?',
  movePosition: `INSERT INTO search_positions (room_key, seq) VALUES (?, ?)
    ON CONFLICT (room_key) DO UPDATE SET seq = excluded.seq`,
  listMessages: `SELECT m.seq, ${CURRENT_CONTENT} AS content FROM entries m INDEXED BY entries_messages
    WHERE m.room_key = ? AND m.seq > ? AND m.type = 'message.created' ORDER BY m.seq`,
  // The first change counts: what the index has is older than all of them.
  insertChange: 'INSERT INTO search_changes (room_key, seq, indexed) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  findChange: 'SELECT indexed FROM search_changes WHERE room_key = ? AND seq = ?',
  listChanges: `SELECT c.room_key, c.seq, c.indexed, ${CURRENT_CONTENT} AS content
    FROM search_changes c CROSS JOIN entries m ON m.room_key = c.room_key AND m.seq = c.seq
    ORDER BY c.room_key, c.seq DESC LIMIT ?`,
  deleteChange: 'DELETE FROM search_changes WHERE room_key = ? AND seq = ?',
  insertText: `INSERT INTO message_index (rowid, content) VALUES (${ROWID}, ?3)`,
  removeText: `INSERT INTO message_index (message_index, rowid, content) VALUES ('delete', ${ROWID}, ?3)`,
  merge: `INSERT INTO message_index (message_index, rank) VALUES ('merge', CAST(? AS INTEGER))`,
  countWritten: 'SELECT total_changes() AS rows',
} as const;
