// One room as the server keeps it, in memory: its log, and the history that shows the current state of its messages.
import type { ChatMessage, MessageCreated, MessagePage, RoomEntry } from '@maru/contract';

export type Actor = { readonly userId: string; readonly userName: string };

type Kept = { created: MessageCreated; editedAt: string | null; reactions: Map<string, Set<string>> };
type Head = { roomId: string; seq: number; createdAt: string };

export const ANN: Actor = { userId: 'u1', userName: 'Ann' };
export const BO: Actor = { userId: 'u2', userName: 'Bo' };

/** Refused is what returns `null`: it is so already, or there is no such message. */
export class ScriptedLog {
  readonly epoch: string;
  /** As the log has them now: what was deleted has no content any more, wherever it was. */
  readonly entries: RoomEntry[] = [];
  readonly #messages = new Map<string, Kept>();

  constructor(epoch = 'e1') {
    this.epoch = epoch;
  }

  get head(): number {
    return this.entries.length;
  }

  join(actor: Actor): RoomEntry {
    return this.#append({ type: 'member.joined', ...this.#next(), ...actor, role: 'member' });
  }

  leave(actor: Actor): RoomEntry {
    return this.#append({ type: 'member.left', ...this.#next(), ...actor });
  }

  deleteRoom(actor: Actor): RoomEntry {
    return this.#append({ type: 'room.deleted', ...this.#next(), ...actor });
  }

  create(actor: Actor, content: string, options: Pick<MessageCreated, 'clientMessageId' | 'replyTo'> = {}) {
    const { clientMessageId } = options;
    for (const { created } of this.#messages.values()) {
      if (clientMessageId !== undefined && created.clientMessageId === clientMessageId) return created;
    }
    const next = this.#next();
    const created: MessageCreated = {
      type: 'message.created',
      ...next,
      messageId: `m${next.seq}`,
      senderId: actor.userId,
      senderName: actor.userName,
      content,
      ...options,
    };
    this.#messages.set(created.messageId, { created, editedAt: null, reactions: new Map() });
    this.#append(created);
    return created;
  }

  edit(actor: Actor, messageId: string, content: string): RoomEntry | null {
    const kept = this.#messages.get(messageId);
    if (kept === undefined || kept.created.content === null || this.#contentOf(messageId) === content) {
      return null;
    }
    const entry = this.#append({ type: 'message.edited', messageId, ...this.#next(), ...actor, content });
    kept.editedAt = entry.createdAt;
    return entry;
  }

  delete(actor: Actor, messageId: string): RoomEntry | null {
    const kept = this.#messages.get(messageId);
    if (kept === undefined || kept.created.content === null) return null;
    this.entries.forEach((entry, index) => {
      if (!('messageId' in entry) || entry.messageId !== messageId) return;
      if (entry.type !== 'message.created' && entry.type !== 'message.edited') return;
      this.entries[index] = { ...entry, content: null, deleted: true };
    });
    kept.created = { ...kept.created, content: null, deleted: true };
    kept.editedAt = null;
    kept.reactions.clear();
    return this.#append({ type: 'message.deleted', messageId, ...this.#next(), ...actor });
  }

  react(actor: Actor, messageId: string, emoji: string, remove = false): RoomEntry | null {
    const kept = this.#messages.get(messageId);
    if (kept === undefined || kept.created.content === null) return null;
    const people = kept.reactions.get(emoji) ?? new Set();
    if (people.has(actor.userId) === !remove) return null;
    kept.reactions.set(emoji, people);
    if (remove) people.delete(actor.userId);
    else people.add(actor.userId);
    if (people.size === 0) kept.reactions.delete(emoji);
    const type = remove ? 'reaction.removed' : 'reaction.added';
    return this.#append({ type, messageId, ...this.#next(), ...actor, emoji });
  }

  page(viewerId: string, bounds: { before?: number; limit?: number } = {}): MessagePage {
    const { before = Number.POSITIVE_INFINITY, limit = Number.POSITIVE_INFINITY } = bounds;
    const all = [...this.#messages.keys()]
      .map((messageId) => this.#stateOf(messageId, viewerId))
      .filter(({ seq }) => seq < before);
    const messages = limit < all.length ? all.slice(-limit) : all;
    return { messages, hasMore: messages.length < all.length, head: this.head };
  }

  #stateOf(messageId: string, viewerId: string): ChatMessage {
    const { created, editedAt, reactions } = this.#messages.get(messageId) as Kept;
    return {
      ...created,
      content: this.#contentOf(messageId),
      ...(editedAt === null ? {} : { editedAt }),
      ...(reactions.size === 0
        ? {}
        : {
            reactions: [...reactions].map(([emoji, people]) => ({
              emoji,
              count: people.size,
              mine: people.has(viewerId),
            })),
          }),
    };
  }

  #contentOf(messageId: string): string | null {
    const last = this.entries.findLast(
      (entry) =>
        (entry.type === 'message.created' || entry.type === 'message.edited') &&
        entry.messageId === messageId,
    );
    return last !== undefined && 'content' in last ? last.content : null;
  }

  #next(): Head {
    const seq = this.entries.length + 1;
    return { roomId: 'r1', seq, createdAt: new Date(1_700_000_000_000 + seq * 1000).toISOString() };
  }

  #append<Entry extends RoomEntry>(entry: Entry): Entry {
    this.entries.push(entry);
    return entry;
  }
}
