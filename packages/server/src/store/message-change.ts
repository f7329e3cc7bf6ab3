// What is done to a message after it was created: another content, or none any more.

import type { MessageRow } from './entry-row.ts';
import { refusal } from './refusal.ts';
import { duplicateOf, type RoomLog, type RoomRow, writtenOf } from './room-log.ts';
import type { SearchIndex } from './search-index.ts';
import type { WriteStatements } from './write-statements.ts';
import type { EntryAppends } from './writes.ts';

export function createMessageChange(
  statements: WriteStatements,
  log: RoomLog,
  search: SearchIndex,
): Pick<EntryAppends, 'edit' | 'delete'> {
  const { setEdited, eraseMessage, eraseEdits, deleteReactions, deleteMention, requestErasure } = statements;

  /** The entry that gave a message the content it has. */
  function currentRow(room: RoomRow, message: MessageRow) {
    const row = message.edited_seq === null ? message : log.entryAt(room, message.edited_seq);
    if (row.type !== 'message.created' && row.type !== 'message.edited') {
      throw new Error(`the message ${message.message_id} has its content from a ${row.type}`);
    }
    return row;
  }

  return {
    edit({ roomId, sender, messageId, content }) {
      const room = log.findRoomOfMember(roomId, sender.userId);
      if ('error' in room) return room;
      const message = log.findMessage(room, messageId);
      if (message === undefined || message.deleted_seq !== null) return MESSAGE_NOT_FOUND;
      if (message.actor_id !== sender.userId) return NOT_THEIRS;
      const current = currentRow(room, message);
      if (current.content === content) return duplicateOf(room, roomId, current);
      const committed = log.add(room, roomId, {
        ...log.next(room, sender, 'message.edited'),
        message_id: messageId,
        target_seq: message.seq,
        content,
        deleted_seq: null,
      });
      setEdited.run(committed.entry.seq, room.room_key, message.seq);
      search.replace(room.room_key, message.seq, current.content ?? '', content);
      return writtenOf(committed);
    },

    /** The log keeps its entries; what the message said is gone from all of them. */
    delete({ roomId, sender, messageId }) {
      const room = log.findRoomOfMember(roomId, sender.userId);
      if ('error' in room) return room;
      const message = log.findMessage(room, messageId);
      if (message === undefined) return MESSAGE_NOT_FOUND;
      if (message.actor_id !== sender.userId && room.role !== 'owner') return NOT_THEIRS;
      if (message.deleted_seq !== null) {
        return duplicateOf(room, roomId, log.entryAt(room, message.deleted_seq));
      }
      const { content } = currentRow(room, message);
      const committed = log.add(room, roomId, {
        ...log.next(room, sender, 'message.deleted'),
        message_id: messageId,
        target_seq: message.seq,
      });
      eraseMessage.run(committed.entry.seq, room.room_key, message.seq);
      if (message.edited_seq !== null) eraseEdits.run(committed.entry.seq, room.room_key, message.seq);
      deleteReactions.run(room.room_key, message.seq);
      for (const userId of mentionsOf(message)) deleteMention.run(room.room_key, userId, message.seq);
      search.replace(room.room_key, message.seq, content ?? '', null);
      requestErasure.run();
      return writtenOf(committed);
    },
  };
}

function mentionsOf({ mentions }: MessageRow): readonly string[] {
  return mentions === null ? [] : JSON.parse(mentions);
}

const MESSAGE_NOT_FOUND = refusal('message-not-found');
const NOT_THEIRS = refusal('access-denied');
