// Messages as history shows them: each `message.created` with all that came of it since.
import type { ChatMessage } from '@maru/contract';
import { ENTRY_COLUMNS, type MessageRow, messageOf, timestampOf } from './entry-row.ts';

import { row, rows, type Steps } from './steps.ts';

export const CURRENT_SQL = {
  listEdits: `SELECT target_seq, content, created_at FROM entries
    WHERE room_key = ?1 AND seq IN (SELECT value FROM json_each(?2))`,
  listReactions: `SELECT message_seq, emoji, count(*) AS count, max(CASE WHEN user_id = ?3 THEN 1 ELSE 0 END) AS mine, min(first_seq) AS first_seq FROM reactions
    WHERE room_key = ?1 AND message_seq IN (SELECT value FROM json_each(?2))
    GROUP BY message_seq, emoji`,
  findLastMessage: `SELECT ${ENTRY_COLUMNS} FROM entries INDEXED BY entries_messages
    WHERE room_key = ? AND type = 'message.created' ORDER BY seq DESC LIMIT 1`,
} as const;

export type CurrentSql = { readonly [K in keyof typeof CURRENT_SQL]: string };

type EditRow = { readonly target_seq: number; readonly content: string; readonly created_at: number };
type ReactionRow = {
  readonly message_seq: number;
  readonly emoji: string;
  readonly count: number;
  readonly mine: 0 | 1;
  readonly first_seq: number;
};
type Edit = { readonly content: string; readonly editedAt: string };
type Reactions = NonNullable<ChatMessage['reactions']>;

/** At most two statements for any number of messages of one room, wherever in it they are. */
export function createCurrentMessages(sql: CurrentSql) {
  const { listEdits, listReactions, findLastMessage } = sql;

  /** By the seq of the message. A deleted one has none: there is nothing left of its edits. */
  function* editsOf(roomKey: number, messages: readonly MessageRow[]): Steps<ReadonlyMap<number, Edit>> {
    const seqs = messages.flatMap((row) =>
      row.edited_seq === null || row.deleted_seq !== null ? [] : [row.edited_seq],
    );
    if (seqs.length === 0) return new Map();
    const edits = yield* rows<EditRow>(listEdits, roomKey, JSON.stringify(seqs));
    return new Map(
      edits.map(({ target_seq, content, created_at }) => [
        target_seq,
        { content, editedAt: timestampOf(created_at) },
      ]),
    );
  }

  /** By the seq of the message, only of those that have any. */
  function* reactionsOf(
    roomKey: number,
    messages: readonly MessageRow[],
    viewerId: string,
  ): Steps<ReadonlyMap<number, Reactions>> {
    const seqs = JSON.stringify(messages.map(({ seq }) => seq));
    const found = [...(yield* rows<ReactionRow>(listReactions, roomKey, seqs, viewerId))];
    if (found.length === 0) return new Map();
    found.sort((a, b) => a.first_seq - b.first_seq);
    const reactions = new Map<number, Reactions>();
    for (const { message_seq, emoji, count, mine } of found) {
      const of = reactions.get(message_seq) ?? [];
      of.push({ emoji, count, mine: mine === 1 });
      reactions.set(message_seq, of);
    }
    return reactions;
  }

  return {
    /** In the order of the rows, all of one room. */
    *of(
      roomKey: number,
      roomId: string,
      messages: readonly MessageRow[],
      viewerId: string,
    ): Steps<ChatMessage[]> {
      if (messages.length === 0) return [];
      const edits = yield* editsOf(roomKey, messages);
      const reactions = yield* reactionsOf(roomKey, messages, viewerId);
      return messages.map((created) => {
        const message = { ...messageOf(roomId, created), ...edits.get(created.seq) };
        const given = reactions.get(created.seq);
        return given === undefined ? message : { ...message, reactions: given };
      });
    },

    /** The newest message of a room, without its reactions. */
    *last(roomKey: number, roomId: string): Steps<ChatMessage | null> {
      const newest = yield* row<MessageRow>(findLastMessage, roomKey);
      if (newest === undefined) return null;
      return { ...messageOf(roomId, newest), ...(yield* editsOf(roomKey, [newest])).get(newest.seq) };
    },
  };
}
