// One connection to the server under test: octets out, frames in, and a transcript of both.
import { encode, type Frame, FrameReader, type Headers, header, type Version } from './stomp-frame.ts';
import { expectThat, Unmet } from './unmet.ts';
import { type Close, type Upgrade, WebSocket } from './websocket.ts';
import { OPCODE } from './websocket-frame.ts';

/** Where a check SENDs, and where what was sent comes out. */
export type Place = { readonly destination: string; readonly sendTo: string };

/** At least one of the two is there. */
export type Refusal = { readonly error: Frame | undefined; readonly close: Close | undefined };

type Arrival = Frame | { readonly command: 'close'; readonly close: Close } | { readonly violation: Error };

/** States: *open* → *closed* (a Close, or the end of TCP). What came before can still be taken. */
export class Connection {
  readonly transcript: string[] = [];
  /** What was not right about refusals: each should be an ERROR and then a close. R07 and R10 judge that. */
  readonly shortcomings: string[] = [];
  /** When heart-beats came: `performance.now()`. */
  readonly heartBeats: number[] = [];
  readonly #reader = new FrameReader();
  readonly #arrivals: Arrival[] = [];
  readonly #timeoutMs: number;
  #webSocket: WebSocket | null = null;
  #arrived = Promise.withResolvers<void>();
  #markers = 0;

