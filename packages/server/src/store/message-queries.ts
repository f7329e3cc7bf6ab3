// What is read of a room's log: its messages in their current state, and its entries as they are.
import { type ChatMessage, MaruError } from '@maru/contract';
import { type CurrentSql, createCurrentMessages } from './current-message.ts';
import { ENTRY_COLUMNS, type EntryRow, entryOf, type MessageRow, seqOfMessage } from './entry-row.ts';
import { END, requireLimit } from './page-token.ts';
import { row, rows, type Steps } from './steps.ts';
import type { Committed, RoomHead } from './store.ts';

// INDEXED BY: the statement fails rather than scan if the index isn't there or doesn't fit.
export const MESSAGE_SQL = {
  findLog: 'SELECT room_key, epoch, head, deleted_at FROM rooms WHERE room_id = ?',
  findMessageEntry: `SELECT ${ENTRY_COLUMNS} FROM entries WHERE room_key = ? AND seq = ? AND type = 'message.created'`,
  listMessagesBefore: `SELECT ${ENTRY_COLUMNS} FROM entries INDEXED BY entries_messages
    WHERE room_key = ? AND seq < ? AND type = 'message.created' ORDER BY seq DESC LIMIT ?`,
  listMessagesAfter: `SELECT ${ENTRY_COLUMNS} FROM entries INDEXED BY entries_messages
    WHERE room_key = ? AND seq > ? AND type = 'message.created' ORDER BY seq LIMIT ?`,
  listHeads: `SELECT room_id, head, epoch FROM rooms WHERE room_id IN (SELECT value FROM json_each(?1))`,
  listEntries: `SELECT ${ENTRY_COLUMNS} FROM entries WHERE room_key = ? AND seq > ? ORDER BY seq LIMIT ?`,
} as const;

export type MessageSql = { readonly [K in keyof typeof MESSAGE_SQL]: string } & CurrentSql;

type LogRow = {
  readonly room_key: number;
  readonly epoch: string;
  readonly head: number;
  readonly deleted_at: number | null;
};
type HeadRow = { readonly room_id: string; readonly head: number; readonly epoch: string };
type MessageBounds = { readonly before?: number | undefined; readonly after?: number | undefined };
type MessageList = {
  readonly messages: readonly ChatMessage[];
  readonly hasMore: boolean;
  readonly head?: number;
};

export function createMessageQueries(sql: MessageSql) {
  const { findMessageEntry, listMessagesBefore, listMessagesAfter, listEntries } = sql;
  const messages = createCurrentMessages(sql);

  const findLog = (roomId: string) => row<LogRow>(sql.findLog, roomId);

  function* findRoomKey(roomId: string): Steps<number | undefined> {
    const log = yield* findLog(roomId);
    return log?.deleted_at === null ? log.room_key : undefined;
  }

  return {
    *findMessage(roomId: string, messageId: string, viewerId: string): Steps<ChatMessage | null> {
      const roomKey = yield* findRoomKey(roomId);
      const seq = seqOfMessage(messageId);
      if (roomKey === undefined || !Number.isSafeInteger(seq)) return null;
      const found = yield* row<MessageRow>(findMessageEntry, roomKey, seq);
      if (found?.message_id !== messageId) return null;
      return (yield* messages.of(roomKey, roomId, [found], viewerId))[0] ?? null;
    },

    /** One more than asked for is read, only to know whether there is more. */
    *listMessages(
      roomId: string,
      viewerId: string,
      bounds: MessageBounds,
      limit: number,
    ): Steps<MessageList> {
      requireLimit(limit);
      if (bounds.before !== undefined && bounds.after !== undefined) {
        throw new MaruError('invalid-request', { message: 'give before or after, not both' });
      }
      const log = yield* findLog(roomId);
      if (log === undefined || log.deleted_at !== null) return { messages: [], hasMore: false };
      const { room_key: roomKey, head } = log;
      const found =
        bounds.after === undefined
          ? yield* rows<MessageRow>(listMessagesBefore, roomKey, bounds.before ?? END, limit + 1)
          : yield* rows<MessageRow>(listMessagesAfter, roomKey, bounds.after, limit + 1);
      const page = found.slice(0, limit);
      if (bounds.after === undefined) page.reverse();
      const current = yield* messages.of(roomKey, roomId, page, viewerId);
      return { messages: current, hasMore: found.length > limit, head };
    },

    *listHeads(roomIds: readonly string[]): Steps<readonly RoomHead[]> {
      const found = yield* rows<HeadRow>(sql.listHeads, JSON.stringify(roomIds));
      return found.map(({ room_id: roomId, head, epoch }) => ({ roomId, head, epoch }));
    },

    /** Of a deleted room too, until it is purged. */
    *listEntries(roomId: string, after: number, limit: number): Steps<readonly Committed[]> {
      requireLimit(limit);
      const log = yield* findLog(roomId);
      if (log === undefined) return [];
      const found = yield* rows<EntryRow>(listEntries, log.room_key, after, limit);
      return found.map((each) => ({
        epoch: log.epoch,
        entry: entryOf(roomId, each),
        createdCount: each.created_count,
      }));
    },
  };
}
