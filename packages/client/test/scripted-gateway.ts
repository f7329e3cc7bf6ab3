// A gateway of a few lines for the client's tests: real HTTP and WebSocket, one room's log in memory, faults on demand.
import { EventEmitter } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  APPLICATION_DESTINATIONS,
  deleteMessageSchema,
  ERRORS,
  type ErrorCode,
  editMessageSchema,
  markReadSchema,
  type RoomEntry,
  type RoomListEvent,
  type RoomSignal,
  reactToMessageSchema,
  renewTokenSchema,
  roomDestination,
  roomSignalDestination,
  type StompError,
  sendMessageSchema,
  typingSchema,
  USER_DESTINATIONS,
} from '@maru/contract';
import { type WebSocket, WebSocketServer } from 'ws';
import { type Actor, ANN, BO, ScriptedLog } from './scripted-log.ts';
import { decodeFrame, encodeFrame, type Headers, type StompFrame } from './stomp-frame.ts';

type Refusable = { readonly code: ErrorCode };
type Fault = {
  /** Refused: softly where the contract allows it. */
  error?: ErrorCode;
  /** Done, but the connection breaks before the RECEIPT is out. */
  drop?: boolean;
  close?: [number, string];
};

/** Destinations that a session is subscribed to, by subscription id. */
type Session = Map<string, string>;

/** What a body must be for its destination: what this gateway takes, the chat service takes too. */
const SCHEMAS = {
  [APPLICATION_DESTINATIONS.sendMessage]: sendMessageSchema,
  [APPLICATION_DESTINATIONS.editMessage]: editMessageSchema,
  [APPLICATION_DESTINATIONS.deleteMessage]: deleteMessageSchema,
  [APPLICATION_DESTINATIONS.reactToMessage]: reactToMessageSchema,
  [APPLICATION_DESTINATIONS.typing]: typingSchema,
  [APPLICATION_DESTINATIONS.markRead]: markReadSchema,
  [APPLICATION_DESTINATIONS.renewToken]: renewTokenSchema,
};

export class ScriptedGateway {
  /** Of the one room, `r1`. Replace it for a restored backup. */
  log = new ScriptedLog();
  /** Every token offered on an upgrade, in order. */
  readonly tokens: string[] = [];
  tokensIssued = 0;
  /** Every token that a connection was put on later. */
  readonly renewals: string[] = [];
  /** Emits `renewed` after each of them. */
  readonly renewed = new EventEmitter();
  /** Every frame that came, but CONNECT and heart-beats. */
  readonly frames: StompFrame[] = [];
  /** Every REST call: method, path and body. */
  readonly calls: string[] = [];
  /** What /auth/token answers instead of a token. */
  tokenStatus = 200;
  tokenLifeSeconds = 900;
  /** Asked for every frame; what it answers is done instead of, or beside, the frame's own effect. */
  fault: (frame: StompFrame) => Fault | undefined = () => undefined;
  /** Awaited before a history page is answered. */
  beforePage: () => Promise<void> | void = () => undefined;
  /** Asked for every entry that is about to be sent; `true` leaves it out. */
  loses: (entry: RoomEntry) => boolean = () => false;
  readonly #sessions = new Map<WebSocket, Session>();
  readonly #http = createServer((request, response) => void this.#answer(request, response));
  readonly #ws = new WebSocketServer({ server: this.#http, handleProtocols: () => 'v12.stomp' });

