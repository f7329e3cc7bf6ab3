// One of the many who come back at once: a page or a program, with the waits of Maru's own client, that follows one room.
import { Backoff } from '@maru/client';
import { ERRORS, isErrorCode, roomDestination } from '@maru/contract';
import { encodeFrame, type Frame, FrameDecoder, type ServerCommand } from '@maru/stomp';
import WebSocket from 'ws';

export type VisitorOptions = {
  readonly chatUrl: string;
  /** Of the page that a browser would have it from: it learns of a refusal by a close code alone. Absent: a program. */
  readonly pageUrl?: string;
  readonly token: string;
  readonly roomId: string;
  /** The near end of its connections. */
  readonly localAddress: string;
};

export type VisitorEvents = {
  /** It follows its room again. */
  readonly onBack: (visitor: Visitor) => void;
  /** It was told to come later. */
  readonly onTold: () => void;
  readonly onBreach: (what: string) => void;
};

const WIDE = { frameOctets: 1_048_576, headers: 100, headerOctets: 65_536, authorizationOctets: 65_536 };
/** As the client of `packages/client`: whoever is not connected by then begins anew. */
const CONNECT_WITHIN_MS = 10_000;

/** States: *away* → *coming* (`come`, or its wait is over) → *back* → *away*; *gone* after `leave`. */
export class Visitor {
  readonly #options: VisitorOptions;
  readonly #events: VisitorEvents;
  /** A storm comes after a long calm, which nobody waits for here: each connection counts as one that has lasted. */
  readonly #backoff = new Backoff({ stableMs: 0 });
  #socket: WebSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #retryAfterMs = 0;
  #isGone = false;
  #seq = 0;
  #epoch = '';
  /** Connections begun since `drop` or the last loss. */
  tries = 0;
  isBack = false;

  constructor(options: VisitorOptions, events: VisitorEvents) {
    this.#options = options;
    this.#events = events;
  }

  /** The last entry of its room that it has heard. */
  get seq(): number {
    return this.#seq;
  }

  get story(): string {
    return `${this.#options.roomId}: ${this.tries} tries, heard up to ${this.#seq}`;
  }

  come(): void {
    const { chatUrl, pageUrl, token, localAddress } = this.#options;
    this.tries += 1;
    const socket =
      pageUrl === undefined
        ? new WebSocket(chatUrl, ['v12.stomp'], {
            ...NO_DEFLATE,
            localAddress,
            headers: { Authorization: `Bearer ${token}` },
          })
        : new WebSocket(chatUrl, ['v12.stomp', `bearer.${token}`], {
            ...NO_DEFLATE,
            localAddress,
            origin: pageUrl,
          });
    this.#socket = socket;
    this.#retryAfterMs = 0;
    const decoder = new FrameDecoder({
      limits: WIDE,
      from: 'server',
      onFrame: (frame) => this.#hear(frame),
    });
    decoder.version = '1.2';
    this.#timer = setTimeout(() => socket.terminate(), CONNECT_WITHIN_MS);
    socket.on('open', () => socket.send(this.#greeting()));
    socket.on('message', (data) => decoder.push(data as Buffer));
    socket.on('unexpected-response', (_, { headers }) => {
      this.#told(Number(headers['retry-after'] ?? 0) * 1_000);
      socket.terminate();
    });
    // A close follows.
    socket.on('error', () => undefined);
    socket.on('close', (_code, reason) => {
      const ms = /^retry-after=(\d+)$/.exec(String(reason))?.[1];
      if (ms !== undefined) this.#told(Number(ms));
      if (this.#socket === socket) this.#lost();
    });
  }

  /** The network goes; it comes back as after any lost connection. */
  drop(): void {
    this.#socket?.terminate();
  }

  leave(): void {
    this.#isGone = true;
    clearTimeout(this.#timer);
    this.#socket?.terminate();
  }

  #told(ms: number): void {
    if (ms > 0) this.#events.onTold();
    this.#retryAfterMs = ms;
  }

  #lost(): void {
    clearTimeout(this.#timer);
    if (this.isBack) this.tries = 0;
    this.isBack = false;
    if (this.#isGone) return;
    const wait = this.#backoff.next(performance.now(), this.#retryAfterMs);
    this.#timer = setTimeout(() => this.come(), wait);
  }

  #greeting(): Buffer {
    const connect = encodeFrame({ command: 'CONNECT', headers: [...CONNECT, ['host', 'maru']] }, '1.2');
    const subscribe = encodeFrame(
      {
        command: 'SUBSCRIBE',
        headers: [
          ['id', '1'],
          ['destination', roomDestination(this.#options.roomId)],
          ['receipt', '1'],
          ['from-seq', `${this.#seq}`],
          ...(this.#epoch === '' ? [] : [['log-epoch', this.#epoch] as const]),
        ],
      },
      '1.2',
    );
    return Buffer.concat([connect, subscribe]);
  }

  #hear({ command, headers }: Frame<ServerCommand>): void {
    if (command === 'MESSAGE') {
      const seq = Number(headers.get('seq'));
      if (seq !== this.#seq + 1) this.#events.onBreach(`${this.story}: seq ${seq} came`);
      this.#seq = seq;
      this.#epoch = headers.get('log-epoch') ?? '';
    } else if (command === 'RECEIPT') {
      clearTimeout(this.#timer);
      this.#backoff.opened(performance.now());
      this.isBack = true;
      this.#events.onBack(this);
    } else if (command === 'ERROR') {
      const code = headers.get('code') ?? '';
      if (isErrorCode(code) && ERRORS[code].retry === 'later') return;
      this.#events.onBreach(`${this.story}: ERROR ${code}`);
    }
  }
}

const NO_DEFLATE = { perMessageDeflate: false, followRedirects: false } as const;
const CONNECT = [
  ['accept-version', '1.2'],
  ['heart-beat', '0,0'],
] as const;
