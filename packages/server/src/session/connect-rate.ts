// How fast each address may open WebSockets: a token bucket for each, and no more of them than fit.
import { networkOf } from '../http/client-address.ts';

export type ConnectRateOptions = {
  readonly perSecond: number;
  /** One more, and the address that has been quiet for longest is forgotten: its bucket counts as full again. */
  readonly maxAddresses?: number;
};

/** A bucket holds so many seconds' worth: a restart, or a whole office behind one address, comes at once. */
const BURST_SECONDS = 2;
const MAX_ADDRESSES = 10_000;

/**
 * States of an address: *full* (not remembered) → *draining* (an upgrade took a token) → *empty* (upgrades are refused)
 * → *draining* → … A token comes back every 1/perSecond second. Bounds: 2 × perSecond upgrades at once, then perSecond a
 * second; `maxAddresses` buckets, the longest unused one goes first.
 */
export class ConnectRate {
  readonly #perMs: number;
  readonly #capacity: number;
  readonly #maxAddresses: number;
  /** In the order of their last use. */
  readonly #buckets = new Map<string, { tokens: number; at: number }>();

  constructor({ perSecond, maxAddresses = MAX_ADDRESSES }: ConnectRateOptions) {
    this.#perMs = perSecond / 1000;
    this.#capacity = BURST_SECONDS * perSecond;
    this.#maxAddresses = maxAddresses;
  }

  /** Addresses remembered. */
  get size(): number {
    return this.#buckets.size;
  }

  /**
   * Takes a token; false when there is none. An IPv6 /64 is one address.
   * @param now milliseconds of a clock that never goes back
   */
  take(address: string, now: number): boolean {
    const network = networkOf(address);
    const known = this.#buckets.get(network);
    const tokens =
      known === undefined
        ? this.#capacity
        : Math.min(this.#capacity, known.tokens + (now - known.at) * this.#perMs);
    this.#buckets.delete(network);
    for (const oldest of this.#buckets.keys()) {
      if (this.#buckets.size < this.#maxAddresses) break;
      this.#buckets.delete(oldest);
    }
    const taken = tokens >= 1;
    this.#buckets.set(network, { tokens: taken ? tokens - 1 : tokens, at: now });
    return taken;
  }
}
