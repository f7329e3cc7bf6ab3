// A member's reaction to a message: one of each emoji, put there or taken away.
import { refusal } from './refusal.ts';
import { duplicateOf, type RoomLog, writtenOf } from './room-log.ts';
import { row, run } from './steps.ts';
import type { WriteSql } from './write-sql.ts';
import type { EntryAppends } from './writes.ts';

/** The most different emojis on one message. */
const MAX_EMOJIS = 50;

export function createReactionAppend(
  { findReaction, findEmoji, countEmojis, insertReaction, deleteReaction }: WriteSql,
  log: RoomLog,
): EntryAppends['react'] {
  return function* ({ roomId, sender, messageId, emoji, remove }) {
    const room = yield* log.findRoomOfMember(roomId, sender.userId);
    if ('error' in room) return room;
    const message = yield* log.findMessage(room, messageId);
    if (message === undefined || message.deleted_seq !== null) return MESSAGE_NOT_FOUND;
    const about = { message_id: messageId, target_seq: message.seq, emoji };
    const key = [room.room_key, message.seq, emoji] as const;
    const there = (yield* row<{ seq: number }>(findReaction, ...key, sender.userId))?.seq;

    if (remove) {
      if (there === undefined) {
        return { value: { epoch: room.epoch, entry: null, duplicate: true }, committed: [] };
      }
      yield* run(deleteReaction, ...key, sender.userId);
      const head = log.next(room, sender, 'reaction.removed');
      return writtenOf(yield* log.add(room, roomId, { ...head, ...about }));
    }

    if (there !== undefined) return duplicateOf(room, roomId, yield* log.entryAt(room, there));
    const first = (yield* row<{ first_seq: number }>(findEmoji, ...key))?.first_seq;
    if (first === undefined) {
      const counted = yield* row<{ emojis: number }>(countEmojis, room.room_key, message.seq);
      if (counted !== undefined && counted.emojis >= MAX_EMOJIS) return TOO_MANY_REACTIONS;
    }
    const head = log.next(room, sender, 'reaction.added');
    yield* run(insertReaction, ...key, sender.userId, head.seq, first ?? head.seq);
    return writtenOf(yield* log.add(room, roomId, { ...head, ...about }));
  };
}

const MESSAGE_NOT_FOUND = refusal('message-not-found');
const TOO_MANY_REACTIONS = refusal('too-many-reactions');
