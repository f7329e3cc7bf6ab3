// The public keys of one issuer, kept fresh: fetched at first need, at most once an interval, the last good ones kept.
import { setTimeout as delay } from 'node:timers/promises';
import { MaruError } from '@maru/contract';
import { createLocalJWKSet, errors, type JSONWebKeySet, type JWTVerifyGetKey, type LocalJWKSet } from 'jose';

/** An issuer's key set is a few KiB; more than this is no key set. */
const MAX_KEY_SET_OCTETS = 256 * 1024;
/** Tokens that may wait for one fetch; one more is refused at once, so a flood of made-up key ids holds no memory. */
const MAX_WAITING = 1000;

export type IssuerKeysOptions = {
  readonly url: string;
  /** Time from the start of one fetch to the start of the next, whatever asks for it. */
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Keys older than this are fetched again in the background, so that a withdrawn key goes away. */
  readonly maxAgeMs: number;
};

/**
 * Guarantees: a token whose key is known never waits for the network; at most one fetch starts per interval; a token
 * with a key id not known yet waits for the next fetch instead of being refused, so a rotation refuses no good token;
 * while the issuer cannot be reached the last good keys stay.
 */
export class IssuerKeys {
  readonly #options: IssuerKeysOptions;
  #keys: LocalJWKSet | undefined;
  #fetchedAt = Number.NEGATIVE_INFINITY;
  #startedAt = Number.NEGATIVE_INFINITY;
  #next: Promise<LocalJWKSet> | undefined;
  #waiting = 0;

  constructor(options: IssuerKeysOptions) {
    this.#options = options;
  }

  /** The key for a token's header. Only `alg` and `kid` are looked at: `jku`, `x5u`, `jwk`, `x5c` name nothing here. */
  readonly find: JWTVerifyGetKey = async ({ alg, kid }) => {
    const header = { ...(alg === undefined ? {} : { alg }), ...(kid === undefined ? {} : { kid }) };
    const known = this.#keys;
    if (known === undefined) return (await this.#wait())(header);
    if (performance.now() - this.#fetchedAt > this.#options.maxAgeMs) this.#refresh().catch(() => undefined);
    try {
      return await known(header);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      const fresh = await this.#wait().catch(() => {
        throw error;
      });
      return fresh(header);
    }
  };

  async #wait(): Promise<LocalJWKSet> {
    if (this.#waiting >= MAX_WAITING) throw unavailable(new Error('too many tokens wait for the keys'));
    this.#waiting += 1;
    try {
      return await this.#refresh();
    } finally {
      this.#waiting -= 1;
    }
  }

  #refresh(): Promise<LocalJWKSet> {
    this.#next ??= this.#fetch().finally(() => {
      this.#next = undefined;
    });
    return this.#next;
  }

  async #fetch(): Promise<LocalJWKSet> {
    const pause = this.#startedAt + this.#options.intervalMs - performance.now();
    if (pause > 0) await delay(pause, undefined, { ref: false });
    this.#startedAt = performance.now();
    try {
      const keys = await fetchKeySet(this.#options.url, this.#options.timeoutMs);
      this.#keys = keys;
      this.#fetchedAt = performance.now();
      return keys;
    } catch (cause) {
      throw unavailable(cause);
    }
  }
}

async function fetchKeySet(url: string, timeoutMs: number): Promise<LocalJWKSet> {
  const response = await fetch(url, {
    headers: { accept: 'application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  });
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel();
    throw new Error(`the key set answered ${response.status}`);
  }
  const chunks: Uint8Array[] = [];
  let octets = 0;
  for await (const chunk of response.body) {
    octets += chunk.length;
    if (octets > MAX_KEY_SET_OCTETS) throw new Error('the key set is too large');
    chunks.push(chunk);
  }
  const set = JSON.parse(Buffer.concat(chunks).toString('utf8')) as JSONWebKeySet;
  const keys = createLocalJWKSet(set);
  // An empty set is a broken issuer, not one that withdrew every key.
  if (set.keys.length === 0) throw new Error('the key set is empty');
  return keys;
}

function unavailable(cause: unknown): MaruError {
  return new MaruError('upstream-unavailable', {
    message: "The token issuer's keys cannot be reached",
    cause,
  });
}
