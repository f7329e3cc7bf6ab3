// Keeps a connection on a token that lives: before the present one ends, a newer one is sent over the same connection.
import { APPLICATION_DESTINATIONS, type RenewToken } from '@maru/contract';
import type { TokenSource } from './account.ts';
import { ClientError } from './client-error.ts';
import type { StompConnection } from './stomp-connection.ts';

/** However short the life of tokens is. */
const LEAST_MS = 500;
/** Until the next try, when no newer token could be had; the server's grace leaves room for some. */
const RETRY_MS = 5_000;
/** Timers may come a moment early, by another clock: the token would still count as fresh, and the same be sent again. */
const MARGIN_MS = 50;
/** The longest that a timer can wait; one that is set for longer fires at once. */
const MOST_MS = 2 ** 31 - 1;

/**
 * States: *off* → *waiting* for the token to grow old → *fetching* the next → *sent* → *waiting* again by its RECEIPT.
 * A token that the server refuses ends the connection, which is for its owner to see to; what it can't do just now is
 * tried again.
 */
export class TokenRenewal {
  readonly #tokens: TokenSource;
  readonly #onSignInNeeded: () => void;
  #connection: StompConnection | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(options: { tokens: TokenSource; onSignInNeeded: () => void }) {
    this.#tokens = options.tokens;
    this.#onSignInNeeded = options.onSignInNeeded;
  }

  start(connection: StompConnection): void {
    this.#connection = connection;
    this.#schedule(this.#tokens.freshForMs());
  }

  stop(): void {
    this.#connection = null;
    clearTimeout(this.#timer);
  }

  #schedule(ms: number): void {
    clearTimeout(this.#timer);
    const connection = this.#connection;
    if (connection === null || !Number.isFinite(ms)) return;
    this.#timer = setTimeout(
      () => void this.#renew(connection),
      Math.min(MOST_MS, Math.max(LEAST_MS, ms + MARGIN_MS)),
    );
  }

  async #renew(connection: StompConnection): Promise<void> {
    try {
      const accessToken = await this.#tokens.accessToken();
      // Lost, or replaced by another, while the token was on its way.
      if (this.#connection !== connection) return;
      const body: RenewToken = { accessToken };
      connection.send(APPLICATION_DESTINATIONS.renewToken, body, {
        onReceipt: () => this.#schedule(this.#tokens.freshForMs()),
        onRefused: () => {
          this.#tokens.dropAccessToken();
          if (this.#connection === connection) this.#schedule(RETRY_MS);
        },
      });
    } catch (error) {
      if (this.#connection !== connection) return;
      if (error instanceof ClientError && error.code === 'sign-in-needed') this.#onSignInNeeded();
      else this.#schedule(RETRY_MS);
    }
  }
}
