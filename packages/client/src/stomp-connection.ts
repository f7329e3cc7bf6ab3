// One STOMP connection, from the WebSocket's opening to its end. It never reconnects: a new one is made instead.
import { ERRORS, isErrorCode, type Retry, type StompError, USER_DESTINATIONS } from '@maru/contract';
import { Client, type IFrame, type StompHeaders, TickerStrategy, Versions } from '@stomp/stompjs';
import { callListener } from './listener.ts';

/** How a connection ended. `error` is what the server gave as the reason, `blamed` says whether it named a frame of ours. */
export type ConnectionEnd = {
  readonly closeCode: number;
  readonly retryAfterMs: number;
  readonly error: StompError | null;
  readonly blamed: boolean;
};

export type ReceiptHandlers = {
  readonly onReceipt: (headers: StompHeaders) => void;
  /** Whether the connection goes on depends on the error; if it doesn't, `onEnd` follows. */
  readonly onRefused: (error: StompError) => void;
};

type SubscriptionHandlers = ReceiptHandlers & {
  readonly onMessage: (body: unknown, headers: StompHeaders) => void;
  /** The server has ended the subscription; nothing more comes. */
  readonly onEnded?: () => void;
};

const HEART_BEAT_MS = 10_000;
const CONNECT_DEADLINE_MS = 10_000;
/** After an ERROR the server closes; its close frame may carry a hint worth waiting for, but not for ever. */
const LINGER_MS = 2_000;

export class StompConnection {
  readonly #socket: WebSocket;
  readonly #stomp: Client;
  readonly #receipts = new Map<string, ReceiptHandlers>();
  /** By subscription id: what is told when the server ends it. */
  readonly #endings = new Map<string, () => void>();
  #error: StompError | null = null;
  #blamed = false;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #lastId = 0;

