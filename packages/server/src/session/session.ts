// One STOMP session: its identity, its subscriptions and its ordered mailbox, between a WebSocket and the commands.
import type { Duplex } from 'node:stream';
import { type ErrorCode, isErrorCode, MaruError } from '@maru/contract';
import {
  type ClientCommand,
  type Frame,
  FrameDecoder,
  FrameError,
  type HeartBeatPeriods,
  negotiateVersion,
  type Version,
} from '@maru/stomp';
import { nanoid } from 'nanoid';
import type { WebSocket } from 'ws';
import type { Live } from '../broker/broker.ts';
import { encodeTextFrame } from '../broker/websocket-frame.ts';
import type { Principal } from '../identity/principal.ts';
import type { Ticking } from './clock.ts';
import { closeReason } from './close-reason.ts';
import { encodeError } from './error-frame.ts';
import { type Counters, Liveness } from './liveness.ts';
import { Mailbox } from './mailbox.ts';
import { OutboundQueue } from './outbound-queue.ts';
import type { SessionServices } from './session-services.ts';

export type ClientFrame = Frame<ClientCommand>;

/** `live` is null once the server ended it: the id stays reserved until the client's own UNSUBSCRIBE. */
export type Subscription = { readonly id: string; readonly destination: string; live: Live | null };

/** Where the session comes from, for the log. */
export type Peer = { readonly address: string; readonly origin: string | undefined };

const HEART_BEAT = Buffer.from([0x81, 0x01, 0x0a]);

/**
 * States: *open* (no CONNECT yet) → *connected* → *leaving* (DISCONNECT came, receipts drain) or *failing* (an ERROR
 * waits for the receipts before it) → *ended*. The mailbox keeps the order of frames and answers, the outbound queue that
 * of deliveries; `Liveness` says when one has waited too long for the other side.
 */
export class Session implements Ticking {
  readonly id = nanoid();
  readonly services: SessionServices;
  readonly handshakeToken: string | undefined;
  readonly subscriptions = new Map<string, Subscription>();
  version: Version | undefined;
  principal: Principal | null = null;
  #state: 'open' | 'connected' | 'leaving' | 'failing' | 'ended' = 'open';
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex & Partial<Counters>;
  readonly peer: Peer;
  readonly #decoder: FrameDecoder;
  readonly #outbound: OutboundQueue;
  readonly #mailbox: Mailbox;
  readonly #liveness: Liveness;
  readonly #openedAt: number;
  #framesRead = 0;
  #closeCode: number | undefined;
  #closedFor: ErrorCode | undefined;

