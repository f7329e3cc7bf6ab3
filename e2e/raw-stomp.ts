// STOMP by hand over `ws`: frames as they are written, and everything that comes back in its order.
import type { IncomingMessage } from 'node:http';
import WebSocket from 'ws';
import { Inbox } from './inbox.ts';

export type RawFrame = {
  readonly command: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
};
export type Closing = { readonly command: 'close'; readonly code: number; readonly reason: string };

export type RawOptions = {
  readonly protocols?: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
};

export class RawStomp {
  /** Frames and, last of all, the Close. */
  readonly came = new Inbox<RawFrame | Closing>();
  readonly heartBeats = new Inbox<void>();
  readonly #webSocket: WebSocket;

  private constructor(webSocket: WebSocket) {
    this.#webSocket = webSocket;
    webSocket.on('message', (data) => this.#read(String(data)));
    webSocket.on('close', (code, reason) => {
      this.came.push({ command: 'close', code, reason: String(reason) });
      const story = new Error(`The connection was closed: ${code} ${reason}`);
      this.came.end(story);
      this.heartBeats.end(story);
    });
  }

  /** Resolves with the 101; rejects with a RefusedUpgrade. */
  static async open(chatUrl: string, options: RawOptions = {}): Promise<RawStomp> {
    const { protocols = ['v12.stomp'], headers = {} } = options;
    const webSocket = new WebSocket(chatUrl, [...protocols], { headers });
    const raw = new RawStomp(webSocket);
    await new Promise<void>((resolve, reject) => {
      webSocket.once('open', resolve);
      webSocket.once('error', reject);
      webSocket.once('unexpected-response', (_request, response) => {
        void RefusedUpgrade.of(response).then(reject, reject);
      });
      webSocket.once('upgrade', ({ headers: answered }) => {
        raw.#answered = answered;
      });
    });
    return raw;
  }

  /** Open and past CONNECTED. */
  static async connect(
    chatUrl: string,
    token: string,
    headers: Record<string, string> = {},
  ): Promise<RawStomp> {
    const raw = await RawStomp.open(chatUrl, { protocols: ['v12.stomp', `bearer.${token}`] });
    raw.write('CONNECT', { 'accept-version': '1.2', host: 'maru', ...headers });
    const { command } = await raw.came.next();
    if (command !== 'CONNECTED') throw new Error(`${command} came instead of CONNECTED`);
    return raw;
  }

  #answered: IncomingMessage['headers'] = {};

  /** The headers of the 101. */
  get answered(): IncomingMessage['headers'] {
    return this.#answered;
  }

  /** The next that came, which is no Close. */
  async frame(): Promise<RawFrame> {
    const came = await this.came.next();
    if ('headers' in came) return came;
    throw new Error(`The connection was closed: ${came.code} ${came.reason}`);
  }

  write(command: string, headers: Readonly<Record<string, string>> = {}, body = ''): void {
    const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
    this.#webSocket.send(`${command}\n${lines.join('')}\n${body}\0`);
  }

  /** A WebSocket message of exactly this: text for a string, binary for octets. */
  writeRaw(message: string | Uint8Array): void {
    this.#webSocket.send(message);
  }

  beat(): void {
    this.#webSocket.send('\n');
  }

  drop(): void {
    this.#webSocket.terminate();
  }

  /** Bodies are JSON here, so a NUL always ends a frame and an EOL outside of one is a heart-beat. */
  #read(text: string): void {
    for (const part of text.split(/(?<=\0)/)) {
      if (/^\n+$/.test(part)) this.heartBeats.push();
      else this.came.push(parseFrame(part.replace(/^\n+/, '')));
    }
  }
}

/** The answer to an upgrade was not 101. */
export class RefusedUpgrade extends Error {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;

  constructor(status: number, headers: IncomingMessage['headers'], body: string) {
    super(`The upgrade was answered ${status}: ${body}`);
    this.status = status;
    this.headers = headers;
    this.body = body;
  }

  static async of(response: IncomingMessage): Promise<RefusedUpgrade> {
    let body = '';
    for await (const chunk of response) body += chunk;
    return new RefusedUpgrade(response.statusCode ?? 0, response.headers, body);
  }
}

/** The refusal of an upgrade that must be refused. */
export async function refusalOf(chatUrl: string, options: RawOptions): Promise<RefusedUpgrade> {
  try {
    const raw = await RawStomp.open(chatUrl, options);
    raw.drop();
  } catch (error) {
    if (error instanceof RefusedUpgrade) return error;
    throw error;
  }
  throw new Error('The upgrade was not refused');
}

function parseFrame(text: string): RawFrame {
  const end = text.indexOf('\n\n');
  const [command = '', ...lines] = text.slice(0, end).split('\n');
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    // The first of a repeated header counts (STOMP 1.2 §Repeated Header Entries).
    headers[line.slice(0, colon)] ??= line.slice(colon + 1);
  }
  return { command, headers, body: text.slice(end + 2).replace(/\0$/, '') };
}
