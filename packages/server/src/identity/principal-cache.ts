// Principals of tokens verified before, each until its token ends; bounded, the least recently used goes first.
import type { Principal } from './principal.ts';

export class PrincipalCache {
  readonly #limit: number;
  /** A Map keeps the order of insertion; an entry is inserted anew when used, so the first is the least recent. */
  readonly #entries = new Map<string, { readonly principal: Principal; readonly until: number }>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  find(key: string, now: number): Principal | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    this.#entries.delete(key);
    if (now >= entry.until) return undefined;
    this.#entries.set(key, entry);
    return entry.principal;
  }

  /** Keeps a principal while `now < until`, in milliseconds since the epoch. */
  keep(key: string, principal: Principal, until: number): void {
    if (this.#limit === 0) return;
    this.#entries.delete(key);
    for (const oldest of this.#entries.keys()) {
      if (this.#entries.size < this.#limit) break;
      this.#entries.delete(oldest);
    }
    this.#entries.set(key, { principal, until });
  }
}
