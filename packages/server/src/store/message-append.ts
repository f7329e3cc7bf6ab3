// The append of a message to its room's log: the hot path of all writes.

import type { MessageRow } from './entry-row.ts';
import { refusal } from './refusal.ts';
import { duplicateOf, type RoomLog, writtenOf } from './room-log.ts';
import { row, run } from './steps.ts';
import type { WriteSql } from './write-sql.ts';
import type { WriteRules } from './writes.ts';

/** Four statements, and no more for a bigger room; some more for a clientMessageId, a reply and each mention. */
export function createMessageAppend(
  { findDuplicate, findMember, insertMention, moveOwnMarker }: WriteSql,
  log: RoomLog,
): WriteRules['appendMessage'] {
  /** A refusal comes before the first write. */
  return function* ({ roomId, sender, content, clientMessageId, replyTo, mentions = NOBODY }) {
    const room = yield* log.findRoomOfMember(roomId, sender.userId);
    if ('error' in room) return room;
    if (clientMessageId !== undefined) {
      const first = yield* row<MessageRow>(findDuplicate, room.room_key, sender.userId, clientMessageId);
      if (first !== undefined) return duplicateOf(room, roomId, first);
    }
    if (replyTo !== undefined && (yield* log.findMessage(room, replyTo)) === undefined)
      return REPLY_TO_UNKNOWN;
    for (const userId of mentions) {
      if ((yield* row(findMember, room.room_key, userId)) === undefined) return MENTION_UNKNOWN;
    }
    const head = log.next(room, sender, 'message.created');
    const committed = yield* log.add(room, roomId, {
      ...head,
      message_id: `${room.epoch}-${head.seq}`,
      client_message_id: clientMessageId ?? null,
      reply_to: replyTo ?? null,
      mentions: mentions.length === 0 ? null : JSON.stringify(mentions),
      content,
      edited_seq: null,
      deleted_seq: null,
    });
    for (const userId of mentions) yield* run(insertMention, room.room_key, userId, head.seq);
    // Who writes has read what is before.
    yield* run(moveOwnMarker, head.seq, head.created_count, room.room_key, sender.userId);
    return writtenOf(committed);
  };
}

const NOBODY: readonly string[] = [];
const REPLY_TO_UNKNOWN = refusal('invalid-body', 'replyTo names no message of this room');
const MENTION_UNKNOWN = refusal('invalid-body', 'mentions names somebody who is not a member of this room');
