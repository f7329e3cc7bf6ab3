// A gateway of a few lines for the client's tests: real HTTP and WebSocket, one room's log in memory, faults on demand.
import { EventEmitter } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  APPLICATION_DESTINATIONS,
  ERRORS,
  type ErrorCode,
  renewTokenSchema,
  type SendMessage,
  sendMessageSchema,
} from '@maru/contract';
import { type WebSocket, WebSocketServer } from 'ws';

type Headers = Record<string, string>;
type StompFrame = { command: string; headers: Headers; body: string };
type LogEntry = {
  type: string;
  seq: number;
  messageId?: string;
  content?: string;
  clientMessageId?: string;
};

const encodeFrame = (command: string, headers: Headers, body = '') =>
  `${command}\n${Object.entries(headers)
    .map(([name, value]) => `${name}:${value}\n`)
    .join('')}\n${body}\0`;

function decodeFrame(text: string): StompFrame {
  const end = text.indexOf('\n\n');
  const [command = '', ...lines] = text.slice(0, end).split('\n');
  const headers = Object.fromEntries(
    lines.map((line) => line.split(/:(.*)/s).slice(0, 2) as [string, string]),
  );
  return { command, headers, body: text.slice(end + 2).replace(/\0$/, '') };
}

/** What a SEND holds, or why the chat service would refuse it: what this gateway takes, that one takes too. */
function readMessage({ headers, body }: StompFrame): SendMessage | ErrorCode {
  if (headers.destination !== APPLICATION_DESTINATIONS.sendMessage) return 'unknown-destination';
  if (headers['content-type'] !== 'application/json') return 'unsupported-content-type';
  return sendMessageSchema.safeParse(JSON.parse(body)).data ?? 'invalid-body';
}

function refuse(socket: WebSocket, code: ErrorCode, named: Headers): void {
  const { message, close } = ERRORS[code];
  socket.send(encodeFrame('ERROR', { code, message, ...named }, JSON.stringify({ code, message })));
  socket.close(close);
}

export class ScriptedGateway {
  readonly log: LogEntry[] = [];
  epoch = 'e1';
  /** Every token offered on an upgrade, in order. */
  readonly tokens: string[] = [];
  tokensIssued = 0;
  /** Every token that a connection was put on later. */
  readonly renewals: string[] = [];
  /** Emits `renewed` after each of them. */
  readonly renewed = new EventEmitter();
  /** What /auth/token answers instead of a token. */
  tokenStatus = 200;
  tokenLifeSeconds = 900;
  /** Asked for every frame; what it answers is done instead of the frame's own effect. */
  fault: (frame: StompFrame) => { error?: ErrorCode; drop?: boolean; close?: [number, string] } | undefined =
    () => undefined;
  /** Awaited before a history page is answered. */
  beforePage: () => Promise<void> | void = () => undefined;
  readonly #subscriptions = new Map<WebSocket, Set<string>>();
  readonly #http = createServer((request, response) => void this.#answer(request, response));
  readonly #ws = new WebSocketServer({ server: this.#http, handleProtocols: () => 'v12.stomp' });

  async open(): Promise<string> {
    this.#ws.on('connection', (socket, request) => {
      this.tokens.push(/bearer\.(\S+)/.exec(request.headers['sec-websocket-protocol'] ?? '')?.[1] ?? '');
      this.#subscriptions.set(socket, new Set());
      socket.on('close', () => this.#subscriptions.delete(socket));
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

  get connections(): number {
    return this.#subscriptions.size;
  }

  /** Cuts every connection, as a pulled plug would. */
  dropAll(): void {
    for (const socket of this.#ws.clients) socket.terminate();
  }

  closeAll(code: number, reason: string): void {
    for (const socket of this.#ws.clients) socket.close(code, reason);
  }

  append(content: string, clientMessageId?: string): LogEntry {
    const known = this.log.find(
      (e) => e.clientMessageId !== undefined && e.clientMessageId === clientMessageId,
    );
    if (known !== undefined) return known;
    const seq = this.log.length + 1;
    const entry: LogEntry = {
      type: 'message.created',
      seq,
      messageId: `m${seq}`,
      content,
      ...(clientMessageId === undefined ? {} : { clientMessageId }),
    };
    return this.#publish(entry);
  }

  appendJoin(): LogEntry {
    return this.#publish({ type: 'member.joined', seq: this.log.length + 1 });
  }

  #publish(entry: LogEntry): LogEntry {
    this.log.push(entry);
    for (const [socket, ids] of this.#subscriptions) {
      for (const subscription of ids) {
        const headers = { subscription, 'message-id': `${entry.seq}`, destination: 'd', seq: `${entry.seq}` };
        socket.send(encodeFrame('MESSAGE', headers, JSON.stringify(entry)));
      }
    }
    return entry;
  }

  #take(socket: WebSocket, frame: StompFrame): void {
    const { receipt, id = '' } = frame.headers;
    const named: Headers = receipt === undefined ? {} : { 'receipt-id': receipt };
    const fault = this.fault(frame);
    if (fault?.error !== undefined) {
      refuse(socket, fault.error, named);
    } else if (fault?.close !== undefined) {
      socket.close(...fault.close);
    } else if (frame.command === 'CONNECT') {
      socket.send(encodeFrame('CONNECTED', { version: '1.2', 'heart-beat': '10000,10000' }));
    } else if (frame.command === 'SUBSCRIBE') {
      this.#subscriptions.get(socket)?.add(id);
      const place = { seq: `${this.log.length}`, 'log-epoch': this.epoch };
      socket.send(encodeFrame('RECEIPT', { ...named, ...place }));
    } else if (frame.command === 'UNSUBSCRIBE') {
      this.#subscriptions.get(socket)?.delete(id);
    } else if (
      frame.command === 'SEND' &&
      frame.headers.destination === APPLICATION_DESTINATIONS.renewToken
    ) {
      this.renewals.push(renewTokenSchema.parse(JSON.parse(frame.body)).accessToken);
      socket.send(encodeFrame('RECEIPT', named));
      this.renewed.emit('renewed');
    } else if (frame.command === 'SEND') {
      const message = readMessage(frame);
      if (typeof message === 'string') return refuse(socket, message, named);
      const entry = this.append(message.content, message.clientMessageId);
      // `drop`: stored, but the connection breaks before the RECEIPT is out.
      if (fault?.drop) socket.terminate();
      else {
        socket.send(
          encodeFrame('RECEIPT', { ...named, 'message-id': entry.messageId ?? '', seq: `${entry.seq}` }),
        );
      }
    } else if (frame.command === 'DISCONNECT') {
      socket.send(encodeFrame('RECEIPT', named));
    }
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
    } else {
      await this.beforePage();
      const after = url.searchParams.get('after');
      const limit = Math.min(Number(url.searchParams.get('limit')), 7);
      const all = this.log.filter((entry) => entry.type === 'message.created');
      const rest = after === null ? all : all.filter((entry) => entry.seq > Number(after));
      const messages = after === null ? rest.slice(-limit) : rest.slice(0, limit);
      answer(200, { messages, hasMore: rest.length > messages.length });
    }
  }
}