  async open(): Promise<string> {
    this.#ws.on('connection', (socket, request) => {
      this.tokens.push(/bearer\.(\S+)/.exec(request.headers['sec-websocket-protocol'] ?? '')?.[1] ?? '');
      this.#sessions.set(socket, new Map());
      socket.on('close', () => this.#sessions.delete(socket));
      socket.on('message', (data) => {
        const text = String(data);
        if (text !== '\n') this.#take(socket, decodeFrame(text));
      });
    });
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async close(): Promise<void> {
    this.dropAll();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** Cuts every connection, as a pulled plug would. */
  dropAll(): void {
    for (const socket of this.#ws.clients) socket.terminate();
  }

  closeAll(code: number, reason: string): void {
    for (const socket of this.#ws.clients) socket.close(code, reason);
  }

  /** Bo says something. */
  append(content: string): void {
    this.broadcast(this.log.create(BO, content));
  }

  /** Sends an entry that was just added to the log to who follows it. */
  broadcast(entry: RoomEntry | null): void {
    if (entry === null) return;
    for (const [socket, id] of this.#subscribers(roomDestination('r1'))) this.#sendEntry(socket, id, entry);
  }

  signal(signal: RoomSignal): void {
    this.#publish(roomSignalDestination('r1'), signal);
  }

  tellRooms(event: RoomListEvent): void {
    this.#publish(USER_DESTINATIONS.rooms, event);
  }

  /** As when the membership is lost: the last entry has been sent, nothing comes any more. */
  endSubscriptions(): void {
    for (const [socket, subscription] of this.#subscribers(roomDestination('r1'))) {
      // Its id stays reserved (contract, "STOMP").
      this.#sessions.get(socket)?.set(subscription, 'ended');
      this.#tellError(socket, { ...problem('subscription-ended'), subscription });
    }
  }

  #subscribers(destination: string): [WebSocket, string][] {
    return [...this.#sessions].flatMap(([socket, session]) =>
      [...session]
        .filter(([, subscribed]) => subscribed === destination)
        .map(([id]): [WebSocket, string] => [socket, id]),
    );
  }

  #publish(destination: string, body: unknown): void {
    for (const [socket, subscription] of this.#subscribers(destination)) {
      const headers = { subscription, 'message-id': 't', destination };
      socket.send(encodeFrame('MESSAGE', headers, JSON.stringify(body)));
    }
  }

  #sendEntry(socket: WebSocket, subscription: string, entry: RoomEntry): void {
    if (this.loses(entry)) return;
    const { epoch } = this.log;
    const headers = {
      subscription,
      'message-id': `${epoch}-${entry.seq}`,
      destination: roomDestination('r1'),
      seq: `${entry.seq}`,
      'log-epoch': epoch,
    };
    socket.send(encodeFrame('MESSAGE', headers, JSON.stringify(entry)));
  }

  #tellError(socket: WebSocket, error: StompError): boolean {
    const destination = USER_DESTINATIONS.errors;
    const session = this.#sessions.get(socket) ?? new Map<string, string>();
    const heard = [...session].filter(([, subscribed]) => subscribed === destination);
    for (const [subscription] of heard) {
      socket.send(
        encodeFrame('MESSAGE', { subscription, 'message-id': 'e', destination }, JSON.stringify(error)),
      );
    }
    return heard.length > 0;
  }

  #refuse(socket: WebSocket, { command, headers }: StompFrame, code: ErrorCode): void {
    const { receipt } = headers;
    const facts: { close: number; soft?: true } = ERRORS[code];
    const error = { ...problem(code), ...(receipt === undefined ? {} : { receiptId: receipt }) };
    const mayBeSoft = facts.soft === true && (command === 'SEND' || command === 'SUBSCRIBE');
    if (mayBeSoft && this.#tellError(socket, error)) return;
    const named: Headers = receipt === undefined ? {} : { 'receipt-id': receipt };
    socket.send(
      encodeFrame('ERROR', { code, message: error.message, ...named }, JSON.stringify(problem(code))),
    );
    socket.close(facts.close);
  }

