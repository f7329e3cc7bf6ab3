// `/user/queue/errors` of one session: while it is subscribed to, a refused SEND, SUBSCRIBE or COMMIT doesn't end the session.
import { type StompError, USER_DESTINATIONS } from '@maru/contract';
import { encodeFrame, type Version } from '@maru/stomp';

/** One subscription: the value of its `subscription` header; `undefined` for one of STOMP 1.0 without an id. */
export type Hearer = { readonly id: string | undefined };

/** Bound: the session's limit of subscriptions. */
export class ErrorQueue {
  readonly #sessionId: string;
  #hearers: readonly Hearer[] = [];
  #told = 0;

  constructor(sessionId: string) {
    this.#sessionId = sessionId;
  }

  /** Who hears it now. Never changed: a frame that is refused later is told to whoever heard it when its turn came. */
  get hearers(): readonly Hearer[] {
    return this.#hearers;
  }

  subscribe(id: string | undefined): { unsubscribe(): void } {
    const hearer = { id };
    this.#hearers = [...this.#hearers, hearer];
    return {
      unsubscribe: () => {
        this.#hearers = this.#hearers.filter((other) => other !== hearer);
      },
    };
  }

  /** A MESSAGE for each of them. */
  encode(hearers: readonly Hearer[], error: StompError, version: Version): Uint8Array[] {
    this.#told += 1;
    const body = new TextEncoder().encode(JSON.stringify(error));
    return hearers.map(({ id }) => {
      const headers: [string, string][] = [
        ['destination', USER_DESTINATIONS.errors],
        ['message-id', `${this.#sessionId}-${this.#told}`],
        ['content-type', 'application/json'],
      ];
      if (id !== undefined) headers.unshift(['subscription', id]);
      return encodeFrame({ command: 'MESSAGE', headers, body }, version);
    });
  }
}
