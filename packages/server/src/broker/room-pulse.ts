// The changes of one room as its watchers' lists show them: the first at once, then at most one an interval.
import type { MessageCreated, RoomListEvent } from '@maru/contract';

type Change = 'joined' | 'left';

export type RoomPulseOptions = {
  readonly roomId: string;
  readonly intervalMs: number;
  readonly tell: (userId: string, event: RoomListEvent) => void;
  /** A room that was joined is read first: what is told has its name and all. */
  readonly tellJoined: (userId: string) => void;
  /** Told of leaving: not a watcher any more. */
  readonly onLeft: (userId: string) => void;
};

/**
 * States: *quiet* → *beating* (something was told; the timer runs, changes gather) → *quiet* when an interval brought
 * nothing. Of changes that gather the last one counts: of messages the newest, of a person's coming and going the outcome.
 */
export class RoomPulse {
  readonly watchers = new Set<string>();
  readonly #options: RoomPulseOptions;
  readonly #changes = new Map<string, Change>();
  #message: MessageCreated | null = null;
  #timer: NodeJS.Timeout | null = null;

  constructor(options: RoomPulseOptions) {
    this.#options = options;
  }

  say(message: MessageCreated): void {
    this.#message = message;
    if (this.#timer === null) this.#beat();
  }

  note(userId: string, change: Change): void {
    this.#changes.set(userId, change);
    if (this.#timer === null) this.#beat();
  }

  stop(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #beat(): void {
    const { roomId, intervalMs, tell, tellJoined, onLeft } = this.#options;
    this.#timer = null;
    const message = this.#message;
    const changes = [...this.#changes];
    if (message === null && changes.length === 0) return;
    this.#message = null;
    this.#changes.clear();
    this.#timer = setTimeout(() => this.#beat(), intervalMs);
    this.#timer.unref();
    for (const [userId, change] of changes) {
      if (change === 'joined') tellJoined(userId);
      else {
        tell(userId, { type: 'room.removed', roomId });
        onLeft(userId);
      }
    }
    if (message === null) return;
    const joined = new Set(changes.map(([userId]) => userId));
    const event = { type: 'room.updated', roomId, head: message.seq, lastMessage: message } as const;
    for (const userId of this.watchers) if (!joined.has(userId)) tell(userId, event);
  }
}
