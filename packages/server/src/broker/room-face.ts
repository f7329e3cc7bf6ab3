// What lists of rooms show of one room, the same to all its watchers: made from its entries as they are heard.
import type { ChatMessage, Room, RoomEntry } from '@maru/contract';

/** Entries of which it is known how many messages there were; past it the older half is forgotten. */
const STEPS = 256;

/**
 * States: *blank* → *read* (begun at the head of a room that was read; the log may be ahead) → *heard* (its next entry came:
 * it is at the head, and moves with it); a hole in what is heard begins anew, and all that was counted before is void.
 * Messages are counted from where it began: only differences mean anything. Bound: one message and 256 numbers.
 */
export class RoomFace {
  /** `null`: not known yet. */
  name: string | null = null;
  /** In its current state; `null`: the room has none; `undefined`: not known yet. */
  lastMessage: ChatMessage | null | undefined = undefined;
  /** seq of the newest `message.deleted`; 0: none was heard. */
  deletedAt = 0;
  #isHeard = false;
  /** From here on all entries were heard; 0: blank. */
  #begunAt = 0;
  /** Messages created up to the entry at `#stepsFrom`, and to each that follows, up to the head. */
  #steps: number[] = [0];
  #stepsFrom = 0;

  /** All that is shown is known, and nothing came since. */
  get isCurrent(): boolean {
    return this.#isHeard && this.name !== null && this.lastMessage !== undefined;
  }

  /** seq of the newest entry; 0: blank. */
  get head(): number {
    return this.#stepsFrom + this.#steps.length - 1;
  }

  /** Messages created up to the head. */
  get created(): number {
    return this.#steps.at(-1) ?? 0;
  }

  /** Messages created up to an entry. `undefined`: not known any more, or not yet. */
  createdAt(seq: number): number | undefined {
    return this.#steps[seq - this.#stepsFrom];
  }

  /** @returns whether what was counted before still holds: the entry is the next one, or was known already. */
  hear(entry: RoomEntry): boolean {
    if (this.#begunAt > 0 && entry.seq <= this.head) return true;
    const isNext = this.#begunAt > 0 && entry.seq === this.head + 1;
    if (isNext) this.#step(entry.type === 'message.created' ? 1 : 0);
    else this.#begin(entry.seq);
    this.#isHeard = true;
    this.#show(entry);
    return isNext;
  }

  /** The room as it was read. What was heard since counts more. */
  learn({ head, name, lastMessage }: Room): void {
    if (this.#begunAt === 0) this.#begin(head);
    // What was read before all was heard may have changed between.
    if (head < this.#begunAt) return;
    this.name ??= name;
    if (head === this.head && this.lastMessage === undefined) this.lastMessage = lastMessage;
  }

  /** Nothing has come for a while: nobody asks any more how it came about. */
  rest(): void {
    this.#stepsFrom = this.head;
    this.#steps = [this.created];
  }

  #begin(seq: number): void {
    this.name = null;
    this.lastMessage = undefined;
    this.#begunAt = seq;
    this.#steps = [0];
    this.#stepsFrom = seq;
  }

  #step(messages: 0 | 1): void {
    this.#steps.push(this.created + messages);
    if (this.#steps.length <= STEPS) return;
    this.#steps = this.#steps.slice(STEPS / 2);
    this.#stepsFrom += STEPS / 2;
  }

  #show(entry: RoomEntry): void {
    const last = this.lastMessage;
    switch (entry.type) {
      case 'message.created':
        this.lastMessage = entry;
        break;
      case 'message.edited':
        if (last?.messageId !== entry.messageId) break;
        this.lastMessage = { ...last, content: entry.content, editedAt: entry.createdAt };
        break;
      case 'message.deleted':
        this.deletedAt = entry.seq;
        if (last?.messageId === entry.messageId) this.lastMessage = deletedOf(last);
        break;
      case 'room.updated':
        this.name = entry.name;
        break;
    }
  }
}

/** As the store has it then. */
function deletedOf({ editedAt, mentions, ...message }: ChatMessage): ChatMessage {
  return { ...message, content: null, deleted: true };
}