  #take(socket: WebSocket, frame: StompFrame): void {
    const { receipt, id = '' } = frame.headers;
    const session = this.#sessions.get(socket);
    if (frame.command !== 'CONNECT') this.frames.push(frame);
    const fault = this.fault(frame);
    if (fault?.error !== undefined) return this.#refuse(socket, frame, fault.error);
    if (fault?.close !== undefined) return socket.close(...fault.close);
    const answer = (headers: Headers = {}) => {
      if (fault?.drop) socket.terminate();
      else if (receipt !== undefined) {
        socket.send(encodeFrame('RECEIPT', { 'receipt-id': receipt, ...headers }));
      }
    };
    if (frame.command === 'CONNECT') {
      socket.send(encodeFrame('CONNECTED', { version: '1.2', 'heart-beat': '10000,10000' }));
    } else if (frame.command === 'SUBSCRIBE') {
      this.#subscribe(socket, frame, answer);
    } else if (frame.command === 'UNSUBSCRIBE') {
      if (session?.delete(id) !== true) this.#refuse(socket, frame, 'unknown-subscription');
    } else if (frame.command === 'SEND') {
      const done = this.#do(ANN, frame);
      if ('code' in done) this.#refuse(socket, frame, done.code);
      else answer(done.headers);
    } else if (frame.command === 'DISCONNECT') {
      answer();
    }
  }

  #subscribe(socket: WebSocket, frame: StompFrame, answer: (headers?: Headers) => void): void {
    const { id = '', destination = '', 'from-seq': from, 'log-epoch': epoch } = frame.headers;
    const session = this.#sessions.get(socket);
    if (destination !== roomDestination('r1')) {
      session?.set(id, destination);
      return answer();
    }
    const { head } = this.log;
    if (Number(from ?? 0) > head || (epoch !== undefined && epoch !== this.log.epoch)) {
      return this.#refuse(socket, frame, 'reset-required');
    }
    session?.set(id, destination);
    answer({ seq: `${head}`, 'log-epoch': this.log.epoch });
    for (const entry of this.log.entries.slice(Number(from ?? head))) this.#sendEntry(socket, id, entry);
  }

  /** What a SEND does. */
  #do(actor: Actor, { headers, body }: StompFrame): { headers: Headers } | Refusable {
    const { destination = '' } = headers;
    if (headers['content-type'] !== 'application/json') return { code: 'unsupported-content-type' };
    const schema = Object.entries(SCHEMAS).find(([known]) => known === destination)?.[1];
    if (schema === undefined) return { code: 'unknown-destination' };
    const parsed = schema.safeParse(JSON.parse(body));
    if (!parsed.success) return { code: 'invalid-body' };
    const data: unknown = parsed.data;
    if (destination === APPLICATION_DESTINATIONS.renewToken) {
      this.renewals.push(renewTokenSchema.parse(data).accessToken);
      this.renewed.emit('renewed');
      return { headers: {} };
    }
    if (destination === APPLICATION_DESTINATIONS.typing || destination === APPLICATION_DESTINATIONS.markRead)
      return { headers: {} };
    const { head } = this.log;
    const entry = this.#write(actor, destination, data);
    if (entry !== null && this.log.head > head) this.broadcast(entry);
    return {
      headers: entry === null ? {} : { 'message-id': `${entry.seq}`, seq: `${entry.seq}`, ...idOf(entry) },
    };
  }

  #write(actor: Actor, destination: string, data: unknown): RoomEntry | null {
    if (destination === APPLICATION_DESTINATIONS.sendMessage) {
      const { content, clientMessageId, replyTo } = sendMessageSchema.parse(data);
      return this.log.create(actor, content, {
        ...(clientMessageId === undefined ? {} : { clientMessageId }),
        ...(replyTo === undefined ? {} : { replyTo }),
      });
    }
    if (destination === APPLICATION_DESTINATIONS.editMessage) {
      const { messageId, content } = editMessageSchema.parse(data);
      return this.log.edit(actor, messageId, content);
    }
    if (destination === APPLICATION_DESTINATIONS.deleteMessage) {
      return this.log.delete(actor, deleteMessageSchema.parse(data).messageId);
    }
    const { messageId, emoji, remove } = reactToMessageSchema.parse(data);
    return this.log.react(actor, messageId, emoji, remove);
  }

  /** @returns whether recording is all that is to be done: this gateway has no list of rooms or people. */
  async #record(request: IncomingMessage): Promise<boolean> {
    const body = (await request.setEncoding('utf8').toArray()).join('');
    this.calls.push(`${request.method} ${request.url} ${body}`.trimEnd());
    return request.method !== 'GET' || !/^\/api\/rooms\/r1(\/messages\?|$)/.test(request.url ?? '');
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://gateway');
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    if (url.pathname === '/auth/sign-in/email' || url.pathname === '/auth/sign-up/email') {
      answer(200, { token: 'session-1', user: { id: 'u1', name: 'Ann', email: 'ann@example.com' } });
    } else if (url.pathname === '/auth/sign-out') {
      answer(200, { success: true });
    } else if (url.pathname === '/auth/token') {
      this.tokensIssued += 1;
      const iat = 1_700_000_000;
      const claims = { iat, exp: iat + this.tokenLifeSeconds, n: this.tokensIssued };
      const token = `h.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.s`;
      if (this.tokenStatus === 200) answer(200, { token });
      else answer(this.tokenStatus, { code: 'UNAUTHORIZED', message: 'no' });
    } else if (await this.#record(request)) {
      answer(200, { users: [] });
    } else if (url.pathname === '/api/rooms/r1') {
      answer(200, { roomId: 'r1', head: this.log.head, logEpoch: this.log.epoch });
    } else {
      await this.beforePage();
      const before = url.searchParams.get('before');
      const limit = Math.min(Number(url.searchParams.get('limit')), 7);
      answer(
        200,
        this.log.page(ANN.userId, { limit, ...(before === null ? {} : { before: Number(before) }) }),
      );
    }
  }
}

function idOf(entry: RoomEntry): Headers {
  return 'messageId' in entry ? { 'message-id': entry.messageId } : {};
}

function problem(code: ErrorCode): StompError {
  return { code, message: ERRORS[code].message };
}
