// A person's connection to the chat by @stomp/stompjs, with promises for what a test waits for.
import { type RoomEntry, roomDestination } from '@maru/contract';
import { Client, type IFrame, type StompConfig, type StompHeaders, Versions } from '@stomp/stompjs';
import WebSocket from 'ws';
import { Inbox } from './inbox.ts';

export type Delivery = { readonly headers: StompHeaders; readonly entry: RoomEntry };
/** How a connection ended: its Close, and the ERROR frame before it if there was one. */
export type End = { readonly code: number; readonly reason: string; readonly error: StompHeaders | null };

export type StompOptions = {
  /** Where the token goes: as a browser must do it, or as anything else can. */
  readonly tokenIn?: 'subprotocol' | 'headers';
  readonly version?: '1.0' | '1.1' | '1.2';
  readonly heartBeatMs?: number;
  readonly binary?: boolean;
};

/** The WebSocket of browsers and Node, or that of `ws`, which can send headers: stompjs takes either. */
type AnyWebSocket = ReturnType<NonNullable<StompConfig['webSocketFactory']>>;

export class StompClient {
  readonly ended: Promise<End>;
  /** One item for each EOL that came. */
  readonly heartBeats = new Inbox<void>();
  readonly #stomp: Client;
  readonly #end = Promise.withResolvers<End>();
  readonly #rooms = new Map<string, Inbox<Delivery>>();
  readonly #receipts = new Set<PromiseWithResolvers<StompHeaders>>();
  #connected: StompHeaders = {};
  #error: StompHeaders | null = null;
  #lastId = 0;

  private constructor(stomp: Client) {
    this.#stomp = stomp;
    this.ended = this.#end.promise;
  }

  /** Resolves when CONNECTED has come; rejects if the connection ended instead. */
  static async connect(chatUrl: string, token: string, options: StompOptions = {}): Promise<StompClient> {
    const { tokenIn = 'subprotocol', version, heartBeatMs = 0, binary = false } = options;
    const versions = version === undefined ? Versions.default : new Versions([version]);
    const authorization = { Authorization: `Bearer ${token}` };
    const stomp = new Client({
      webSocketFactory: () =>
        (tokenIn === 'headers'
          ? new WebSocket(chatUrl, versions.protocolVersions(), { headers: authorization })
          : new globalThis.WebSocket(chatUrl, [
              ...versions.protocolVersions(),
              `bearer.${token}`,
            ])) as AnyWebSocket,
      connectHeaders: tokenIn === 'headers' ? authorization : {},
      stompVersions: versions,
      heartbeatIncoming: heartBeatMs,
      heartbeatOutgoing: heartBeatMs,
      forceBinaryWSFrames: binary,
      reconnectDelay: 0,
    });
    const client = new StompClient(stomp);
    await client.#activate();
    return client;
  }

  get connected(): StompHeaders {
    return this.#connected;
  }

  /** The subprotocol the server chose. */
  get subprotocol(): string {
    return (this.#stomp.webSocket as unknown as { protocol: string }).protocol;
  }

  /** Follows a room from the moment its RECEIPT names. */
  async subscribe(roomId: string): Promise<Inbox<Delivery> & { readonly receipt: StompHeaders }> {
    const inbox = new Inbox<Delivery>();
    this.#rooms.set(roomId, inbox);
    const receipt = this.#expectReceipt();
    this.#stomp.subscribe(
      roomDestination(roomId),
      ({ headers, body }) => inbox.push({ headers, entry: JSON.parse(body) as RoomEntry }),
      { id: `room-${roomId}`, receipt: receipt.id },
    );
    return Object.assign(inbox, { receipt: await receipt.came });
  }

  async unsubscribe(roomId: string): Promise<void> {
    const receipt = this.#expectReceipt();
    this.#stomp.unsubscribe(`room-${roomId}`, { receipt: receipt.id });
    await receipt.came;
  }

  /** SENDs a chat message; resolves with the headers of its RECEIPT. */
  send(roomId: string, content: string, more: Record<string, unknown> = {}): Promise<StompHeaders> {
    const receipt = this.#expectReceipt();
    this.#stomp.publish({
      destination: '/pub/send/message',
      headers: { receipt: receipt.id },
      body: JSON.stringify({ roomId, content, ...more }),
    });
    return receipt.came;
  }

  /** DISCONNECT, its RECEIPT, Close: when this resolves, nothing more comes of what happened before. */
  async disconnect(): Promise<End> {
    await this.#stomp.deactivate();
    return this.ended;
  }

  /** Ends without a word, as a pulled plug does. */
  drop(): void {
    this.#stomp.forceDisconnect();
  }

  #activate(): Promise<void> {
    const connected = Promise.withResolvers<void>();
    this.#stomp.configure({
      onConnect: ({ headers }: IFrame) => {
        this.#connected = headers;
        connected.resolve();
      },
      onStompError: ({ headers }: IFrame) => {
        this.#error = headers;
      },
      onHeartbeatReceived: () => this.heartBeats.push(),
      onWebSocketClose: ({ code, reason }: CloseEvent) => {
        const end = { code, reason, error: this.#error };
        const story = new Error(`The connection ended: ${JSON.stringify(end)}`);
        connected.reject(story);
        for (const receipt of this.#receipts) receipt.reject(story);
        for (const inbox of [this.heartBeats, ...this.#rooms.values()]) inbox.end(story);
        this.#end.resolve(end);
      },
    });
    this.#stomp.activate();
    return connected.promise;
  }

  #expectReceipt(): { readonly id: string; readonly came: Promise<StompHeaders> } {
    this.#lastId += 1;
    const id = `receipt-${this.#lastId}`;
    const waiting = Promise.withResolvers<StompHeaders>();
    this.#receipts.add(waiting);
    this.#stomp.watchForReceipt(id, ({ headers }) => {
      this.#receipts.delete(waiting);
      waiting.resolve(headers);
    });
    // Whoever sends without looking at the RECEIPT still learns of the end by `ended`.
    waiting.promise.catch(() => undefined);
    return { id, came: waiting.promise };
  }
}
