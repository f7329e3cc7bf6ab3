// The append of a message to its room's log: the hot path of all writes.

import type { MessageRow } from './entry-row.ts';
import { refusal } from './refusal.ts';
import { duplicateOf, type RoomLog, writtenOf } from './room-log.ts';
import type { WriteStatements } from './write-statements.ts';
import type { WriteOperations } from './writes.ts';

/** Four statements, and no more for a bigger room; some more for a clientMessageId, a reply and each mention. */
export function createMessageAppend(
  { findDuplicate, findMember, insertMention, moveOwnMarker }: WriteStatements,
  log: RoomLog,
): WriteOperations['appendMessage'] {
  /** A refusal comes before the first write. */
  return ({ roomId, sender, content, clientMessageId, replyTo, mentions = NOBODY }) => {
    const room = log.findRoomOfMember(roomId, sender.userId);
    if ('error' in room) return room;
    if (clientMessageId !== undefined) {
      const first = findDuplicate.get(room.room_key, sender.userId, clientMessageId) as
        | MessageRow
        | undefined;
      if (first !== undefined) return duplicateOf(room, roomId, first);
    }
    if (replyTo !== undefined && log.findMessage(room, replyTo) === undefined) return REPLY_TO_UNKNOWN;
    for (const userId of mentions) {
      if (findMember.get(room.room_key, userId) === undefined) return MENTION_UNKNOWN;
    }
    const head = log.next(room, sender, 'message.created');
    const committed = log.add(room, roomId, {
      ...head,
      message_id: `${room.epoch}-${head.seq}`,
      client_message_id: clientMessageId ?? null,
      reply_to: replyTo ?? null,
      mentions: mentions.length === 0 ? null : JSON.stringify(mentions),
      content,
      edited_seq: null,
      deleted_seq: null,
    });
    for (const userId of mentions) insertMention.run(room.room_key, userId, head.seq);
    // Who writes has read what is before.
    moveOwnMarker.run(head.seq, head.created_count, room.room_key, sender.userId);
    return writtenOf(committed);
  };
}

const NOBODY: readonly string[] = [];
const REPLY_TO_UNKNOWN = refusal('invalid-body', 'replyTo names no message of this room');
const MENTION_UNKNOWN = refusal('invalid-body', 'mentions names somebody who is not a member of this room');
