// STOMP by hand in any version, with bodies of any octets: frames as the conformance suite reads them, by the grammar alone.
import WebSocket from 'ws';
import { encode, encodeValue, FrameReader, header, type Version } from './conformance/stomp-frame.ts';
import { Inbox } from './inbox.ts';

export type Octets = {
  readonly command: string;
  /** Of a repeated header the first. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Whether the WebSocket message it came in was a binary one. */
  readonly isBinary: boolean;
};

export type Ended = { readonly code: number; readonly reason: string };

export class OctetStomp {
  readonly came = new Inbox<Octets>();
  readonly ended: Promise<Ended>;
  readonly #webSocket: WebSocket;
  readonly #reader = new FrameReader();
  #version: Version = '1.2';

  private constructor(webSocket: WebSocket) {
    this.#webSocket = webSocket;
    webSocket.on('message', (data, isBinary) => this.#read(data as Buffer, isBinary));
    this.ended = new Promise((resolve) => {
      webSocket.on('close', (code, reason) => {
        this.came.end(new Error(`The connection was closed: ${code} ${reason}`));
        resolve({ code, reason: String(reason) });
      });
    });
  }

  /** Resolves past CONNECTED. */
  static async connect(chatUrl: string, token: string, version: Version = '1.2'): Promise<OctetStomp> {
    const webSocket = new WebSocket(chatUrl, { headers: { Authorization: `Bearer ${token}` } });
    const client = new OctetStomp(webSocket);
    await new Promise((resolve, reject) => webSocket.once('open', resolve).once('error', reject));
    client.send('CONNECT', { 'accept-version': version, host: 'maru' });
    const connected = await client.expect('CONNECTED');
    if (connected.headers.version !== version) throw new Error(`it speaks ${connected.headers.version}`);
    return client;
  }

  /** One WebSocket message: binary for a Buffer. Headers are escaped as the version wants it. */
  send(command: string, headers: Readonly<Record<string, string>> = {}, body: string | Buffer = ''): void {
    const escaped =
      command === 'CONNECT'
        ? headers
        : Object.fromEntries(
            Object.entries(headers).map(([name, value]) => [
              encodeValue(name, this.#version),
              encodeValue(value, this.#version),
            ]),
          );
    const octets = encode(command, escaped, body);
    this.#webSocket.send(typeof body === 'string' ? octets.toString() : octets);
  }

  async expect(command: string): Promise<Octets> {
    const frame = await this.came.next();
    if (frame.command === command) return frame;
    throw new Error(`${frame.command} ${JSON.stringify(frame.headers)} came instead of ${command}`);
  }

  async messages(count: number): Promise<Octets[]> {
    const messages: Octets[] = [];
    while (messages.length < count) messages.push(await this.expect('MESSAGE'));
    return messages;
  }

  /** The bodies of the next MESSAGEs, as texts. */
  async texts(count: number): Promise<string[]> {
    return (await this.messages(count)).map(({ body }) => body.toString());
  }

  /** Subscribes and awaits the RECEIPT. */
  async subscribe(destination: string, id: string, more: Record<string, string> = {}): Promise<void> {
    this.send('SUBSCRIBE', { destination, id, receipt: `subscribe-${id}`, ...more });
    await this.expect('RECEIPT');
  }

  /** What is refused: the ERROR, with the Close after it. */
  async refusal(): Promise<{ readonly error: Octets; readonly ended: Ended }> {
    return { error: await this.expect('ERROR'), ended: await this.ended };
  }

  drop(): void {
    this.#webSocket.terminate();
  }

  #read(data: Buffer, isBinary: boolean): void {
    for (const taken of this.#reader.push(data)) {
      if (taken === 'heart-beat') continue;
      const { command, body } = taken;
      if (command === 'CONNECTED') {
        this.#version = (header(taken, 'version') ?? '1.0') as Version;
        this.#reader.version = this.#version;
      }
      // The first entry counts (STOMP 1.2 §Repeated Header Entries).
      const headers = Object.fromEntries([...taken.headers].reverse());
      this.came.push({ command, headers, body, isBinary });
    }
  }
}
