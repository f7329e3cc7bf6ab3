// A STOMP client that hides nothing: a real WebSocket, frames as they come, each awaited by a promise.
import { EventEmitter, once } from 'node:events';
import { type ClientCommand, encodeFrame, type Frame, FrameDecoder, type ServerCommand } from '@maru/stomp';
import { WebSocket } from 'ws';

export type ServerFrame = Frame<ServerCommand>;
export type Close = { readonly code: number; readonly reason: string };
export type RawClientOptions = {
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
};

export type Refusal = {
  readonly error: ServerFrame;
  readonly code: string;
  readonly close: number;
  readonly reason: string;
};

type Waiting = { resolve(frame: ServerFrame): void; reject(error: Error): void };

const WIDE = { frameOctets: 4_194_304, headers: 100, headerOctets: 65_536, authorizationOctets: 65_536 };

export class RawClient {
  readonly webSocket: WebSocket;
  /** Resolves when the WebSocket is closed, however it ended. */
  readonly closed: Promise<Close>;
  /** Frames that came and were not asked for yet. */
  readonly frames: ServerFrame[] = [];
  /** In which WebSocket messages the server's frames have come. */
  readonly kinds = new Set<'text' | 'binary'>();
  /** When each heart-beat came, by performance.now(). */
  readonly heartBeats: number[] = [];
  /** Emits `beat` after each of them. */
  readonly #beating = new EventEmitter();
  readonly #decoder: FrameDecoder<'server'>;
  readonly #waiting: Waiting[] = [];
  #end: Close | undefined;

