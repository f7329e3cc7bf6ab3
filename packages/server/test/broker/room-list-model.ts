// One room in memory, as a store would answer for it: what was written, and how it looked after each write.
import type { ChatMessage, Room, RoomEntry } from '@maru/contract';

export const ROOM_ID = 'room';
const AT = '2026-01-01T00:00:00.000Z';

/** A write: an entry of the log, or a marker that moved, which is no entry. */
export type Write = RoomEntry | { readonly type: 'mark'; readonly userId: string; readonly seq: number };

type Member = { readSeq: number; readCount: number };
type Message = { readonly seq: number; current: ChatMessage; mentions: readonly string[] };

/** The room after the first writes. */
export class RoomModel {
  name = 'First';
  head = 0;
  isDeleted = false;
  created = 0;
  readonly members = new Map<string, Member>();
  readonly messages: Message[] = [];

  constructor(writes: readonly Write[] = []) {
    for (const write of writes) this.apply(write);
  }

  apply(write: Write): void {
    if (write.type === 'mark') return this.#mark(write.userId, write.seq);
    this.head = write.seq;
    if (write.type === 'message.created') {
      this.created += 1;
      this.messages.push({ seq: write.seq, current: write, mentions: write.mentions ?? [] });
      this.#mark(write.senderId, write.seq);
      return;
    }
    if (write.type === 'member.joined') {
      this.members.set(write.userId, { readSeq: write.seq, readCount: this.created });
    } else if (write.type === 'member.left') this.members.delete(write.userId);
    else if (write.type === 'room.updated') this.name = write.name;
    else if (write.type === 'room.deleted') this.isDeleted = true;
    else this.#change(write);
  }

  /** As a person sees it; `null`: there is none. */
  roomOf(userId: string): Room | null {
    if (this.isDeleted) return null;
    const member = this.members.get(userId);
    const { readSeq, readCount } = member ?? { readSeq: 0, readCount: this.created };
    const unread = this.messages.filter(({ seq }) => seq > readSeq);
    return {
      roomId: ROOM_ID,
      name: this.name,
      visibility: 'public',
      createdAt: AT,
      ownerId: 'owner',
      memberCount: this.members.size,
      role: member === undefined ? null : 'member',
      head: this.head,
      logEpoch: 'e',
      directWith: null,
      lastMessage: this.messages.at(-1)?.current ?? null,
      readSeq,
      unread: this.created - readCount,
      unreadMentions: unread.filter(({ mentions }) => mentions.includes(userId)).length,
    };
  }

  #mark(userId: string, seq: number): void {
    const member = this.members.get(userId);
    if (member === undefined || seq <= member.readSeq) return;
    member.readSeq = seq;
    member.readCount = this.messages.filter((message) => message.seq <= seq).length;
  }

  #change(entry: Extract<RoomEntry, { messageId: string }>): void {
    const message = this.messages.find(({ current }) => current.messageId === entry.messageId);
    if (message === undefined) return;
    if (entry.type === 'message.edited') {
      message.current = { ...message.current, content: entry.content, editedAt: entry.createdAt };
    } else if (entry.type === 'message.deleted') {
      const { editedAt, mentions, ...rest } = message.current;
      message.current = { ...rest, content: null, deleted: true };
      message.mentions = [];
    }
  }
}

/** The next entry of a model's log. */
export class EntryWriter {
  readonly #model: RoomModel;

  constructor(model: RoomModel) {
    this.#model = model;
  }

  said(senderId: string, mentions: readonly string[]): RoomEntry {
    const head = this.#head();
    const said = { type: 'message.created', messageId: `m${head.seq}`, ...head, senderId } as const;
    const content = `${head.seq}`;
    return {
      ...said,
      senderName: senderId,
      content,
      ...(mentions.length > 0 && { mentions: [...mentions] }),
    };
  }

  about(type: 'message.edited' | 'message.deleted', messageId: string): RoomEntry {
    const entry = { messageId, ...this.#head(), ...by('owner') };
    return type === 'message.edited'
      ? { type, ...entry, content: `edited ${entry.seq}` }
      : { type, ...entry };
  }

  renamed(): RoomEntry {
    const head = this.#head();
    return { type: 'room.updated', ...head, ...by('owner'), name: `Name ${head.seq}` };
  }

  deleted(): RoomEntry {
    return { type: 'room.deleted', ...this.#head(), ...by('owner') };
  }

  /** Whoever is a member leaves, whoever isn't joins. */
  cameOrWent(userId: string): RoomEntry {
    const entry = { ...this.#head(), ...by(userId) };
    return this.#model.members.has(userId)
      ? { type: 'member.left', ...entry }
      : { type: 'member.joined', ...entry, role: 'member' };
  }

  #head() {
    return { roomId: ROOM_ID, seq: this.#model.head + 1, createdAt: AT };
  }
}

function by(userId: string) {
  return { userId, userName: userId };
}
