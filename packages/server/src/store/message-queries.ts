// What is read of a room's log: its messages in their current state, and its entries as they are.
import type { DatabaseSync } from 'node:sqlite';
import { type ChatMessage, MaruError } from '@maru/contract';
import { createCurrentMessages } from './current-message.ts';
import { ENTRY_COLUMNS, type EntryRow, entryOf, type MessageRow, seqOfMessage } from './entry-row.ts';
import { END, requireLimit } from './page-token.ts';
import type { Committed } from './store.ts';

// INDEXED BY: the statement fails rather than scan if the index isn't there or doesn't fit.
export const MESSAGE_SQL = {
  findLog: 'SELECT room_key, epoch, head, deleted_at FROM rooms WHERE room_id = ?',
  findMessageEntry: `SELECT ${ENTRY_COLUMNS} FROM entries WHERE room_key = ? AND seq = ? AND type = 'message.created'`,
  listMessagesBefore: `SELECT ${ENTRY_COLUMNS} FROM entries INDEXED BY entries_messages
    WHERE room_key = ? AND seq < ? AND type = 'message.created' ORDER BY seq DESC LIMIT ?`,
  listMessagesAfter: `SELECT ${ENTRY_COLUMNS} FROM entries INDEXED BY entries_messages
    WHERE room_key = ? AND seq > ? AND type = 'message.created' ORDER BY seq LIMIT ?`,
  listEntries: `SELECT ${ENTRY_COLUMNS} FROM entries WHERE room_key = ? AND seq > ? ORDER BY seq LIMIT ?`,
} as const;

type LogRow = {
  readonly room_key: number;
  readonly epoch: string;
  readonly head: number;
  readonly deleted_at: number | null;
};
type MessageBounds = { readonly before?: number | undefined; readonly after?: number | undefined };
type MessageList = {
  readonly messages: readonly ChatMessage[];
  readonly hasMore: boolean;
  readonly head?: number;
};

export function createMessageQueries(db: DatabaseSync) {
  const findLogRow = db.prepare(MESSAGE_SQL.findLog);
  const findMessageEntry = db.prepare(MESSAGE_SQL.findMessageEntry);
  const listMessagesBefore = db.prepare(MESSAGE_SQL.listMessagesBefore);
  const listMessagesAfter = db.prepare(MESSAGE_SQL.listMessagesAfter);
  const listEntries = db.prepare(MESSAGE_SQL.listEntries);
  const messages = createCurrentMessages(db);

  const findLog = (roomId: string) => findLogRow.get(roomId) as LogRow | undefined;

  function findRoomKey(roomId: string): number | undefined {
    const log = findLog(roomId);
    return log?.deleted_at === null ? log.room_key : undefined;
  }

  return {
    findMessage(roomId: string, messageId: string, viewerId: string): ChatMessage | null {
      const roomKey = findRoomKey(roomId);
      if (roomKey === undefined) return null;
      const row = findMessageEntry.get(roomKey, seqOfMessage(messageId)) as MessageRow | undefined;
      if (row?.message_id !== messageId) return null;
      return messages.of(roomKey, roomId, [row], viewerId)[0] ?? null;
    },

    /** One more than asked for is read, only to know whether there is more. */
    listMessages(roomId: string, viewerId: string, bounds: MessageBounds, limit: number): MessageList {
      requireLimit(limit);
      if (bounds.before !== undefined && bounds.after !== undefined) {
        throw new MaruError('invalid-request', { message: 'give before or after, not both' });
      }
      const log = findLog(roomId);
      if (log === undefined || log.deleted_at !== null) return { messages: [], hasMore: false };
      const { room_key: roomKey, head } = log;
      const rows = (
        bounds.after === undefined
          ? listMessagesBefore.all(roomKey, bounds.before ?? END, limit + 1)
          : listMessagesAfter.all(roomKey, bounds.after, limit + 1)
      ) as MessageRow[];
      const page = rows.slice(0, limit);
      if (bounds.after === undefined) page.reverse();
      return { messages: messages.of(roomKey, roomId, page, viewerId), hasMore: rows.length > limit, head };
    },

    /** Of a deleted room too, until it is purged. */
    listEntries(roomId: string, after: number, limit: number): readonly Committed[] {
      requireLimit(limit);
      const log = findLog(roomId);
      if (log === undefined) return [];
      const rows = listEntries.all(log.room_key, after, limit) as EntryRow[];
      return rows.map((row) => ({
        epoch: log.epoch,
        entry: entryOf(roomId, row),
        createdCount: row.created_count,
      }));
    },
  };
}
