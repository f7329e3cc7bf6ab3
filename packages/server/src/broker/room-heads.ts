// Finds what the bus lost without anything coming after it: the heads of rooms here, compared with those in the store.
import type { Store } from '../store/store.ts';
import type { RoomChannel } from './room-channel.ts';

export type RoomHeadsOptions = {
  readonly store: Pick<Store, 'listHeads'>;
  /** All with subscribers here. */
  readonly rooms: ReadonlyMap<string, Pick<RoomChannel, 'reach'>>;
  readonly everyMs: number;
  /** The store can't be read: the next round tries again. */
  readonly onFailure: (error: unknown) => void;
};

/** Rooms of one statement, and of one round: of more the rest is compared in the next rounds. */
const BATCH = 2_000;
const ROUND = 20_000;

/**
 * A round begins `everyMs` after the last one ended; each compares up to `ROUND` rooms, going on where the last one ended.
 * So an entry is missing for no longer than `everyMs` × ⌈rooms / ROUND⌉ and the time of the statements.
 */
export class RoomHeads {
  readonly #options: RoomHeadsOptions;
  #timer: NodeJS.Timeout | undefined;
  #rest: string[] = [];
  #closed = false;

  constructor(options: RoomHeadsOptions) {
    this.#options = options;
    this.#schedule();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      this.#compareRound()
        .catch((error: unknown) => this.#options.onFailure(error))
        .finally(() => this.#schedule());
    }, this.#options.everyMs);
    this.#timer.unref();
  }

  async #compareRound(): Promise<void> {
    if (this.#rest.length === 0) this.#rest = [...this.#options.rooms.keys()];
    const round = this.#rest.splice(0, ROUND);
    for (let start = 0; start < round.length && !this.#closed; start += BATCH) {
      const heads = await this.#options.store.listHeads(round.slice(start, start + BATCH));
      await Promise.all(
        heads.map(({ roomId, head, epoch }) => this.#options.rooms.get(roomId)?.reach(head, epoch)),
      );
    }
  }
}
