// Who is a member of which room, as far as somebody asked lately: what is asked at every keystroke costs no read of the database.
import type { Committed, Store } from '../store/store.ts';

/**
 * Memberships found, none that was not. Kept true by the rooms' own logs: `follow` forgets what ends. What is to be certain
 * is checked by the store in the transaction of the write. Bound: past `limit` the one asked for first is forgotten.
 */
export class Members {
  readonly #store: Pick<Store, 'findStanding'>;
  readonly #limit: number;
  readonly #found = new Map<string, Set<string>>();
  #size = 0;
  /** Memberships that have ended so far: an answer that was under way meanwhile may be older. */
  #ended = 0;

  constructor(store: Pick<Store, 'findStanding'>, limit = 50_000) {
    this.#store = store;
    this.#limit = limit;
  }

  /** Errors: those of the store. */
  async isMember(roomId: string, userId: string): Promise<boolean> {
    if (this.#found.get(roomId)?.has(userId) === true) return true;
    const ended = this.#ended;
    const standing = await this.#store.findStanding(roomId, userId);
    if (standing === null || standing.role === null) return false;
    if (this.#ended === ended) this.#keep(roomId, userId);
    return true;
  }

  /** Entries just committed, in commit order. */
  follow(entries: readonly Committed[]): void {
    for (const { entry } of entries) {
      if (entry.type !== 'member.left' && entry.type !== 'room.deleted') continue;
      this.#ended += 1;
      if (entry.type === 'member.left') this.#forget(entry.roomId, entry.userId);
      else this.#forgetRoom(entry.roomId);
    }
  }

  #keep(roomId: string, userId: string): void {
    let members = this.#found.get(roomId);
    if (members?.has(userId) === true) return;
    if (members === undefined) {
      members = new Set();
      this.#found.set(roomId, members);
    }
    members.add(userId);
    this.#size += 1;
    if (this.#size <= this.#limit) return;
    const [oldest] = this.#found;
    const [first] = oldest?.[1] ?? [];
    if (oldest !== undefined && first !== undefined) this.#forget(oldest[0], first);
  }

  #forget(roomId: string, userId: string): void {
    const members = this.#found.get(roomId);
    if (members?.delete(userId) !== true) return;
    this.#size -= 1;
    if (members.size === 0) this.#found.delete(roomId);
  }

  #forgetRoom(roomId: string): void {
    this.#size -= this.#found.get(roomId)?.size ?? 0;
    this.#found.delete(roomId);
  }
}
