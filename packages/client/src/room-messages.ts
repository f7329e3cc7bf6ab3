// The messages of a room in their current state, made of pages of history and the entries of its log.
import type { ChatMessage, RoomEntry } from '@maru/contract';

/** `asOf`: the seq up to which the log is in it. */
type Known = { readonly message: ChatMessage; readonly asOf: number };
type AboutMessage = Exclude<RoomEntry, { type: `member.${string}` | `room.${string}` }>;

/** A page of history that is on its way. */
export type AwaitedPage = {
  /** @returns the messages that weren't known yet, ascending, in the state that the log has by now. */
  add(messages: readonly ChatMessage[], asOf: number): readonly ChatMessage[];
  /** It won't come. */
  cancel(): void;
};

/**
 * Pages and entries overlap: a page is read while entries are on their way, so it may have in it what comes live later, and
 * may come later than what it hasn't in it yet. Each message therefore knows as of which seq it is, and an entry counts
 * for it once.
 * Bound: the messages that were given; entries about others are kept only while a page is awaited.
 */
export class RoomMessages {
  readonly #viewerId: string;
  readonly #known = new Map<string, Known>();
  readonly #awaited = new Set<AwaitedPage>();
  /** Came while a page was awaited, about messages that may be on it. */
  #early: AboutMessage[] = [];

  /** @param viewerId whose reactions are `mine`. */
  constructor(viewerId: string) {
    this.#viewerId = viewerId;
  }

  get(messageId: string): ChatMessage | undefined {
    return this.#known.get(messageId)?.message;
  }

  /**
   * Takes what `RoomHandlers.onEntry` gives.
   * @returns the message that it made or changed; `null` if it did neither.
   */
  apply(entry: RoomEntry | ChatMessage, asOf: number = entry.seq): ChatMessage | null {
    if (!isAboutMessage(entry)) return null;
    const known = this.#known.get(entry.messageId);
    if (known !== undefined && asOf <= known.asOf) return null;
    if (entry.type === 'message.created') {
      this.#known.set(entry.messageId, { message: entry, asOf });
      return entry;
    }
    if (known === undefined) {
      if (this.#awaited.size > 0) this.#early.push(entry);
      return null;
    }
    const message = applyEntry(known.message, entry, this.#viewerId);
    this.#known.set(entry.messageId, { message, asOf });
    return message === known.message ? null : message;
  }

  /** To be called before an earlier page is asked for. */
  awaitPage(): AwaitedPage {
    const page: AwaitedPage = {
      add: (messages, asOf) => {
        const fresh = messages.filter(({ messageId }) => !this.#known.has(messageId));
        for (const message of fresh) this.apply(message, asOf);
        // As of the page or before: left out by the rule of `apply`.
        for (const entry of this.#early) this.apply(entry);
        page.cancel();
        return fresh.map((message) => this.get(message.messageId) ?? message);
      },
      cancel: () => {
        this.#awaited.delete(page);
        if (this.#awaited.size === 0) this.#early = [];
      },
    };
    this.#awaited.add(page);
    return page;
  }

  /** The log was replaced. */
  clear(): void {
    this.#known.clear();
    this.#awaited.clear();
    this.#early = [];
  }
}

/** What one entry of the log makes of a message that was as of the entry before. The same object if it changes nothing. */
export function applyEntry(message: ChatMessage, entry: RoomEntry, viewerId: string): ChatMessage {
  // Of what is deleted nothing comes back, though the log has kept what happened to it before.
  if (!isAboutMessage(entry) || entry.messageId !== message.messageId || message.content === null) {
    return message;
  }
  switch (entry.type) {
    case 'message.created':
      return message;
    case 'message.edited':
      // The log has lost the content of what was deleted later.
      if (entry.content === null) return deleted(message);
      return { ...message, content: entry.content, editedAt: entry.createdAt };
    case 'message.deleted':
      return deleted(message);
    case 'reaction.added':
    case 'reaction.removed':
      return withReactions(message, reactionsAfter(message, entry, entry.userId === viewerId));
  }
}

type Reactions = NonNullable<ChatMessage['reactions']>;

function reactionsAfter(
  { reactions = [] }: ChatMessage,
  { type, emoji }: { type: 'reaction.added' | 'reaction.removed'; emoji: string },
  isMine: boolean,
): Reactions {
  const isAdded = type === 'reaction.added';
  if (isAdded && !reactions.some((reaction) => reaction.emoji === emoji)) {
    return [...reactions, { emoji, count: 1, mine: isMine }];
  }
  return reactions
    .map((reaction) =>
      reaction.emoji === emoji
        ? {
            emoji,
            count: reaction.count + (isAdded ? 1 : -1),
            mine: isMine ? isAdded : reaction.mine,
          }
        : reaction,
    )
    .filter(({ count }) => count > 0);
}

/** History has the field only where there are some. */
function withReactions(message: ChatMessage, reactions: Reactions): ChatMessage {
  const { reactions: _, ...rest } = message;
  return reactions.length === 0 ? rest : { ...rest, reactions };
}

function deleted(message: ChatMessage): ChatMessage {
  const { reactions: _, editedAt: __, ...rest } = message;
  return { ...rest, content: null, deleted: true };
}

function isAboutMessage(entry: RoomEntry | ChatMessage): entry is AboutMessage {
  return 'messageId' in entry;
}
