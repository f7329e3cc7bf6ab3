// How often each client address did something within a window of time; bounded in addresses.
import { isIP } from 'node:net';

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

/** One customer of an IPv6 network has a /64 to choose addresses from: it counts as one. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6 || address.includes('%')) return address;
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(canonical);
  if (mapped !== null) {
    const octets = [mapped[1], mapped[2]].flatMap((group) => {
      const value = Number.parseInt(group ?? '0', 16);
      return [value >> 8, value & 255];
    });
    return octets.join('.');
  }
  const [left = '', right] = canonical.split('::');
  const groups = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const zeros = right === undefined ? [] : Array.from({ length: 8 - groups.length - tail.length }, () => '0');
  return `${[...groups, ...zeros, ...tail].slice(0, 4).join(':')}::/64`;
}
