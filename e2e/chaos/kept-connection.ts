// A person's connection that comes back by itself, as @stomp/stompjs does it: what a chat client in a browser has.
import { ERRORS, isErrorCode } from '@maru/contract';
import {
  Client,
  type IFrame,
  type IMessage,
  type StompConfig,
  type StompHeaders,
  Versions,
} from '@stomp/stompjs';
import WebSocket from 'ws';
import type { Watch } from './watch.ts';

/** Whose it is, where to, and by which of the two ways a token can go. */
export type ConnectionOptions = {
  readonly name: string;
  readonly chatUrl: string;
  readonly token: string;
  readonly tokenIn: 'subprotocol' | 'headers';
};

/** Told of everything that comes; a connection has one. */
export interface ConnectionOwner {
  /** CONNECTED: whatever was subscribed or sent before must be again. */
  onConnect(): void;
  onReceipt(id: string, headers: StompHeaders): void;
  /** True: an ERROR of this code is what it has coming. Absent: only what can be tried later is. */
  expects?(code: string): boolean;
}

const RECONNECT_MS = 100;

type AnyWebSocket = ReturnType<NonNullable<StompConfig['webSocketFactory']>>;

export class KeptConnection {
  readonly name: string;
  readonly #stomp: Client;
  readonly #watch: Watch;
  readonly #owner: ConnectionOwner;
  #connects = 0;
  #lastEnd = '';

  constructor(options: ConnectionOptions, watch: Watch, owner: ConnectionOwner) {
    const { name, chatUrl, token, tokenIn } = options;
    this.name = name;
    this.#watch = watch;
    this.#owner = owner;
    const authorization = { Authorization: `Bearer ${token}` };
    const protocols = Versions.default.protocolVersions();
    this.#stomp = new Client({
      webSocketFactory: () =>
        (tokenIn === 'headers'
          ? new WebSocket(chatUrl, protocols, { headers: authorization })
          : new globalThis.WebSocket(chatUrl, [...protocols, `bearer.${token}`])) as AnyWebSocket,
      connectHeaders: tokenIn === 'headers' ? authorization : {},
      reconnectDelay: RECONNECT_MS,
      onConnect: () => {
        this.#connects += 1;
        watch.connects.add();
        owner.onConnect();
      },
      onUnhandledReceipt: ({ headers }: IFrame) => owner.onReceipt(headers['receipt-id'] ?? '', headers),
      onUnhandledMessage: ({ headers }: IMessage) =>
        watch.breach(`${name}: a MESSAGE of the subscription ${headers.subscription}, which it has not`),
      onUnhandledFrame: ({ command }: IFrame) => watch.breach(`${name}: a frame ${command}`),
      onStompError: ({ headers }: IFrame) => this.#refused(headers),
      onWebSocketClose: ({ code, reason }: CloseEvent) => {
        this.#lastEnd = `${code} ${reason}`;
      },
    });
    this.#stomp.activate();
  }

  get isConnected(): boolean {
    return this.#stomp.connected;
  }

  /** How often it was CONNECTED. */
  get connects(): number {
    return this.#connects;
  }

  get story(): string {
    const state = this.isConnected ? 'connected' : `not connected, last end ${this.#lastEnd}`;
    return `${this.name} is ${state}`;
  }

  /** SEND; only while connected. */
  send(destination: string, headers: StompHeaders, body: string): void {
    this.#stomp.publish({ destination, headers, body });
  }

  /** Only while connected. Past the library, which can't ask for the RECEIPT of a COMMIT. */
  transact(command: 'BEGIN' | 'COMMIT', headers: StompHeaders): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    this.#stomp.webSocket?.send(`${command}\n${lines.join('')}\n\0`);
  }

  /** Only while connected. */
  subscribe(destination: string, onMessage: (message: IMessage) => void, headers: StompHeaders): void {
    this.#stomp.subscribe(destination, onMessage, headers);
  }

  unsubscribe(id: string): void {
    this.#stomp.unsubscribe(id);
  }

  /** Ends without a word, as a pulled plug does; it comes back. */
  drop(): void {
    this.#stomp.forceDisconnect();
  }

  async close(): Promise<void> {
    await this.#stomp.deactivate({ force: true });
  }

  /** Whatever says that it can be tried later is what a crash looks like; anything else must not come. */
  #refused({ code = '', message }: StompHeaders): void {
    if (this.#owner.expects?.(code) === true) return;
    if (isErrorCode(code) && ERRORS[code].retry === 'later') return;
    this.#watch.breach(`${this.name}: ERROR ${code}: ${message}`);
  }
}
