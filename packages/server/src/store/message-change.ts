// What is done to a message after it was created: another content, or none any more.

import type { MessageRow } from './entry-row.ts';
import { refusal } from './refusal.ts';
import { duplicateOf, type RoomLog, type RoomRow, writtenOf } from './room-log.ts';
import { run, type Steps } from './steps.ts';
import type { WriteSql } from './write-sql.ts';
import type { EntryAppends } from './writes.ts';

/** What the search is told. `from`: the content it had. `to`: what it has now, null when it was deleted. */
export type SearchedContent = {
  replace(roomKey: number, seq: number, from: string, to: string | null): Steps<void>;
};

export function createMessageChange(
  sql: WriteSql,
  log: RoomLog,
  search: SearchedContent,
): Pick<EntryAppends, 'edit' | 'delete'> {
  const { setEdited, eraseMessage, eraseEdits, deleteReactions, deleteMention, requestErasure } = sql;

  /** The entry that gave a message the content it has. */
  function* currentRow(room: RoomRow, message: MessageRow) {
    const row = message.edited_seq === null ? message : yield* log.entryAt(room, message.edited_seq);
    if (row.type !== 'message.created' && row.type !== 'message.edited') {
      throw new Error(`the message ${message.message_id} has its content from a ${row.type}`);
    }
    return row;
  }

  return {
    *edit({ roomId, sender, messageId, content }) {
      const room = yield* log.findRoomOfMember(roomId, sender.userId);
      if ('error' in room) return room;
      const message = yield* log.findMessage(room, messageId);
      if (message === undefined || message.deleted_seq !== null) return MESSAGE_NOT_FOUND;
      if (message.actor_id !== sender.userId) return NOT_THEIRS;
      const current = yield* currentRow(room, message);
      if (current.content === content) return duplicateOf(room, roomId, current);
      const committed = yield* log.add(room, roomId, {
        ...log.next(room, sender, 'message.edited'),
        message_id: messageId,
        target_seq: message.seq,
        content,
        deleted_seq: null,
      });
      yield* run(setEdited, committed.entry.seq, room.room_key, message.seq);
      yield* search.replace(room.room_key, message.seq, current.content ?? '', content);
      return writtenOf(committed);
    },

    /** The log keeps its entries; what the message said is gone from all of them. */
    *delete({ roomId, sender, messageId }) {
      const room = yield* log.findRoomOfMember(roomId, sender.userId);
      if ('error' in room) return room;
      const message = yield* log.findMessage(room, messageId);
      if (message === undefined) return MESSAGE_NOT_FOUND;
      if (message.actor_id !== sender.userId && room.role !== 'owner') return NOT_THEIRS;
      if (message.deleted_seq !== null) {
        return duplicateOf(room, roomId, yield* log.entryAt(room, message.deleted_seq));
      }
      const { content } = yield* currentRow(room, message);
      const committed = yield* log.add(room, roomId, {
        ...log.next(room, sender, 'message.deleted'),
        message_id: messageId,
        target_seq: message.seq,
      });
      yield* run(eraseMessage, committed.entry.seq, room.room_key, message.seq);
      if (message.edited_seq !== null)
        yield* run(eraseEdits, committed.entry.seq, room.room_key, message.seq);
      yield* run(deleteReactions, room.room_key, message.seq);
      for (const userId of mentionsOf(message)) yield* run(deleteMention, room.room_key, userId, message.seq);
      yield* search.replace(room.room_key, message.seq, content ?? '', null);
      yield* run(requestErasure);
      return writtenOf(committed);
    },
  };
}

function mentionsOf({ mentions }: MessageRow): readonly string[] {
  return mentions === null ? [] : JSON.parse(mentions);
}

const MESSAGE_NOT_FOUND = refusal('message-not-found');
const NOT_THEIRS = refusal('access-denied');
