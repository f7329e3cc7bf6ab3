// A member's reaction to a message: one of each emoji, put there or taken away.
import { refusal } from './refusal.ts';
import { duplicateOf, type RoomLog, writtenOf } from './room-log.ts';
import type { WriteStatements } from './write-statements.ts';
import type { EntryAppends } from './writes.ts';

/** The most different emojis on one message. */
const MAX_EMOJIS = 50;

export function createReactionAppend(
  { findReaction, findEmoji, countEmojis, insertReaction, deleteReaction }: WriteStatements,
  log: RoomLog,
): EntryAppends['react'] {
  return ({ roomId, sender, messageId, emoji, remove }) => {
    const room = log.findRoomOfMember(roomId, sender.userId);
    if ('error' in room) return room;
    const message = log.findMessage(room, messageId);
    if (message === undefined || message.deleted_seq !== null) return MESSAGE_NOT_FOUND;
    const about = { message_id: messageId, target_seq: message.seq, emoji };
    const key = [room.room_key, message.seq, emoji] as const;
    const there = findReaction.get(...key, sender.userId)?.seq;

    if (remove) {
      if (there === undefined) {
        return { value: { epoch: room.epoch, entry: null, duplicate: true }, committed: [] };
      }
      deleteReaction.run(...key, sender.userId);
      const head = log.next(room, sender, 'reaction.removed');
      return writtenOf(log.add(room, roomId, { ...head, ...about }));
    }

    if (there !== undefined) return duplicateOf(room, roomId, log.entryAt(room, Number(there)));
    const first = findEmoji.get(...key)?.first_seq;
    if (first === undefined && Number(countEmojis.get(room.room_key, message.seq)?.emojis) >= MAX_EMOJIS) {
      return TOO_MANY_REACTIONS;
    }
    const head = log.next(room, sender, 'reaction.added');
    insertReaction.run(...key, sender.userId, head.seq, first ?? head.seq);
    return writtenOf(log.add(room, roomId, { ...head, ...about }));
  };
}

const MESSAGE_NOT_FOUND = refusal('message-not-found');
const TOO_MANY_REACTIONS = refusal('too-many-reactions');
