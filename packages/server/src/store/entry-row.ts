// One row of `entries`, and the room entry it stands for.
import type { MessageCreated, Role, RoomEntry } from '@maru/contract';

type Row = {
  readonly seq: number;
  readonly actor_id: string;
  readonly actor_name: string;
  /** Milliseconds since the epoch. */
  readonly created_at: number;
};

export type MessageRow = Row & {
  readonly type: 'message.created';
  readonly message_id: string;
  readonly client_message_id: string | null;
  readonly reply_to: string | null;
  readonly content: string;
};

export type EntryRow =
  | MessageRow
  | (Row & { readonly type: 'member.joined'; readonly role: Role })
  | (Row & { readonly type: 'member.left' });

export const ENTRY_COLUMNS =
  'seq, type, message_id, actor_id, actor_name, created_at, client_message_id, reply_to, content, role';

export function messageOf(roomId: string, row: MessageRow): MessageCreated {
  return {
    type: 'message.created',
    messageId: row.message_id,
    roomId,
    senderId: row.actor_id,
    senderName: row.actor_name,
    content: row.content,
    createdAt: timestampOf(row.created_at),
    seq: row.seq,
    ...(row.client_message_id === null ? {} : { clientMessageId: row.client_message_id }),
    ...(row.reply_to === null ? {} : { replyTo: row.reply_to }),
  };
}

export function entryOf(roomId: string, row: EntryRow): RoomEntry {
  if (row.type === 'message.created') return messageOf(roomId, row);
  const { seq, actor_id: userId, actor_name: userName } = row;
  const createdAt = timestampOf(row.created_at);
  return row.type === 'member.joined'
    ? { type: row.type, roomId, seq, createdAt, userId, userName, role: row.role }
    : { type: row.type, roomId, seq, createdAt, userId, userName };
}

export function timestampOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}
