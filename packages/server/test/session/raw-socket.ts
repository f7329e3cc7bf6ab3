// A TCP connection that speaks RFC 6455 by hand, so that it can also speak it wrongly.
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export type WireFrame = { readonly opcode: number; readonly payload: Buffer; readonly masked: boolean };

export type FrameParts = {
  readonly fin?: boolean;
  readonly rsv?: number;
  readonly opcode?: number;
  readonly masked?: boolean;
  /** Written in this form whether it is the shortest or not, and whatever the payload's own length. */
  readonly length?: { readonly form: 7 | 16 | 64; readonly value: bigint };
};

export class RawSocket {
  readonly socket: Socket;
  /** The head of the answer to the upgrade. */
  readonly head: Promise<string>;
  /** Everything after the head, once the server has ended the connection. */
  readonly closed: Promise<readonly WireFrame[]>;
  readonly frames: WireFrame[] = [];
  #input: Buffer = Buffer.alloc(0);
  #upgraded = false;
  #ended = false;
  #arrived: (() => void)[] = [];

  constructor(port: number, lines: readonly string[]) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => undefined);
    this.head = new Promise((resolve) => {
      this.socket.on('data', (chunk: Buffer) => {
        this.#input = Buffer.concat([this.#input, chunk]);
        if (!this.#upgraded) {
          const end = this.#input.indexOf('\r\n\r\n');
          if (end === -1) return;
          this.#upgraded = true;
          resolve(this.#input.subarray(0, end).toString());
          this.#input = this.#input.subarray(end + 4);
        }
        this.#read();
      });
    });
    this.closed = new Promise((resolve) => {
      this.socket.on('close', () => {
        this.#ended = true;
        resolve(this.frames);
        for (const arrived of this.#arrived.splice(0)) arrived();
      });
    });
    this.socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  }

  static upgrade(port: number, extra: readonly string[] = [], path = '/chat'): RawSocket {
    return new RawSocket(port, [
      `GET ${path} HTTP/1.1`,
      `Host: 127.0.0.1:${port}`,
      'Upgrade: websocket',
      'Connection: Upgrade',
      `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
      'Sec-WebSocket-Version: 13',
      ...extra,
    ]);
  }

  /** Upgraded, and past CONNECTED. */
  static async session(port: number, token: string, extra: readonly string[] = []): Promise<RawSocket> {
    const socket = RawSocket.upgrade(port, extra);
    await socket.head;
    socket.write(`CONNECT\naccept-version:1.2\nhost:x\nAuthorization:Bearer ${token}\n\n\0`);
    const answer = await socket.text();
    if (!answer.startsWith('CONNECTED\n')) throw new Error(`CONNECTED was expected; ${answer} came`);
    return socket;
  }

  write(payload: string | Uint8Array, parts: FrameParts = {}): void {
    this.socket.write(wireFrame(payload, parts));
  }

  /** The next data frame's text. */
  async text(): Promise<string> {
    return (await this.next(1)).payload.toString();
  }

  /** The next frame of that opcode; others stay in `frames`. Rejects when the connection ends before one comes. */
  async next(opcode: number): Promise<WireFrame> {
    const frame = await this.#find(opcode);
    if (frame === undefined) throw new Error(`the connection ended before a frame of opcode ${opcode} came`);
    this.frames.splice(this.frames.indexOf(frame), 1);
    return frame;
  }

  /** Resolves when so many frames have come and not been taken; rejects when the connection ends before. */
  async count(frames: number): Promise<void> {
    while (this.frames.length < frames) {
      if (this.#ended) throw new Error(`the connection ended after ${this.frames.length} frames`);
      await new Promise<void>((resolve) => this.#arrived.push(resolve));
    }
  }

  /** All octets at once, or as many as the server takes; resolves when they are gone or the connection is. */
  async flood(octets: Uint8Array): Promise<void> {
    if (this.#ended || this.socket.write(octets)) return;
    await Promise.race([new Promise((resolve) => this.socket.once('drain', resolve)), this.closed]);
  }

  /** The code of the Close that the server sends, which is answered as RFC 6455 wants; `undefined`: it sent none. */
  async closeCode(): Promise<number | undefined> {
    const close = await this.#find(8);
    if (close === undefined) return undefined;
    this.write(close.payload, { opcode: 8 });
    await this.closed;
    return close.payload.length < 2 ? 1005 : close.payload.readUInt16BE(0);
  }

  /** The first frame of that opcode, as soon as there is one; `undefined` if the connection ends before. */
  async #find(opcode: number): Promise<WireFrame | undefined> {
    for (;;) {
      const frame = this.frames.find((one) => one.opcode === opcode);
      if (frame !== undefined || this.#ended) return frame;
      await new Promise<void>((resolve) => this.#arrived.push(resolve));
    }
  }

  #read(): void {
    for (;;) {
      const input = this.#input;
      if (input.length < 2) return;
      const short = (input[1] ?? 0) & 0x7f;
      const start = short < 126 ? 2 : short === 126 ? 4 : 10;
      if (input.length < start) return;
      const length =
        short < 126 ? short : short === 126 ? input.readUInt16BE(2) : Number(input.readBigUInt64BE(2));
      if (input.length < start + length) return;
      this.frames.push({
        opcode: (input[0] ?? 0) & 0x0f,
        payload: Buffer.from(input.subarray(start, start + length)),
        masked: ((input[1] ?? 0) & 0x80) !== 0,
      });
      this.#input = input.subarray(start + length);
      for (const arrived of this.#arrived.splice(0)) arrived();
    }
  }
}

export function wireFrame(payload: string | Uint8Array, parts: FrameParts = {}): Buffer {
  const { fin = true, rsv = 0, opcode = 1, masked = true } = parts;
  const octets = Buffer.from(payload);
  const { form, value } = parts.length ?? shortest(octets.length);
  const head = Buffer.alloc(form === 7 ? 2 : form === 16 ? 4 : 10);
  head[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  head[1] = (masked ? 0x80 : 0) | (form === 7 ? Number(value) : form === 16 ? 126 : 127);
  if (form === 16) head.writeUInt16BE(Number(value), 2);
  if (form === 64) head.writeBigUInt64BE(value, 2);
  if (!masked) return Buffer.concat([head, octets]);
  const mask = Buffer.from([1, 2, 3, 4]);
  return Buffer.concat([head, mask, octets.map((octet, index) => octet ^ (mask[index % 4] ?? 0))]);
}

function shortest(length: number): { form: 7 | 16 | 64; value: bigint } {
  return { form: length < 126 ? 7 : length < 65_536 ? 16 : 64, value: BigInt(length) };
}
