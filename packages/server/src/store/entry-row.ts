// One row of `entries`, and the room entry it stands for.
import type { EntryType, MessageCreated, Role, RoomEntry } from '@maru/contract';

/** What every entry has. */
export type EntryHead = {
  readonly seq: number;
  readonly actor_id: string;
  readonly actor_name: string;
  /** Milliseconds since the epoch. */
  readonly created_at: number;
  /** Messages created in the room up to and with this entry. */
  readonly created_count: number;
};

/** `message_id` and `target_seq` are the message's, not the entry's. */
type AboutMessage = EntryHead & { readonly message_id: string; readonly target_seq: number };

type Rows = {
  'message.created': EntryHead & {
    readonly message_id: string;
    readonly client_message_id: string | null;
    readonly reply_to: string | null;
    /** A JSON array of user ids. */
    readonly mentions: string | null;
    /** Null if deleted; as it was sent, also if it was edited since. */
    readonly content: string | null;
    readonly edited_seq: number | null;
    readonly deleted_seq: number | null;
  };
  'message.edited': AboutMessage & { readonly content: string | null; readonly deleted_seq: number | null };
  'message.deleted': AboutMessage;
  'reaction.added': AboutMessage & { readonly emoji: string };
  'reaction.removed': AboutMessage & { readonly emoji: string };
  'member.joined': EntryHead & { readonly role: Role };
  'member.left': EntryHead;
  'room.updated': EntryHead & { readonly name: string };
  'room.deleted': EntryHead;
};

export type EntryRow<T extends EntryType = EntryType> = { [K in T]: Rows[K] & { readonly type: K } }[T];
export type EntryOf<T extends EntryType> = Extract<RoomEntry, { type: T }>;
export type MessageRow = EntryRow<'message.created'>;

/** All that an `EntryRow` of any type can have. */
export const ENTRY_COLUMNS =
  'seq, type, message_id, target_seq, actor_id, actor_name, created_at, client_message_id, reply_to, mentions, content, ' +
  'edited_seq, deleted_seq, emoji, role, name, created_count';

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
    ...(row.deleted_seq === null ? {} : { deleted: true }),
    ...(row.client_message_id === null ? {} : { clientMessageId: row.client_message_id }),
    ...(row.reply_to === null ? {} : { replyTo: row.reply_to }),
    ...(row.mentions === null ? {} : { mentions: JSON.parse(row.mentions) }),
  };
}

type EntryReader<T extends EntryType> = (roomId: string, row: EntryRow<T>) => EntryOf<T>;

const ENTRIES: { readonly [T in EntryType]: EntryReader<T> } = {
  'message.created': messageOf,
  'message.edited': (roomId, row) => ({
    type: 'message.edited',
    ...aboutMessageOf(roomId, row),
    content: row.content,
    ...(row.deleted_seq === null ? {} : { deleted: true }),
  }),
  'message.deleted': (roomId, row) => ({ type: 'message.deleted', ...aboutMessageOf(roomId, row) }),
  'reaction.added': (roomId, row) => ({
    type: 'reaction.added',
    ...aboutMessageOf(roomId, row),
    emoji: row.emoji,
  }),
  'reaction.removed': (roomId, row) => ({
    type: 'reaction.removed',
    ...aboutMessageOf(roomId, row),
    emoji: row.emoji,
  }),
  'member.joined': (roomId, row) => ({ type: 'member.joined', ...headOf(roomId, row), role: row.role }),
  'member.left': (roomId, row) => ({ type: 'member.left', ...headOf(roomId, row) }),
  'room.updated': (roomId, row) => ({ type: 'room.updated', ...headOf(roomId, row), name: row.name }),
  'room.deleted': (roomId, row) => ({ type: 'room.deleted', ...headOf(roomId, row) }),
};

export function entryOf<T extends EntryType>(roomId: string, row: EntryRow<T>): EntryOf<T> {
  const read: EntryReader<T> = ENTRIES[row.type as T];
  return read(roomId, row);
}

/** The seq that is in a message's id. Whether the message there has this id is to be compared. */
export function seqOfMessage(messageId: string): number {
  return Number(messageId.slice(messageId.lastIndexOf('-') + 1));
}

export function timestampOf(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

function headOf(roomId: string, row: EntryHead) {
  return {
    roomId,
    seq: row.seq,
    createdAt: timestampOf(row.created_at),
    userId: row.actor_id,
    userName: row.actor_name,
  };
}

function aboutMessageOf(roomId: string, row: AboutMessage) {
  return { messageId: row.message_id, ...headOf(roomId, row) };
}
