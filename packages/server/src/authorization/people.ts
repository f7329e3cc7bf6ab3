// People at first sight: whoever proved who they are is entered in the store before anything is stored in their name.
import type { Principal } from '../identity/principal.ts';
import type { Store } from '../store/store.ts';

/**
 * Verified people, entered once each: a storm of reconnects costs no writes. Bounded: past `limit` the one entered
 * longest ago is forgotten, and is entered again (idempotent) when next seen.
 */
export class People {
  readonly #store: Store;
  readonly #limit: number;
  /** userId → the name it was entered under. */
  readonly #entered = new Map<string, string>();

  constructor(store: Store, limit = 50_000) {
    this.#store = store;
    this.#limit = limit;
  }

  async enter(principal: Principal): Promise<void> {
    const { userId, name, issuer, subject } = principal;
    if (this.#entered.get(userId) === name) return;
    await this.#store.enterUser({ userId, name, issuer, subject });
    this.#entered.delete(userId);
    this.#entered.set(userId, name);
    if (this.#entered.size <= this.#limit) return;
    for (const oldest of this.#entered.keys()) {
      this.#entered.delete(oldest);
      break;
    }
  }
}