  constructor(services: SessionServices, webSocket: WebSocket, socket: Duplex, peer: Peer, token?: string) {
    const { limits, timing, turn, clock } = services;
    this.services = services;
    this.handshakeToken = token;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.peer = peer;
    this.#openedAt = clock.now;
    this.#decoder = new FrameDecoder({
      limits,
      memory: services.lines,
      onFrame: (frame) => this.#receive(frame),
    });
    this.#outbound = new OutboundQueue({
      socket,
      webSocket,
      turn,
      limit: limits.outboundOctets,
      onOverflow: () => this.fail(new MaruError('too-slow')),
    });
    this.#mailbox = new Mailbox(this, {
      send: (octets) => this.#reply(octets),
      hold: (reading) => this.#hold(reading),
      onRefused: () => {
        this.#state = 'failing';
        this.#decoder.stop();
      },
      onFailed: (error, octets) => this.#end(error, octets),
      onEmpty: () => {
        if (this.#state === 'leaving') this.#end(null, null);
      },
    });
    this.#liveness = new Liveness(timing, clock.now);
    clock.add(this);
    webSocket.on('message', (data) => this.#read(data as Buffer));
    webSocket.on('error', (error) => services.log.debug({ session: this.id, err: error }, 'websocket error'));
    webSocket.on('close', (code) => this.#closed(code));
  }

  /** CONNECT was accepted: from here on the session is somebody's. */
  connected(principal: Principal, periods: HeartBeatPeriods): void {
    // The socket may have gone while the token was verified.
    if (this.#state === 'ended') return;
    this.#state = 'connected';
    this.principal = principal;
    this.#liveness.connected(periods, this.services.clock.now);
    this.services.log.info(
      { session: this.id, user: principal.userId, version: this.version, ...this.peer },
      'session connected',
    );
  }

  /** DISCONNECT: no further frame is acted on; the receipts due are sent, then the WebSocket closes. */
  leave(): void {
    this.#state = 'leaving';
    this.#decoder.stop();
    this.#mailbox.stop();
  }

  /** Ends the session now: what waits is dropped, the ERROR goes out, the WebSocket closes with the error's code. */
  fail(error: MaruError): void {
    this.#end(error, encodeError(error, null, this.version));
  }

  get ended(): boolean {
    return this.#state === 'ended';
  }

  /** Where deliveries to this session go. */
  get outlet(): OutboundQueue {
    return this.#outbound;
  }

  tick(now: number): void {
    if (this.#state === 'ended') return;
    const counters = {
      bytesRead: this.#socket.bytesRead ?? 0,
      bytesWritten: this.#socket.bytesWritten ?? 0,
      writableLength: this.#socket.writableLength,
    };
    const verdict = this.#liveness.judge(counters, !this.#webSocket.isPaused, now);
    if (verdict === 'beat') this.#outbound.enqueue(HEART_BEAT);
    else if (verdict !== null) this.fail(new MaruError(verdict));
  }

  /** The server is going away: close 1012, no ERROR before it; the reason says when to come back. */
  goAway(): void {
    this.#end(new MaruError('going-away'), null);
  }

  /** Ends the socket without further ado: whoever was to answer a Close has had their time. */
  cut(): void {
    this.#webSocket.terminate();
  }

  #read(data: Buffer): void {
    if (this.#state !== 'open' && this.#state !== 'connected') return;
    const before = this.#framesRead;
    try {
      this.#decoder.push(data);
    } catch (error) {
      this.#mailbox.put(frameFailure(error));
    }
    this.#liveness.heard(this.#decoder.midFrame, this.#framesRead > before, this.services.clock.now);
    this.#mailbox.work();
  }

  #receive(frame: ClientFrame): void {
    this.#framesRead += 1;
    // The frames behind a CONNECT may be in the same octets and are read by the rules of its version. The first frame
    // alone negotiates: a second CONNECT is refused and must not lend the first one its version.
    if (this.#framesRead === 1 && (frame.command === 'CONNECT' || frame.command === 'STOMP')) {
      this.version = negotiateVersion(frame.headers.get('accept-version'));
      this.#decoder.version = this.version;
    }
    this.#mailbox.put(frame);
  }

  #reply(octets: Uint8Array): void {
    // All that is to be delivered goes out before DISCONNECT's RECEIPT: whoever has that may close at once.
    if (this.#state === 'leaving' && this.#mailbox.unanswered === 0) this.#unsubscribeAll();
    this.#outbound.enqueue(encodeTextFrame(octets));
  }

  #hold(reading: boolean): void {
    if (!reading) this.#webSocket.pause();
    else if (this.#webSocket.isPaused) this.#webSocket.resume();
  }

  /** `error` null: a normal goodbye. */
  #end(error: MaruError | null, last: Uint8Array | null): void {
    if (this.#state === 'ended') return;
    this.#release();
    this.#outbound.finish(last === null ? null : encodeTextFrame(last));
    const code = error?.close ?? 1000;
    this.#closeCode = code;
    this.#closedFor = error?.code;
    this.#webSocket.close(code, error === null ? '' : closeReason(error, this.services.retryAfterMs()));
  }

  /** Gives back what the session holds; nothing of it is acted on any more. The socket goes on being read for its Close. */
  #release(): void {
    this.#state = 'ended';
    this.services.clock.remove(this);
    this.#decoder.stop();
    this.#mailbox.clear();
    this.#unsubscribeAll();
  }

  #unsubscribeAll(): void {
    for (const { live } of this.subscriptions.values()) live?.unsubscribe();
    this.subscriptions.clear();
  }

  #closed(code: number): void {
    if (this.#state !== 'ended') this.#release();
    this.#outbound.shut();
    this.services.onClosed(this);
    this.services.log.info(
      {
        session: this.id,
        user: this.principal?.userId,
        // The server's own reason where the server closed; a client's answer to it says nothing new.
        code: this.#closeCode ?? code,
        reason: this.#closedFor,
        ms: Math.round(performance.now() - this.#openedAt),
        bytesIn: this.#socket.bytesRead,
        bytesOut: this.#socket.bytesWritten,
        ...this.peer,
      },
      'session closed',
    );
  }
}

function frameFailure(error: unknown): MaruError {
  if (error instanceof FrameError && isErrorCode(error.code)) {
    return new MaruError(error.code, { message: error.message, cause: error });
  }
  return new MaruError('internal', { cause: error });
}
