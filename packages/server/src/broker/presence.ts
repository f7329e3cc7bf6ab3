// Who listens to a room now: people, however many subscriptions each has, here or at other services.

/** Bound: the people who subscribe. */
export class Presence {
  readonly #subscriptions = new Map<string, number>();

  /** People. */
  get size(): number {
    return this.#subscriptions.size;
  }

  /** @returns whether it is their first. */
  begin(userId: string): boolean {
    const before = this.#subscriptions.get(userId) ?? 0;
    this.#subscriptions.set(userId, before + 1);
    return before === 0;
  }

  /** @returns whether it was their last. */
  end(userId: string): boolean {
    const left = (this.#subscriptions.get(userId) ?? 0) - 1;
    if (left > 0) this.#subscriptions.set(userId, left);
    else this.#subscriptions.delete(userId);
    return left === 0;
  }

  /** Those who have been here longest, `limit` at most. */
  list(limit: number): string[] {
    const userIds: string[] = [];
    for (const userId of this.#subscriptions.keys()) {
      if (userIds.length === limit) break;
      userIds.push(userId);
    }
    return userIds;
  }
}
