// How often each client address did something within a window of time; bounded in addresses.
import { networkOf } from '../http/client-address.ts';

export type AttemptCounterOptions = {
  readonly limit: number;
  readonly windowMs: number;
  /** One address more, and the one that began its window first is forgotten. */
  readonly maxAddresses: number;
  readonly now: () => number;
};

export class AttemptCounter {
  readonly #options: AttemptCounterOptions;
  readonly #windows = new Map<string, { count: number; readonly endsAt: number }>();

  constructor(options: AttemptCounterOptions) {
    this.#options = options;
  }

  /** 0 while the address has attempts left, else the milliseconds until it has some again. */
  waitOf(address: string): number {
    const { limit, now } = this.#options;
    const window = this.#windows.get(networkOf(address));
    return window === undefined || window.count < limit ? 0 : Math.max(0, window.endsAt - now());
  }

  count(address: string): void {
    const { windowMs, maxAddresses, now } = this.#options;
    const at = now();
    const network = networkOf(address);
    const window = this.#windows.get(network);
    if (window !== undefined && at < window.endsAt) {
      window.count += 1;
      return;
    }
    this.#windows.delete(network);
    for (const oldest of this.#windows.keys()) {
      if (this.#windows.size < maxAddresses) break;
      this.#windows.delete(oldest);
    }
    this.#windows.set(network, { count: 1, endsAt: at + windowMs });
  }
}