  private constructor(webSocket: WebSocket) {
    this.webSocket = webSocket;
    this.#decoder = new FrameDecoder({
      limits: WIDE,
      from: 'server',
      onFrame: (frame) => this.#receive(frame),
      onHeartBeat: () => {
        this.heartBeats.push(performance.now());
        this.#beating.emit('beat');
      },
    });
    webSocket.on('message', (data, isBinary) => {
      this.kinds.add(isBinary ? 'binary' : 'text');
      this.#decoder.push(data as Buffer);
    });
    webSocket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      webSocket.on('close', (code, reason) => {
        this.#end = { code, reason: String(reason) };
        for (const { reject } of this.#waiting.splice(0)) reject(this.#gone(this.#end));
        resolve(this.#end);
      });
    });
  }

  static async open(
    url: string,
    { protocols = ['v12.stomp'], headers = {} }: RawClientOptions = {},
  ): Promise<RawClient> {
    const webSocket = new WebSocket(url, [...protocols], { headers, perMessageDeflate: false });
    const client = new RawClient(webSocket);
    await new Promise((resolve, reject) => webSocket.once('open', resolve).once('error', reject));
    return client;
  }

  /** @returns CONNECTED. `headers` with an empty value are left out. */
  async connect(token: string, headers: Readonly<Record<string, string>> = {}): Promise<ServerFrame> {
    const all = { 'accept-version': '1.2', host: 'maru', Authorization: `Bearer ${token}`, ...headers };
    this.send('CONNECT', Object.fromEntries(Object.entries(all).filter(([, value]) => value !== '')));
    return this.expect('CONNECTED');
  }

  send(command: ClientCommand, headers: Readonly<Record<string, string>> = {}, body = ''): void {
    this.write(frameText(command, headers, body));
  }

  /** One WebSocket message: text for a string, binary for octets. */
  write(octets: string | Uint8Array): void {
    this.webSocket.send(octets);
  }

  /** SEND to a room, with a receipt if `receipt` is given. */
  say(roomId: string, content: string, receipt?: string): void {
    this.write(sendText(roomId, content, receipt));
  }

  /** The next frame; rejects when the WebSocket closes before one comes. */
  next(): Promise<ServerFrame> {
    const frame = this.frames.shift();
    if (frame !== undefined) return Promise.resolve(frame);
    if (this.#end !== undefined) return Promise.reject(this.#gone(this.#end));
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  /** The next frame, which must be this one. */
  async expect(command: ServerCommand): Promise<ServerFrame> {
    const frame = await this.next();
    if (frame.command !== command) {
      throw new Error(`${command} was expected; ${describe(frame)} came`);
    }
    return frame;
  }

  /** The next ERROR, passing over other frames, and the close after it; nothing may come between. */
  async refusal(): Promise<Refusal> {
    for (;;) {
      const error = await this.next();
      if (error.command !== 'ERROR') continue;
      const { code: close, reason } = await this.closed;
      const [after] = this.frames;
      if (after !== undefined) throw new Error(`${describe(after)} came after the ERROR`);
      return { error, code: error.headers.get('code') ?? '', close, reason };
    }
  }

  /** The next RECEIPT, which must be of `id`; MESSAGEs before it stay in `frames`. */
  async receipt(id: string): Promise<ServerFrame> {
    const passed: ServerFrame[] = [];
    for (;;) {
      const frame = await this.next();
      if (frame.command === 'RECEIPT' && frame.headers.get('receipt-id') === id) {
        this.frames.unshift(...passed);
        return frame;
      }
      if (frame.command !== 'MESSAGE') throw new Error(`RECEIPT ${id} was expected; ${describe(frame)} came`);
      passed.push(frame);
    }
  }

  /** Subscribes and awaits the RECEIPT. @returns the seq it names */
  async subscribe(roomId: string, id: string): Promise<number> {
    const receipt = `subscribe-${id}`;
    this.send('SUBSCRIBE', { destination: `/topic/chat/room/${roomId}`, id, receipt });
    return Number((await this.receipt(receipt)).headers.get('seq'));
  }

  /** The next `count` MESSAGEs; any other frame is an error. */
  async messages(count: number): Promise<ServerFrame[]> {
    const messages: ServerFrame[] = [];
    while (messages.length < count) messages.push(await this.expect('MESSAGE'));
    return messages;
  }

  /** Resolves when so many heart-beats have come in all; rejects when the WebSocket closes before. */
  async beats(count: number): Promise<void> {
    const gone = this.closed.then((end) => Promise.reject(this.#gone(end)));
    while (this.heartBeats.length < count) await Promise.race([once(this.#beating, 'beat'), gone]);
    gone.catch(() => undefined);
  }

  /** Answers once all that was sent before it has been acted on and answered. */
  async settled(): Promise<void> {
    this.send('DISCONNECT', { receipt: 'bye' });
    await this.receipt('bye');
    await this.closed;
  }

  terminate(): void {
    this.webSocket.terminate();
  }

  #receive(frame: ServerFrame): void {
    if (frame.command === 'CONNECTED') {
      const version = frame.headers.get('version');
      this.#decoder.version = version === '1.1' || version === '1.2' ? version : '1.0';
    }
    const waiting = this.#waiting.shift();
    if (waiting === undefined) this.frames.push(frame);
    else waiting.resolve(frame);
  }

  #gone({ code, reason }: Close): Error {
    return new Error(`the WebSocket closed: ${code} ${reason}`);
  }
}

export function frameText(
  command: ClientCommand,
  headers: Readonly<Record<string, string>>,
  body = '',
): string {
  const octets = Buffer.from(body);
  return Buffer.from(
    encodeFrame({ command, headers: Object.entries(headers), body: octets }, '1.2'),
  ).toString();
}

export function sendText(roomId: string, content: string, receipt?: string): string {
  return frameText(
    'SEND',
    { destination: '/pub/send/message', ...(receipt === undefined ? {} : { receipt }) },
    JSON.stringify({ roomId, content }),
  );
}

export function bodyOf(frame: ServerFrame): Record<string, unknown> {
  return JSON.parse(Buffer.from(frame.body).toString());
}

function textOf(frame: ServerFrame): string {
  return Buffer.from(frame.body).toString();
}

export function headersOf(frame: ServerFrame): Record<string, string> {
  return Object.fromEntries(frame.headers);
}

function describe(frame: ServerFrame): string {
  return `${frame.command} ${JSON.stringify(headersOf(frame))} ${textOf(frame).slice(0, 200)}`;
}
