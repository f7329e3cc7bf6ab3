// One connection at a time, made again whenever it is lost, until a new sign-in is needed or it is closed for good.
import type { TokenSource } from './account.ts';
import { Backoff, type BackoffOptions } from './backoff.ts';
import { ClientError, type ClientErrorCode, knownCode } from './client-error.ts';
import { type ConnectionEvent, type ConnectionStatus, nextState } from './connection-state.ts';
import { callListener } from './listener.ts';
import { type ConnectionEnd, retryOf, StompConnection } from './stomp-connection.ts';
import { TokenRenewal } from './token-renewal.ts';

export type KeptConnectionEvents = {
  /** Connected. */
  readonly onOpen: (connection: StompConnection) => void;
  /** The server gave up on a frame that it could not even name. */
  readonly onUnreadable: (error: { readonly code: string; readonly message: string }) => void;
  /** What was begun over the connection will not be answered any more. */
  readonly onGone: () => void;
  /** A new sign-in is needed before there is another. */
  readonly onRefused: () => void;
};

/** Its states are in connection-state.ts. */
export class KeptConnection {
  readonly #url: string;
  readonly #tokens: TokenSource;
  readonly #events: KeptConnectionEvents;
  readonly #backoff: Backoff;
  readonly #renewal: TokenRenewal;
  readonly #listeners = new Set<(status: ConnectionStatus) => void>();
  #status: ConnectionStatus = { state: 'idle' };
  #connection: StompConnection | null = null;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  /** A refused token has been replaced once since the last stable connection. */
  #tokenReplaced = false;

  constructor(
    options: { gatewayUrl: string; tokens: TokenSource; backoff?: BackoffOptions | undefined },
    events: KeptConnectionEvents,
  ) {
    const url = new URL('/chat', options.gatewayUrl);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    this.#url = url.href;
    this.#tokens = options.tokens;
    this.#events = events;
    this.#backoff = new Backoff(options.backoff);
    this.#renewal = new TokenRenewal({
      tokens: options.tokens,
      onSignInNeeded: () => this.refuse('sign-in-needed'),
    });
  }

  get status(): ConnectionStatus {
    return this.#status;
  }

  /** `null` unless it is connected. */
  get current(): StompConnection | null {
    return this.#status.state === 'connected' ? this.#connection : null;
  }

  onStatus(listener: (status: ConnectionStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  connect(): void {
    if (!this.#enter('connect')) return;
    clearTimeout(this.#retryTimer);
    void this.#open();
  }

  reconnect(): void {
    this.#lose(0);
  }

  /** The session has ended as far as anybody can tell. */
  refuse(code: ClientErrorCode): void {
    if (nextState(this.#status.state, 'refuse') === null) return;
    clearTimeout(this.#retryTimer);
    this.#drop();
    // The next sign-in begins with a clean record.
    this.#tokenReplaced = false;
    this.#enter('refuse', { state: 'refused', code });
    this.#events.onRefused();
  }

  /** Says goodbye. @returns whether it wasn't closed before. */
  async close(): Promise<boolean> {
    const connection = this.#connection;
    this.#connection = null;
    this.#renewal.stop();
    clearTimeout(this.#retryTimer);
    if (!this.#enter('close')) return false;
    await connection?.close();
    return true;
  }

  async #open(): Promise<void> {
    const status = this.#status;
    let token: string;
    try {
      token = await this.#tokens.accessToken();
    } catch (error) {
      // Closed, or another try begun, while the token was on its way.
      if (this.#status !== status) return;
      if (error instanceof ClientError && error.code === 'sign-in-needed') return this.refuse(error.code);
      return this.#lose(0);
    }
    if (this.#status !== status) return;
    try {
      const connection: StompConnection = new StompConnection({
        url: this.#url,
        token,
        onOpen: () => this.#onOpen(connection),
        onEnd: (end) => {
          if (this.#connection === connection) this.#onEnd(end);
        },
      });
      this.#connection = connection;
    } catch {
      this.#lose(0);
    }
  }

  #onOpen(connection: StompConnection): void {
    if (this.#connection !== connection || !this.#enter('opened')) return;
    this.#backoff.opened(Date.now());
    this.#renewal.start(connection);
    this.#events.onOpen(connection);
  }

  #onEnd({ error, blamed, retryAfterMs }: ConnectionEnd): void {
    if (this.#backoff.isStable(Date.now())) this.#tokenReplaced = false;
    if (error !== null && retryOf(error.code) === 'reauthenticate') {
      if (this.#tokenReplaced) {
        this.refuse(knownCode(error.code));
        return;
      }
      this.#tokenReplaced = true;
      this.#tokens.dropAccessToken();
    } else if (error !== null && !blamed && retryOf(error.code) === 'never') {
      // A frame too broken to be named in the ERROR: sent again it would end every connection to come.
      this.#events.onUnreadable(error);
    }
    this.#lose(retryAfterMs);
  }

  #lose(retryAfterMs: number): void {
    if (nextState(this.#status.state, 'lost') === null) return;
    this.#drop();
    const now = Date.now();
    const wait = this.#backoff.next(now, retryAfterMs);
    this.#retryTimer = setTimeout(() => {
      if (this.#enter('retry')) void this.#open();
    }, wait);
    this.#enter('lost', { state: 'waiting', retryAt: now + wait, attempt: this.#backoff.attempts });
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = null;
    this.#renewal.stop();
    this.#events.onGone();
    connection?.discard();
  }

  #enter(event: ConnectionEvent, detail?: ConnectionStatus): boolean {
    const state = nextState(this.#status.state, event);
    if (state === null) return false;
    this.#status = detail ?? ({ state } as ConnectionStatus);
    for (const listener of this.#listeners) callListener(listener, this.#status);
    return true;
  }
}
