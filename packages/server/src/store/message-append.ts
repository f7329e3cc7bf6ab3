// The append of messages to their rooms' logs: one alone, or several of which all are written or none.
import type { DatabaseSync } from 'node:sqlite';
import { MaruError } from '@maru/contract';
import { type MessageRow, messageOf } from './entry-row.ts';
import type { RoomLog, RoomRow } from './room-log.ts';
import type { Appended, Committed, NewMessage } from './store.ts';
import { encodeError } from './wire-error.ts';
import type { WriteStatements } from './write-statements.ts';
import type { WriteOperations, WriteOutcome } from './writes.ts';

export function createMessageAppend(
  db: DatabaseSync,
  { findDuplicate, findMessageId }: WriteStatements,
  log: RoomLog,
): Pick<WriteOperations, 'appendMessage' | 'appendMessages'> {
  const setSavepoint = db.prepare('SAVEPOINT messages');
  const rollBack = db.prepare('ROLLBACK TO messages');
  const release = db.prepare('RELEASE messages');

  /** The id of a message holds its seq, so the log's own key finds it; of a message of another room it finds nothing. */
  function isMessageOf(room: RoomRow, messageId: string): boolean {
    const seq = Number(messageId.slice(messageId.lastIndexOf('-') + 1));
    return findMessageId.get(room.room_key, seq)?.message_id === messageId;
  }

  /** A refusal comes before the first write. */
  function append(message: NewMessage): WriteOutcome<'appendMessage'> {
    const { roomId, sender, content, clientMessageId, replyTo } = message;
    const room = log.findRoom(roomId, sender.userId);
    if (room === undefined) return ROOM_NOT_FOUND;
    // Whether a private room exists is not for those outside it to know.
    if (room.role === null) return room.visibility === 'private' ? ROOM_NOT_FOUND : NOT_A_MEMBER;
    if (clientMessageId !== undefined) {
      const first = findDuplicate.get(room.room_key, sender.userId, clientMessageId) as
        | MessageRow
        | undefined;
      if (first !== undefined) {
        const entry = messageOf(roomId, first);
        return { value: { epoch: room.epoch, entry, duplicate: true }, committed: [] };
      }
    }
    if (replyTo !== undefined && !isMessageOf(room, replyTo)) return REPLY_TO_UNKNOWN;
    const seq = room.head + 1;
    const row: MessageRow = {
      type: 'message.created',
      seq,
      message_id: `${room.epoch}-${seq}`,
      actor_id: sender.userId,
      actor_name: room.user_name ?? sender.name,
      created_at: log.timeOf(room),
      client_message_id: clientMessageId ?? null,
      reply_to: replyTo ?? null,
      content,
    };
    log.addEntry(room, row);
    const entry = messageOf(roomId, row);
    return {
      value: { epoch: room.epoch, entry, duplicate: false },
      committed: [{ epoch: room.epoch, entry }],
    };
  }

  return {
    appendMessage: append,

    /** A later message may be refused after an earlier one was written: the savepoint takes that back. */
    appendMessages(messages) {
      const appended: Appended[] = [];
      const committed: Committed[] = [];
      setSavepoint.run();
      for (const message of messages) {
        const outcome = append(message);
        if ('error' in outcome) {
          rollBack.run();
          release.run();
          return outcome;
        }
        appended.push(outcome.value);
        committed.push(...outcome.committed);
      }
      release.run();
      return { value: appended, committed };
    },
  };
}

const ROOM_NOT_FOUND = { error: encodeError(new MaruError('room-not-found')) };
const NOT_A_MEMBER = { error: encodeError(new MaruError('not-a-member')) };
const REPLY_TO_UNKNOWN = {
  error: encodeError(new MaruError('invalid-body', { message: 'replyTo names no message of this room' })),
};
