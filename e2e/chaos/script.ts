// What one person does about messages, step by step: the log has exactly these entries of them, in this order.
import type { RoomEntry } from '@maru/contract';
import { type Place, Places } from './places.ts';

export type Change =
  | { readonly type: 'message.edited'; readonly messageId: string; readonly content: string }
  | { readonly type: 'message.deleted'; readonly messageId: string }
  | {
      readonly type: 'reaction.added' | 'reaction.removed';
      readonly messageId: string;
      readonly emoji: string;
    };

export type ChangeEntry = Extract<RoomEntry, { type: Change['type'] }>;

export function isChange(entry: RoomEntry): entry is ChangeEntry {
  return (
    entry.type === 'message.edited' ||
    entry.type === 'message.deleted' ||
    entry.type === 'reaction.added' ||
    entry.type === 'reaction.removed'
  );
}

export class Script {
  readonly places: Places;
  readonly #breach: (what: string) => void;
  /** Asked for and not found in the log yet. */
  readonly #asked: Change[] = [];
  #sent = 0;
  #landed = 0;

  constructor(breach: (what: string) => void) {
    this.#breach = (what) => breach(`changes: ${what}`);
    this.places = new Places(this.#breach);
  }

  /** @returns its number, for the RECEIPT */
  ask(change: Change): number {
    this.#asked.push(change);
    this.#sent += 1;
    return this.#sent - 1;
  }

  land(entry: ChangeEntry, place: Place): void {
    const change = this.#asked.shift();
    if (change === undefined || !isAskedFor(entry, change)) {
      this.#breach(`seq ${entry.seq} has ${JSON.stringify(entry)}, asked for was ${JSON.stringify(change)}`);
    }
    this.places.landed(this.#landed, place);
    this.#landed += 1;
  }

  expectSettled(): void {
    if (this.#landed !== this.#sent)
      this.#breach(`of ${this.#sent} asked for, ${this.#landed} are in the log`);
    this.places.expectSettled();
  }
}

function isAskedFor(entry: ChangeEntry, change: Change): boolean {
  if (entry.type !== change.type || entry.messageId !== change.messageId) return false;
  if (entry.type === 'message.edited' && change.type === 'message.edited') {
    return entry.content === change.content || (entry.deleted === true && entry.content === null);
  }
  return !('emoji' in entry && 'emoji' in change) || entry.emoji === change.emoji;
}
