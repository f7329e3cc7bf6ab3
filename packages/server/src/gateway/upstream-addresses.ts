// The addresses behind a setting: what is written out is one, a DNS name is all that it has now, asked again and again.
import { isIP } from 'node:net';
import type { Logger } from '../telemetry/log.ts';

export type UpstreamTarget =
  | { readonly host: string; readonly port: number }
  | { readonly socketPath: string };

/** All addresses of a name; rejects when it has none. */
export type Lookup = (hostname: string) => Promise<readonly string[]>;

export type UpstreamAddressesOptions = {
  /** `http://host:port` and `unix:/path`, one or several with commas between. */
  readonly given: string;
  readonly lookup: Lookup;
  readonly resolveMs: number;
  /** Called with all of them, whenever a name has been looked up. */
  readonly onAddresses: (targets: readonly UpstreamTarget[]) => void;
  readonly log: Logger;
};

/** A name with more counts with so many; the log says so. */
export const MAX_ADDRESSES = 64;

type Name = {
  readonly target: { readonly host: string; readonly port: number };
  found: readonly string[];
  problem: string | null;
  timer: NodeJS.Timeout | undefined;
};

/**
 * States of a name: *asked* ⇄ *known*, one question at a time, the next `resolveMs` after an answer. A question that fails
 * leaves what was known: an address that can't be reached is found out soon enough, a name server that is away is no
 * reason to leave services that work.
 */
export class UpstreamAddresses {
  readonly #options: UpstreamAddressesOptions;
  readonly #fixed: readonly UpstreamTarget[];
  readonly #names: readonly Name[];
  #closed = false;

  constructor(options: UpstreamAddressesOptions) {
    this.#options = options;
    const targets = options.given.split(/\s*,\s*/).map(targetOf);
    this.#fixed = targets.filter((target) => !isName(target));
    this.#names = targets.filter(isName).map((target) => ({
      target,
      found: [],
      problem: null,
      timer: undefined,
    }));
  }

  /** Resolves when each name was looked up once, whatever came of it. */
  async open(): Promise<void> {
    this.#tell();
    await Promise.all(this.#names.map((name) => this.#resolve(name)));
  }

  close(): void {
    this.#closed = true;
    for (const { timer } of this.#names) clearTimeout(timer);
  }

  async #resolve(name: Name): Promise<void> {
    const { lookup, resolveMs } = this.#options;
    const { host } = name.target;
    try {
      const found = await lookup(host);
      if (this.#closed) return;
      if (found.length === 0) throw new Error('it has no address');
      // Sorted: a name server turns the order round with each answer.
      name.found = [...new Set(found)].sort().slice(0, MAX_ADDRESSES);
      this.#note(name, found.length > MAX_ADDRESSES ? `more than ${MAX_ADDRESSES} addresses` : null);
      this.#tell();
    } catch (error) {
      if (this.#closed) return;
      this.#note(name, error instanceof Error ? error.message : String(error));
    }
    name.timer = setTimeout(() => void this.#resolve(name), resolveMs);
    name.timer.unref();
  }

  /** A line when it begins and one when it is over. */
  #note(name: Name, problem: string | null): void {
    if (name.problem === problem) return;
    name.problem = problem;
    const facts = { name: name.target.host, addresses: name.found.length };
    if (problem === null) this.#options.log.info(facts, "an upstream's name is looked up again");
    else this.#options.log.warn({ ...facts, reason: problem }, "an upstream's name can't be looked up whole");
  }

  #tell(): void {
    const resolved = this.#names.flatMap(({ target, found }) =>
      found.map((host) => ({ host, port: target.port })),
    );
    this.#options.onAddresses([...this.#fixed, ...resolved]);
  }
}

/** As a setting says it, and as log and metrics do. */
export function nameOf(target: UpstreamTarget): string {
  if ('socketPath' in target) return `unix:${target.socketPath}`;
  return `http://${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
}

function targetOf(address: string): UpstreamTarget {
  if (address.startsWith('unix:')) return { socketPath: address.slice('unix:'.length) };
  const { hostname, port } = new URL(address);
  // A URL doesn't say the port that is its scheme's own.
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port || 80) };
}

function isName(target: UpstreamTarget): target is Name['target'] {
  return !('socketPath' in target) && isIP(target.host) === 0;
}
