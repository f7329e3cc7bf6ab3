// A person's account: sign-up, sign-in, sign-out, and the short-lived access tokens made from the session token.
import { ClientError } from './client-error.ts';
import { requestJson } from './request.ts';

export type AccountUser = { readonly id: string; readonly name: string; readonly email: string };

/** Where the session token outlives a reload. */
export interface SessionTokenStorage {
  read(): string | null;
  /** `null` removes it. */
  write(token: string | null): void;
}

/** Where requests and connections get their access token. */
export interface TokenSource {
  /** Rejects with `sign-in-needed` when nobody is signed in any more; with `network` when that could not be learned. */
  accessToken(): Promise<string>;
  /** For how long the token that was given last should go on being used, in ms; `Infinity`: that isn't known. */
  freshForMs(): number;
  /** The last token was refused: the next call fetches another. */
  dropAccessToken(): void;
}

type CachedToken = { readonly token: string; readonly lifetime: number; readonly freshUntil: number };
type SignInAnswer = { readonly token: string; readonly user: AccountUser };

/** A token is replaced this long before its end, so that none ends on the way. */
const RENEW_BEFORE_END_MS = 60_000;

export class Account implements TokenSource {
  readonly #authUrl: string;
  readonly #storage: SessionTokenStorage;
  readonly #now: () => number;
  #cached: CachedToken | null = null;
  #inFlight: Promise<string> | null = null;

  constructor(options: { gatewayUrl: string; storage: SessionTokenStorage; now?: () => number }) {
    this.#authUrl = new URL('/auth', options.gatewayUrl).href;
    this.#storage = options.storage;
    this.#now = options.now ?? Date.now;
  }

  get signedIn(): boolean {
    return this.#storage.read() !== null;
  }

  async signUp(person: { name: string; email: string; password: string }): Promise<AccountUser> {
    return this.#enter('/sign-up/email', person);
  }

  async signIn(credentials: { email: string; password: string }): Promise<AccountUser> {
    return this.#enter('/sign-in/email', credentials);
  }

  /** Signed out here at once, whether or not the server can be told. */
  async signOut(): Promise<void> {
    const token = this.#storage.read();
    this.#forget();
    if (token === null) return;
    await requestJson(`${this.#authUrl}/sign-out`, { method: 'POST', token, body: {} }).catch(
      () => undefined,
    );
  }

  async accessToken(): Promise<string> {
    if (this.#cached !== null && this.#now() < this.#cached.freshUntil) return this.#cached.token;
    // Single flight: a page that reconnects while it loads asks once.
    this.#inFlight ??= this.#fetchAccessToken().finally(() => {
      this.#inFlight = null;
    });
    return this.#inFlight;
  }

  freshForMs(): number {
    // Zero is the life of a token that can't be read.
    if (this.#cached === null || this.#cached.lifetime === 0) return Number.POSITIVE_INFINITY;
    return Math.max(0, this.#cached.freshUntil - this.#now());
  }

  dropAccessToken(): void {
    this.#cached = null;
  }

  async #enter(path: string, body: unknown): Promise<AccountUser> {
    const answer = await requestJson<SignInAnswer>(this.#authUrl + path, { method: 'POST', body });
    this.#cached = null;
    this.#storage.write(answer.token);
    return answer.user;
  }

  async #fetchAccessToken(): Promise<string> {
    const sessionToken = this.#storage.read();
    if (sessionToken === null) throw new ClientError('sign-in-needed', 'Nobody is signed in');
    try {
      const { token } = await requestJson<{ token: string }>(`${this.#authUrl}/token`, {
        token: sessionToken,
      });
      // Signed out, or in as somebody else, while the answer was on its way: it is no longer theirs to use.
      if (this.#storage.read() !== sessionToken) {
        throw new ClientError('sign-in-needed', 'The account changed meanwhile');
      }
      const lifetime = lifetimeOf(token, this.#now());
      this.#cached = { token, lifetime, freshUntil: this.#now() + lifetime };
      return token;
    } catch (error) {
      if (!(error instanceof ClientError) || error.status !== 401) throw error;
      if (this.#storage.read() === sessionToken) this.#forget();
      throw new ClientError('sign-in-needed', 'The session has ended', { status: 401, cause: error });
    }
  }

  #forget(): void {
    this.#cached = null;
    this.#storage.write(null);
  }
}

/**
 * How long from now the token may be used. Counted from `iat`, not against this machine's clock, which may be wrong.
 * A token that can't be read is used once and not kept.
 */
function lifetimeOf(token: string, now: number): number {
  try {
    const payload = token.split('.')[1] ?? '';
    const claims: unknown = JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/')));
    const { exp, iat } = claims as { exp?: number; iat?: number };
    if (typeof exp !== 'number') return 0;
    const lifetime = (exp - (iat ?? now / 1000)) * 1000;
    return lifetime - Math.min(RENEW_BEFORE_END_MS, lifetime / 4);
  } catch {
    return 0;
  }
}