  /** Throws if the address can't be opened at all (a bad URL, a forbidden port). */
  constructor(options: {
    url: string;
    token: string;
    onOpen: () => void;
    onEnd: (end: ConnectionEnd) => void;
  }) {
    // Browsers can't set headers on an upgrade, so the token is offered as a subprotocol (contract, "Gateway").
    // Made here and not in the factory: what a factory throws is lost inside the library.
    const socket = new WebSocket(options.url, ['v12.stomp', `bearer.${options.token}`]);
    this.#socket = socket;
    this.#stomp = new Client({
      webSocketFactory: () => socket,
      stompVersions: new Versions([Versions.V1_2]),
      connectHeaders: { host: new URL(options.url).hostname },
      reconnectDelay: 0,
      connectionTimeout: CONNECT_DEADLINE_MS,
      heartbeatIncoming: HEART_BEAT_MS,
      heartbeatOutgoing: HEART_BEAT_MS,
      // Browsers throttle timers of hidden tabs to one a minute; those of a worker they don't.
      heartbeatStrategy: TickerStrategy.Worker,
      discardWebsocketOnCommFailure: true,
      onConnect: () => {
        // First of all frames: with it one refused SEND or SUBSCRIBE doesn't end the connection (contract, "STOMP").
        this.#stomp.subscribe(USER_DESTINATIONS.errors, ({ body }) => this.#onReport(body));
        options.onOpen();
      },
      onStompError: (frame) => this.#onError(frame),
      onUnhandledReceipt: (frame) => this.#onReceipt(frame),
      onWebSocketClose: (event: { code: number; reason: string }) => {
        clearTimeout(this.#linger);
        options.onEnd({
          closeCode: event.code,
          retryAfterMs: retryAfterOf(event),
          error: this.#error,
          blamed: this.#blamed,
        });
      },
    });
    this.#stomp.activate();
  }

  /** @returns a function that ends the subscription. */
  subscribe(destination: string, handlers: SubscriptionHandlers, headers: StompHeaders = {}): () => void {
    if (!this.#stomp.connected) return () => undefined;
    let isRefused = false;
    const receipt = this.#expectReceipt({
      onReceipt: handlers.onReceipt,
      onRefused: (error) => {
        isRefused = true;
        handlers.onRefused(error);
      },
    });
    const { id } = this.#stomp.subscribe(
      destination,
      (message) => {
        const body = parseJson(message.body);
        if (body !== undefined) handlers.onMessage(body, message.headers);
      },
      { ...headers, receipt },
    );
    if (handlers.onEnded !== undefined) this.#endings.set(id, handlers.onEnded);
    return () => {
      this.#receipts.delete(receipt);
      this.#endings.delete(id);
      // An UNSUBSCRIBE of what never was a subscription is a protocol error. Of one that the server ended it is none.
      if (!isRefused && this.#stomp.connected) this.#stomp.unsubscribe(id);
    };
  }

  /** Without handlers no RECEIPT is asked for. */
  send(destination: string, body: unknown, handlers: ReceiptHandlers | null): void {
    if (!this.#stomp.connected) return;
    this.#stomp.publish({
      destination,
      headers: {
        'content-type': 'application/json',
        ...(handlers === null ? {} : { receipt: this.#expectReceipt(handlers) }),
      },
      body: JSON.stringify(body),
    });
  }

  /** DISCONNECT, its RECEIPT, close; all that was sent before has then been dealt with. */
  async close(): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const deadline = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, LINGER_MS);
    });
    await Promise.race([this.#stomp.deactivate(), deadline]);
    clearTimeout(timer);
    this.discard();
  }

  /** Ends now, without farewell. */
  discard(): void {
    clearTimeout(this.#linger);
    void this.#stomp.deactivate({ force: true });
    this.#socket.close();
  }

  #expectReceipt(handlers: ReceiptHandlers): string {
    this.#lastId += 1;
    const receipt = `r${this.#lastId}`;
    this.#receipts.set(receipt, handlers);
    return receipt;
  }

  #onReceipt(frame: IFrame): void {
    const receipt = frame.headers['receipt-id'] ?? '';
    const handlers = this.#receipts.get(receipt);
    this.#receipts.delete(receipt);
    callListener(handlers?.onReceipt, frame.headers);
  }

  #onError(frame: IFrame): void {
    const body = (parseJson(frame.body) ?? {}) as Partial<StompError>;
    const error: StompError = {
      ...body,
      code: frame.headers.code ?? body.code ?? 'internal',
      message: frame.headers.message ?? body.message ?? '',
    };
    this.#error = error;
    this.#linger = setTimeout(() => this.#stomp.forceDisconnect(), LINGER_MS);
    this.#blamed = this.#refuse(frame.headers['receipt-id'] ?? body.receiptId, error);
  }

  /** What came on `/user/queue/errors`: a refused frame, or a subscription that the server has ended. */
  #onReport(text: string): void {
    const error = (parseJson(text) ?? {}) as Partial<StompError>;
    const { code = 'internal', message = '', receiptId, subscription } = error;
    if (subscription !== undefined) {
      const onEnded = this.#endings.get(subscription);
      this.#endings.delete(subscription);
      callListener(onEnded);
      return;
    }
    const told = { ...error, code, message };
    const blamed = this.#refuse(receiptId, told);
    if (retryOf(code) !== 'reauthenticate') return;
    // Nothing else would be taken under this token either: the next connection has another.
    this.#error = told;
    this.#blamed = blamed;
    this.#stomp.forceDisconnect();
  }

  /** @returns whether it was a frame of ours. */
  #refuse(receipt: string | undefined, error: StompError): boolean {
    const handlers = receipt === undefined ? undefined : this.#receipts.get(receipt);
    if (receipt === undefined || handlers === undefined) return false;
    this.#receipts.delete(receipt);
    callListener(handlers.onRefused, error);
    return true;
  }
}

/** What the registry advises; a code it doesn't know may be of a newer server: later. */
export function retryOf(code: string): Retry {
  return isErrorCode(code) ? ERRORS[code].retry : 'later';
}

function retryAfterOf(event: { code: number; reason: string }): number {
  if (event.code !== 1012 && event.code !== 1013) return 0;
  const match = /^retry-after=(\d{1,9})$/.exec(event.reason);
  return match === null ? 0 : Number(match[1]);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
