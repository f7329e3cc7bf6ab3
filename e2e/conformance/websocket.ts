// A WebSocket over a raw TCP socket: nothing stands between a check and the octets.
import { isUtf8 } from 'node:buffer';
import { createHash, randomBytes } from 'node:crypto';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { Unmet } from './unmet.ts';
import {
  encodeWebSocketFrame,
  OPCODE,
  type WebSocketFrame,
  WebSocketFrameReader,
} from './websocket-frame.ts';

export type Close = {
  /** 1005: a Close without a code; 1006: the TCP connection ended without a Close. */
  readonly code: number;
  readonly reason: Buffer;
};

export type Upgrade = {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
};

export type Listener = {
  data(octets: Buffer): void;
  close(close: Close): void;
  /** The server broke the WebSocket protocol. */
  violation(error: Error): void;
};

const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';

/** The answer to an upgrade was not 101. */
export class RefusedUpgrade extends Unmet {
  readonly status: number;

  constructor(status: number, head: string) {
    super(`the upgrade was answered: ${head.split('\r\n')[0]}`);
    this.status = status;
  }
}

/** States: *open* → *closing* (a Close came or was sent) → *closed*, told once. */
export class WebSocket {
  /** Of the 101; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly #socket: Socket;
  readonly #reader = new WebSocketFrameReader();
  readonly #fragments: Buffer[] = [];
  readonly #listener: Listener;
  #isText = false;
  #close: Close | null = null;
  #told = false;

  private constructor(socket: Socket, headers: Record<string, string>, rest: Buffer, listener: Listener) {
    this.#socket = socket;
    this.headers = headers;
    this.#listener = listener;
    socket.on('data', (octets: Buffer) => this.#read(octets));
    // An error is followed by `close`, which is all that matters here.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#tell());
    if (rest.length > 0) this.#read(rest);
  }

  /** Resolves with the 101; rejects with a RefusedUpgrade, or an Unmet when nothing came. */
  static async open({ url, headers, timeoutMs }: Upgrade, listener: Listener): Promise<WebSocket> {
    const { protocol, hostname, port, pathname, search, host } = new URL(url);
    const secure = protocol === 'wss:';
    const address = {
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port) || (secure ? 443 : 80),
    };
    const socket = secure ? connectTls({ ...address, servername: hostname }) : connectTcp(address);
    socket.setNoDelay(true);
    const key = randomBytes(16).toString('base64');
    const lines = Object.entries({
      Host: host,
      Upgrade: 'websocket',
      Connection: 'Upgrade',
      'Sec-WebSocket-Key': key,
      'Sec-WebSocket-Version': '13',
      ...headers,
    }).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`GET ${pathname}${search} HTTP/1.1\r\n${lines.join('')}\r\n`);
    try {
      const { head, rest } = await readHead(socket, timeoutMs);
      const [, status = '0'] = head.split(' ');
      if (status !== '101') throw new RefusedUpgrade(Number(status), head);
      const answered = headersOf(head);
      const accept = createHash('sha1')
        .update(key + GUID)
        .digest('base64');
      if (answered['sec-websocket-accept'] !== accept) throw new Unmet('Sec-WebSocket-Accept is wrong');
      return new WebSocket(socket, answered, rest, listener);
    } catch (error) {
      socket.destroy();
      throw error;
    }
  }

  /** One message. */
  send(octets: Buffer, opcode: number = OPCODE.text): void {
    this.#socket.write(encodeWebSocketFrame(opcode, octets));
  }

  /** As a process that is killed goes: no Close. */
  drop(): void {
    this.#socket.destroy();
  }

  /** With a Close, and not waiting for the other one. */
  leave(): void {
    if (this.#socket.destroyed) return;
    this.#socket.end(encodeWebSocketFrame(OPCODE.close, Buffer.from([0x03, 0xe8])));
    this.#socket.setTimeout(1_000, () => this.#socket.destroy());
  }

  #read(octets: Buffer): void {
    if (this.#close !== null) return;
    try {
      for (const frame of this.#reader.push(octets)) this.#take(frame);
    } catch (error) {
      this.#listener.violation(error as Error);
      this.#socket.destroy();
    }
  }

  #take(frame: WebSocketFrame): void {
    const { opcode, final, payload } = frame;
    if (opcode === OPCODE.ping) this.send(payload, OPCODE.pong);
    else if (opcode === OPCODE.close) this.#closeCame(payload);
    else if (opcode <= OPCODE.binary) {
      if (opcode !== OPCODE.continuation) this.#isText = opcode === OPCODE.text;
      this.#fragments.push(payload);
      if (final) this.#message(Buffer.concat(this.#fragments.splice(0)));
    }
  }

  #message(octets: Buffer): void {
    // RFC 6455 §8.1: a browser fails the connection over this.
    if (this.#isText && !isUtf8(octets)) throw new Error('a text message is not UTF-8');
    this.#listener.data(octets);
  }

  #closeCame(payload: Buffer): void {
    if (payload.length > 125) throw new Error('a Close of more than 125 octets');
    this.#close = {
      code: payload.length < 2 ? 1005 : payload.readUInt16BE(0),
      reason: payload.subarray(2),
    };
    this.#socket.end(encodeWebSocketFrame(OPCODE.close, payload.subarray(0, 2)));
    this.#tell();
  }

  #tell(): void {
    if (this.#told) return;
    this.#told = true;
    this.#listener.close(this.#close ?? { code: 1006, reason: Buffer.alloc(0) });
  }
}

function headersOf(head: string): Record<string, string> {
  const lines = head.split('\r\n').slice(1);
  return Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(':')).toLowerCase(),
      line.slice(line.indexOf(':') + 1).trim(),
    ]),
  );
}

function readHead(socket: Socket, timeoutMs: number): Promise<{ head: string; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let octets = Buffer.alloc(0);
    const settle = (done: () => void): void => {
      clearTimeout(timer);
      socket.off('data', read).off('error', fail).off('close', ended);
      done();
    };
    const fail = (error: Error): void => settle(() => reject(new Unmet(`no connection: ${error.message}`)));
    const ended = (): void => fail(new Error('it was closed before the upgrade was answered'));
    const read = (chunk: Buffer): void => {
      octets = Buffer.concat([octets, chunk]);
      const end = octets.indexOf('\r\n\r\n');
      if (end < 0) return;
      const head = octets.subarray(0, end).toString('latin1');
      settle(() => resolve({ head, rest: octets.subarray(end + 4) }));
    };
    const timer = setTimeout(() => fail(new Error('the upgrade was not answered')), timeoutMs);
    socket.on('data', read).once('error', fail).once('close', ended);
  });
}