  private constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  static async open(upgrade: Upgrade): Promise<Connection> {
    const connection = new Connection(upgrade.timeoutMs);
    connection.#webSocket = await WebSocket.open(upgrade, {
      data: (octets) => connection.#read(octets),
      close: (close) => connection.#push({ command: 'close', close }),
      violation: (violation) => connection.#push({ violation }),
    });
    return connection;
  }

  /** Of the 101. */
  get answered(): Readonly<Record<string, string>> {
    return this.#open.headers;
  }

  get #open(): WebSocket {
    if (this.#webSocket === null) throw new Error('the connection was not opened');
    return this.#webSocket;
  }

  /** How the server's frames are read from now on. */
  speak(version: Version): void {
    this.#reader.version = version;
  }

  /** One WebSocket message. */
  write(octets: string | Buffer, form: 'text' | 'binary' = 'text'): void {
    const sent = Buffer.from(octets);
    this.transcript.push(`> ${shown(sent)}`);
    this.#open.send(sent, OPCODE[form]);
  }

  /** A frame, in one WebSocket message; nothing is escaped. */
  send(command: string, headers: Headers = {}, body: string | Buffer = ''): void {
    this.write(encode(command, headers, body));
  }

  /** A large frame as clients send it: in WebSocket messages of 8 KiB. */
  sendSplit(command: string, headers: Headers, body: string | Buffer): void {
    const octets = encode(command, headers, body);
    for (let at = 0; at < octets.length; at += 8_192) this.write(octets.subarray(at, at + 8_192), 'binary');
  }

  drop(): void {
    this.#open.drop();
  }

  leave(): void {
    this.#open.leave();
  }

  /** The next frame. */
  async next(withinMs = this.#timeoutMs): Promise<Frame> {
    const arrival = await this.#take(withinMs);
    if (arrival === undefined) throw new Unmet('no answer came');
    if ('close' in arrival) throw new Unmet(`the connection was closed: ${closeText(arrival.close)}`);
    return arrival;
  }

  async nextIs(command: string, withinMs?: number): Promise<Frame> {
    const frame = await this.next(withinMs);
    expectThat(frame.command === command, `${frameText(frame)} came instead of ${command}`);
    return frame;
  }

  async messages(count: number): Promise<Frame[]> {
    const frames: Frame[] = [];
    while (frames.length < count) frames.push(await this.nextIs('MESSAGE'));
    return frames;
  }

  /** Whatever comes within a time; ends earlier if the connection does. */
  async within(ms: number): Promise<{ frames: Frame[]; close: Close | null }> {
    const end = performance.now() + ms;
    const frames: Frame[] = [];
    for (;;) {
      const arrival = await this.#take(end - performance.now());
      if (arrival === undefined) return { frames, close: null };
      if ('close' in arrival) return { frames, close: arrival.close };
      frames.push(arrival);
    }
  }

  /** The server refuses: an ERROR, a close, or one after the other. Frames that were on their way are passed over. */
  async refusal(withinMs = this.#timeoutMs): Promise<Refusal> {
    for (;;) {
      const arrival = await this.#take(withinMs);
      if (arrival === undefined) throw new Unmet('it is not refused');
      if ('close' in arrival) {
        this.shortcomings.push(`the connection is closed without an ERROR: ${closeText(arrival.close)}`);
        return { error: undefined, close: arrival.close };
      }
      if (arrival.command !== 'ERROR') continue;
      const end = await this.#take(this.#timeoutMs);
      if (end !== undefined && 'close' in end) return { error: arrival, close: end.close };
      this.shortcomings.push('the connection stays open after the ERROR');
      return { error: arrival, close: undefined };
    }
  }

  /** A refusal for which the specification asks for an ERROR. */
  async refusalWithError(withinMs?: number): Promise<Refusal & { readonly error: Frame }> {
    const { error, close } = await this.refusal(withinMs);
    if (error === undefined) throw new Unmet(this.shortcomings.at(-1));
    return { error, close };
  }

  /** The end of the connection, and what came before it. */
  async untilClose(ms: number): Promise<{ frames: Frame[]; close: Close }> {
    const { frames, close } = await this.within(ms);
    if (close === null) throw new Unmet(`the connection was still open after ${ms} ms`);
    return { frames, close };
  }

  /** Ends when the server has closed. */
  async closed(withinMs = this.#timeoutMs): Promise<Close> {
    const arrival = await this.#take(withinMs);
    if (arrival === undefined) throw new Unmet('the connection was not closed');
    if ('close' in arrival) return arrival.close;
    throw new Unmet(`${frameText(arrival)} came instead of the close`);
  }

  subscribe(place: Place, headers: Headers = {}): void {
    this.send('SUBSCRIBE', { id: 'sub-0', destination: place.destination, ...headers });
  }

  /** A plain SEND. */
  say(place: Place, body: string, headers: Headers = {}): void {
    this.send('SEND', { destination: place.sendTo, ...headers }, body);
  }

  /**
   * Sends a marker to a place that this connection is subscribed to, and waits for it: what came before is given back,
   * what has not come by then does not come.
   */
  async untilMarker(place: Place, withinMs = this.#timeoutMs): Promise<Frame[]> {
    this.#markers += 1;
    const marker = `marker ${this.#markers}`;
    this.say(place, marker, { 'content-type': 'text/plain' });
    const before: Frame[] = [];
    for (;;) {
      const frame = await this.next(withinMs);
      expectThat(frame.command !== 'ERROR', `${frameText(frame)} came`);
      if (frame.command === 'MESSAGE' && frame.body.toString() === marker) return before;
      before.push(frame);
    }
  }

  /** DISCONNECT; ends when the server is through with all that was sent: its RECEIPT, an ERROR, or the close. */
  async goodbye(): Promise<Frame[]> {
    this.send('DISCONNECT', { receipt: 'goodbye' });
    const frames: Frame[] = [];
    for (;;) {
      const arrival = await this.#take(this.#timeoutMs);
      if (arrival === undefined || 'close' in arrival) return frames;
      if (header(arrival, 'receipt-id') === 'goodbye') return frames;
      frames.push(arrival);
      if (arrival.command === 'ERROR') return frames;
    }
  }

  #read(octets: Buffer): void {
    this.transcript.push(`< ${shown(octets)}`);
    let afterFrame = false;
    for (const taken of this.#reader.push(octets)) {
      // An EOL right behind a frame belongs to it (STOMP 1.2 §Augmented BNF).
      if (taken !== 'heart-beat') this.#push(taken);
      else if (!afterFrame) this.heartBeats.push(performance.now());
      afterFrame = taken !== 'heart-beat';
    }
  }

  #push(arrival: Arrival): void {
    if ('close' in arrival) this.transcript.push(`< close ${closeText(arrival.close)}`);
    // The session's version is known as soon as CONNECTED is read: the next frame may be in the same message.
    if ('octets' in arrival && arrival.command === 'CONNECTED') this.speak(versionOf(arrival));
    this.#arrivals.push(arrival);
    this.#arrived.resolve();
  }

  /** `undefined`: nothing came in time. A close stays: whoever asks next is told again. */
  async #take(withinMs: number): Promise<Exclude<Arrival, { violation: Error }> | undefined> {
    if (this.#arrivals.length === 0) {
      this.#arrived = Promise.withResolvers();
      const timer = setTimeout(this.#arrived.resolve, Math.max(0, withinMs));
      await this.#arrived.promise;
      clearTimeout(timer);
    }
    const arrival = this.#arrivals[0];
    if (arrival === undefined) return undefined;
    if ('violation' in arrival) throw new Unmet(arrival.violation.message);
    if (!('close' in arrival)) this.#arrivals.shift();
    return arrival;
  }
}

function versionOf(connected: Frame): Version {
  const version = header(connected, 'version');
  return version === '1.1' || version === '1.2' ? version : '1.0';
}

const MOST_SHOWN = 600;

/** Octets for the reader of a transcript; tokens are left out. */
function shown(octets: Buffer): string {
  const text = octets
    .subarray(0, MOST_SHOWN)
    .toString('utf8')
    .replaceAll(/Bearer [^\s]+/g, 'Bearer …');
  return `${JSON.stringify(text)}${octets.length > MOST_SHOWN ? ` … ${octets.length} octets` : ''}`;
}

export function closeText(close: Close | undefined): string {
  if (close === undefined) return 'it stays open';
  const { code, reason } = close;
  return code === 1006 ? 'without a Close' : `${code} ${reason.toString('utf8')}`.trim();
}

export function frameText(frame: Frame): string {
  const message = frame.command === 'ERROR' ? header(frame, 'message') : undefined;
  return message === undefined ? frame.command : `${frame.command} “${message}”`;
}
