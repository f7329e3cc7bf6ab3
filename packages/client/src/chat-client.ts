// The chat client: one connection kept alive, rooms followed over it, messages sent once whatever happens to it.
import { APPLICATION_DESTINATIONS, MAX_CONTENT_OCTETS } from '@maru/contract';
import type { TokenSource } from './account.ts';
import { Backoff, type BackoffOptions } from './backoff.ts';
import { ClientError, type ClientErrorCode, knownCode } from './client-error.ts';
import { type ConnectionEvent, type ConnectionStatus, nextState } from './connection-state.ts';
import { callListener } from './listener.ts';
import { createClientMessageId, Outbox, type OutgoingMessage, type Sent } from './outbox.ts';
import type { RestClient } from './rest-client.ts';
import { type RoomHandlers, RoomSubscription } from './room-subscription.ts';
import { type ConnectionEnd, retryOf, StompConnection } from './stomp-connection.ts';
import { TokenRenewal } from './token-renewal.ts';

export type ChatClientOptions = {
  /** `http://` or `https://`; the connection goes to its `/chat`. */
  readonly gatewayUrl: string;
  readonly tokens: TokenSource;
  readonly rest: RestClient;
  readonly backoff?: BackoffOptions;
};

export class ChatClient {
  readonly #options: ChatClientOptions;
  readonly #url: string;
  readonly #backoff: Backoff;
  readonly #outbox = new Outbox();
  readonly #renewal: TokenRenewal;
  readonly #rooms = new Set<RoomSubscription>();
  readonly #listeners = new Set<(status: ConnectionStatus) => void>();
  #status: ConnectionStatus = { state: 'idle' };
  #connection: StompConnection | null = null;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  /** A refused token has been replaced once since the last stable connection. */
  #tokenReplaced = false;

  constructor(options: ChatClientOptions) {
    this.#options = options;
    const url = new URL('/chat', options.gatewayUrl);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    this.#url = url.href;
    this.#backoff = new Backoff(options.backoff);
    this.#renewal = new TokenRenewal({
      tokens: options.tokens,
      onSignInNeeded: () => this.#refuse('sign-in-needed'),
    });
  }

  get status(): ConnectionStatus {
    return this.#status;
  }

  /** @returns a function that removes the listener. */
  onStatus(listener: (status: ConnectionStatus) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Connects and stays connected. While waiting for the next try: tries now. After `refused`: tries again. */
  connect(): void {
    if (!this.#enter('connect')) return;
    clearTimeout(this.#retryTimer);
    void this.#open();
  }

  /** Gives up the present connection for a new one, for whoever knows better than the heart-beats (the network changed). */
  reconnect(): void {
    this.#lose(0);
  }

  /** Says goodbye and ends for good. Messages without a RECEIPT by then are rejected with `closed`. */
  async close(): Promise<void> {
    const connection = this.#connection;
    this.#connection = null;
    this.#renewal.stop();
    clearTimeout(this.#retryTimer);
    if (!this.#enter('close')) return;
    await connection?.close();
    for (const room of this.#rooms) room.close();
    this.#rooms.clear();
    this.#outbox.failAll(new ClientError('closed', 'The chat client was closed'));
  }

  /** Follows a room from now until `close()`, over every reconnect. */
  subscribeRoom(roomId: string, handlers: RoomHandlers): { close(): void } {
    const room = new RoomSubscription({
      roomId,
      rest: this.#options.rest,
      handlers,
      onOver: (error) => {
        if (error === null) this.#rooms.delete(room);
        else this.#refuse(error.code);
      },
    });
    this.#rooms.add(room);
    if (this.#status.state === 'connected' && this.#connection !== null) room.attach(this.#connection);
    return {
      close: () => {
        this.#rooms.delete(room);
        room.close();
      },
    };
  }

  /**
   * Resolves when the message is stored. Kept and sent again with the same id over reconnects, so it is stored once.
   * Give a `clientMessageId` to repeat a message that failed, or to know it in the room's log.
   */
  sendMessage(
    roomId: string,
    content: string,
    options: { readonly clientMessageId?: string } = {},
  ): Promise<Sent> {
    const problem = this.#unsendable(content);
    if (problem !== null) return Promise.reject(problem);
    const clientMessageId = options.clientMessageId ?? createClientMessageId();
    const message: OutgoingMessage = { roomId, content, clientMessageId };
    const { promise, isNew } = this.#outbox.add(message);
    if (isNew && this.#status.state === 'connected') this.#transmit(message);
    return promise;
  }

  #unsendable(content: string): ClientError | null {
    if (this.#status.state === 'closed') return new ClientError('closed', 'The chat client was closed');
    if (this.#status.state === 'refused') return new ClientError('sign-in-needed', 'The session has ended');
    if (content.trim() === '') return new ClientError('content-empty', 'A message needs a text');
    if (new TextEncoder().encode(content).length > MAX_CONTENT_OCTETS) {
      return new ClientError('content-too-long', `A message has at most ${MAX_CONTENT_OCTETS} octets`);
    }
    return null;
  }

  async #open(): Promise<void> {
    const status = this.#status;
    let token: string;
    try {
      token = await this.#options.tokens.accessToken();
    } catch (error) {
      // Closed, or another try begun, while the token was on its way.
      if (this.#status !== status) return;
      if (error instanceof ClientError && error.code === 'sign-in-needed') return this.#refuse(error.code);
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
    for (const room of this.#rooms) room.attach(connection);
    for (const message of this.#outbox.unreceipted()) this.#transmit(message);
  }

  #onEnd({ error, blamed, retryAfterMs }: ConnectionEnd): void {
    if (this.#backoff.isStable(Date.now())) this.#tokenReplaced = false;
    if (error !== null && retryOf(error.code) === 'reauthenticate') {
      if (this.#tokenReplaced) {
        this.#refuse(knownCode(error.code));
        return;
      }
      this.#tokenReplaced = true;
      this.#options.tokens.dropAccessToken();
    } else if (error !== null && !blamed && retryOf(error.code) === 'never') {
      // A frame too broken to be named in the ERROR: sent again it would end every connection to come. RECEIPTs
      // leave in order, so the oldest without one is it.
      const [suspect] = this.#outbox.unreceipted();
      if (suspect !== undefined) this.#failMessage(suspect, error);
    }
    this.#lose(retryAfterMs);
  }

  #transmit(message: OutgoingMessage): void {
    const { clientMessageId } = message;
    this.#connection?.send(APPLICATION_DESTINATIONS.sendMessage, message, {
      onReceipt: (headers) =>
        this.#outbox.settle({
          messageId: headers['message-id'] ?? '',
          seq: Number(headers.seq),
          clientMessageId,
        }),
      onRefused: (error) => {
        if (retryOf(error.code) === 'never') this.#failMessage(message, error);
      },
    });
  }

  #failMessage(message: OutgoingMessage, error: { code: string; message: string }): void {
    this.#outbox.fail(message.clientMessageId, new ClientError(knownCode(error.code), error.message));
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

  #refuse(code: ClientErrorCode): void {
    if (nextState(this.#status.state, 'refuse') === null) return;
    clearTimeout(this.#retryTimer);
    this.#drop();
    // The next sign-in begins with a clean record.
    this.#tokenReplaced = false;
    this.#enter('refuse', { state: 'refused', code });
    this.#outbox.failAll(new ClientError('sign-in-needed', 'The session has ended'));
  }

  #drop(): void {
    const connection = this.#connection;
    this.#connection = null;
    this.#renewal.stop();
    for (const room of this.#rooms) room.detach();
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
