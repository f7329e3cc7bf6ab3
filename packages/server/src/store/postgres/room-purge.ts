// Deleted rooms leave the database in slices, by whichever program gets to it.
import type { ConnectionPool, Link } from './connection.ts';

export type RoomPurgeOptions = {
  readonly now: () => number;
  readonly purgeAfterMs: number;
  readonly onFailure: (error: Error) => void;
};

/** Rows in one transaction. */
const SLICE = 1_000;
/** Looked for so many times in the time a room is kept. */
const LOOKS = 4;

/** The tables of a room beside its own row, entries first: what a slice finds there is what is left to do. */
const TABLES = ['entries', 'mentions', 'reactions', 'members'] as const;

export class RoomPurge {
  readonly #pool: ConnectionPool;
  readonly #options: RoomPurgeOptions;
  readonly #timer: NodeJS.Timeout;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(pool: ConnectionPool, options: RoomPurgeOptions) {
    this.#pool = pool;
    this.#options = options;
    this.#timer = setInterval(() => this.#look(), Math.max(options.purgeAfterMs / LOOKS, 50));
    this.#timer.unref();
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    await this.#running;
  }

  #look(): void {
    this.#running ??= this.#purge()
      .catch((error: unknown) =>
        this.#options.onFailure(error instanceof Error ? error : new Error(String(error))),
      )
      .finally(() => {
        this.#running = undefined;
      });
  }

  async #purge(): Promise<void> {
    while (!this.#closed && (await this.#pool.with((link) => this.#slice(link)))) {
      // Another slice.
    }
  }

  /** @returns whether there may be more. */
  async #slice(link: Link): Promise<boolean> {
    const due = this.#options.now() - this.#options.purgeAfterMs;
    const [, found] = await link.send([
      { sql: 'BEGIN', values: [] },
      // Skipped when another program is at it.
      { sql: FIND_ROOM, values: [due] },
    ]);
    const room = found?.rows[0] as { readonly room_key: number } | undefined;
    let deleted = 0;
    for (const table of room === undefined ? [] : TABLES) {
      const [ran] = await link.send([{ sql: deleteFrom(table), values: [room?.room_key ?? null, SLICE] }]);
      deleted += ran?.changes ?? 0;
      if (deleted > 0) break;
    }
    if (room !== undefined && deleted === 0) {
      await link.send([{ sql: 'DELETE FROM rooms WHERE room_key = $1', values: [room.room_key] }]);
    }
    await link.send([{ sql: 'COMMIT', values: [] }]);
    return room !== undefined;
  }
}

const FIND_ROOM = `SELECT room_key FROM rooms WHERE deleted_at IS NOT NULL AND deleted_at <= $1
  ORDER BY deleted_at LIMIT 1 FOR UPDATE SKIP LOCKED`;

function deleteFrom(table: (typeof TABLES)[number]): string {
  return `DELETE FROM ${table} WHERE room_key = $1 AND ctid = ANY (ARRAY(
    SELECT ctid FROM ${table} WHERE room_key = $1 LIMIT $2))`;
}
