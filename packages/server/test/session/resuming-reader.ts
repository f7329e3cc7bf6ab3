// A reader whose connection is cut again and again, and who goes on from the last entry it heard.
import { encodeFrame, FrameDecoder } from '@maru/stomp';
import { WebSocket } from 'ws';
import type { Chat } from './chat-fixture.ts';

const WIDE = { frameOctets: 4_194_304, headers: 100, headerOctets: 65_536, authorizationOctets: 65_536 };

/** What went wrong in a stream of seqs. */
export type Faults = { lost: number; doubled: number; inverted: number; foreign: number };

/** FNV-1a: enough to see that a body is the one of the log. */
export function digestOf(octets: Uint8Array): number {
  let digest = 0x811c9dc5;
  for (const octet of octets) digest = Math.imul(digest ^ octet, 0x01000193);
  return digest >>> 0;
}

/** One room as the reader has heard it, over all its connections. */
export class Stream {
  readonly roomId: string;
  readonly first: number;
  last: number;
  epoch: string | undefined;
  /** Digest of each body, from `first + 1` on. */
  readonly digests: number[] = [];
  readonly faults: Faults = { lost: 0, doubled: 0, inverted: 0, foreign: 0 };

  constructor(roomId: string, from: number) {
    this.roomId = roomId;
    this.first = from;
    this.last = from;
  }

  hear(seq: number, body: Uint8Array): void {
    if (seq === this.last) this.faults.doubled += 1;
    else if (seq < this.last) this.faults.inverted += 1;
    else this.faults.lost += seq - this.last - 1;
    if (seq <= this.last) return;
    this.last = seq;
    this.digests.push(digestOf(body));
  }
}

export class ResumingReader {
  readonly streams: readonly Stream[];
  deliveries = 0;
  #webSocket: WebSocket | null = null;
  #onHeard: () => void = () => {};

  constructor(streams: readonly Stream[]) {
    this.streams = streams;
  }

  /** Connects and subscribes to all its rooms from where it is; doesn't wait for an answer but CONNECTED. */
  async connect(chat: Chat, user: string): Promise<void> {
    const token = await chat.token(user);
    const webSocket = new WebSocket(chat.webSocketUrl, ['v12.stomp'], { perMessageDeflate: false });
    this.#webSocket = webSocket;
    const connected = Promise.withResolvers<void>();
    const decoder = new FrameDecoder({
      limits: WIDE,
      from: 'server',
      onFrame: ({ command, headers, body }) => {
        if (command === 'MESSAGE') this.#hear(headers, body);
        else if (command === 'ERROR') connected.reject(new Error(`ERROR ${headers.get('code')}`));
        else if (command === 'CONNECTED') connected.resolve();
      },
    });
    decoder.version = '1.2';
    webSocket.on('message', (data) => {
      // What was on its way when the connection was cut was not heard.
      if (this.#webSocket === webSocket) decoder.push(data as Buffer);
    });
    webSocket.on('error', (error) => connected.reject(error));
    webSocket.on('close', (code) => connected.reject(new Error(`closed with ${code}`)));
    await new Promise((resolve, reject) => webSocket.once('open', resolve).once('error', reject));
    this.#send('CONNECT', { 'accept-version': '1.2', host: 'maru', Authorization: `Bearer ${token}` });
    await connected.promise;
    for (const [index, { roomId, last, epoch }] of this.streams.entries()) {
      this.#send('SUBSCRIBE', {
        destination: `/topic/chat/room/${roomId}`,
        id: String(index),
        'from-seq': String(last),
        ...(epoch === undefined ? {} : { 'log-epoch': epoch }),
      });
    }
  }

  pause(): void {
    this.#webSocket?.pause();
  }

  resume(): void {
    this.#webSocket?.resume();
  }

  /** Resolves when so many more have been heard. */
  async hears(count: number): Promise<void> {
    const until = this.deliveries + count;
    while (this.deliveries < until) await new Promise<void>((resolve) => this.#next(resolve));
  }

  /** Resolves when it has heard each room up to that seq. */
  async reaches(heads: ReadonlyMap<string, number>): Promise<void> {
    while (this.streams.some(({ roomId, last }) => last < (heads.get(roomId) ?? 0))) {
      await new Promise<void>((resolve) => this.#next(resolve));
    }
  }

  /** Cuts the connection, wherever it is. */
  drop(): void {
    const webSocket = this.#webSocket;
    this.#webSocket = null;
    webSocket?.terminate();
  }

  #next(resolve: () => void): void {
    this.#onHeard = resolve;
  }

  #send(command: 'CONNECT' | 'SUBSCRIBE', headers: Readonly<Record<string, string>>): void {
    this.#webSocket?.send(encodeFrame({ command, headers: Object.entries(headers) }, '1.2'));
  }

  #hear(headers: { get(name: string): string | undefined }, body: Uint8Array): void {
    const stream = this.streams[Number(headers.get('subscription'))];
    if (stream === undefined) return;
    stream.epoch = headers.get('log-epoch');
    stream.hear(Number(headers.get('seq')), body);
    this.deliveries += 1;
    this.#onHeard();
  }
}
