// One STOMP session: its identity, its subscriptions and its ordered mailbox, between a WebSocket and the commands.
import type { Duplex } from 'node:stream';
import { type ErrorCode, MaruError } from '@maru/contract';
import { type ClientCommand, type Frame, HEART_BEAT, type HeartBeatPeriods, type Version } from '@maru/stomp';
import { nanoid } from 'nanoid';
import type { WebSocket } from 'ws';
import type { Subscribed } from '../broker/broker.ts';
import { CatchUpTurns } from '../broker/catch-up-turns.ts';
import { encodeDataFrame, encodePong, type Opcode } from '../broker/websocket-frame.ts';
import { Effects } from '../handlers/unit-of-work.ts';
import type { Principal } from '../identity/principal.ts';
import type { Ticking } from './clock.ts';
import { closeReason } from './close-reason.ts';
import { describeRefusal, encodeError } from './error-frame.ts';
import { ErrorQueue } from './error-queue.ts';
import { Inbound } from './inbound.ts';
import { type Counters, Liveness } from './liveness.ts';
import { Mailbox } from './mailbox.ts';
import { OutboundQueue } from './outbound-queue.ts';
import { Reading } from './reading.ts';
import type { SessionServices } from './session-services.ts';
import { Transactions } from './transactions.ts';
import type { Unacknowledged } from './unacknowledged.ts';
import { faultOf } from './websocket-fault.ts';

export type ClientFrame = Frame<ClientCommand>;

/** `live` is null once the server ended it: the id stays reserved until the client's own UNSUBSCRIBE. */
export type Subscription = {
  readonly id: string;
  readonly destination: string;
  /** `null`: ack mode auto. */
  readonly window: Unacknowledged | null;
  live: Subscribed | null;
};

/** Where the session comes from, for the log. */
export type Peer = { readonly address: string; readonly origin: string | undefined };

/**
 * States: *open* (no CONNECT yet) → *connected* → *leaving* (DISCONNECT came, receipts drain), *sent away* (the server ends,
 * receipts drain) or *failing* (an ERROR waits for the receipts before it) → *ended*. The mailbox keeps the order of frames and answers, the outbound queue that
 * of deliveries; `Liveness` says when one has waited too long for the other side.
 */
export class Session implements Ticking {
  readonly id = nanoid();
  readonly services: SessionServices;
  readonly handshakeToken: string | undefined;
  readonly subscriptions = new Map<string, Subscription>();
  readonly transactions: Transactions;
  readonly effects: Effects;
  readonly errorQueue = new ErrorQueue(this.id);
  principal: Principal | null = null;
  #state: 'open' | 'connected' | 'leaving' | 'sent away' | 'failing' | 'ended' = 'open';
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex & Partial<Counters>;
  readonly peer: Peer;
  readonly #inbound: Inbound;
  readonly #outbound: OutboundQueue;
  readonly #mailbox: Mailbox;
  readonly #liveness: Liveness;
  readonly #reading: Reading;
  readonly #openedAt: number;
  #windows = 0;
  /** The latest end of the tokens that it was renewed with. */
  #renewedUntil = 0;
  readonly #denials = new Map<ErrorCode, number>();
  #closeCode: number | undefined;
  #closedFor: ErrorCode | undefined;

  constructor(services: SessionServices, webSocket: WebSocket, socket: Duplex, peer: Peer, token?: string) {
    const { limits, timing, turn, clock, counts } = services;
    this.services = services;
    this.handshakeToken = token;
    this.#webSocket = webSocket;
    this.#socket = socket;
    this.peer = peer;
    this.#openedAt = clock.now;
    this.transactions = new Transactions(limits);
    this.effects = new Effects(services);
    this.#outbound = new OutboundQueue({
      socket,
      webSocket,
      turn,
      turns: new CatchUpTurns(services.pace),
      counts,
      limit: limits.outboundOctets,
      onRoom: (hasRoom) => this.#reading.outboundHasRoom(hasRoom),
    });
    this.#mailbox = new Mailbox(this, {
      send: (octets) => this.#reply(octets),
      hold: (reading) => this.#reading.mailboxHasRoom(reading, this.#mailbox.unanswered >= limits.inFlight),
      onRefused: () => {
        this.#state = 'failing';
        this.#inbound.stop();
      },
      onFailed: (error, octets) => this.#end(error, octets),
      onEmpty: () => {
        if (this.#state === 'leaving') this.#end(null, null);
        if (this.#state === 'sent away') this.#end(new MaruError('going-away'), null);
      },
    });
    this.#liveness = new Liveness(timing, clock.now);
    this.#reading = new Reading(webSocket, limits, counts, clock.now);
    this.#inbound = new Inbound(
      services,
      { liveness: this.#liveness, reading: this.#reading },
      { onItem: (item) => this.#mailbox.put(item), onRead: () => this.#mailbox.work() },
    );
    clock.add(this);
    this.#inbound.listen(webSocket, socket);
    webSocket.on('ping', (data) => this.#outbound.enqueue(encodePong(data)));
    webSocket.on('error', (error) => this.#failed(error));
    webSocket.on('close', (code) => this.#closed(code));
  }

  /** CONNECT was accepted: from here on the session is somebody's. @throws MaruError `too-many-sessions` */
  connected(principal: Principal, periods: HeartBeatPeriods): void {
    // The socket may have gone while the token was verified.
    if (this.#state === 'ended') return;
    this.services.users.enter(principal.userId);
    this.#state = 'connected';
    this.principal = principal;
    this.#liveness.connected(periods, this.services.clock.now);
    this.services.log.info(
      { session: this.id, user: principal.userId, version: this.version, ...this.peer },
      'session connected',
    );
  }

  /**
   * Goes on with a newer token; who the session is never changes.
   * Rejects as `SessionServices.verify` does, and with `token-subject-mismatch`.
   */
  async renew(token: string): Promise<void> {
    const { services, principal } = this;
    const renewed = await services.verify(token);
    if (renewed.userId !== principal?.userId) throw new MaruError('token-subject-mismatch');
    await services.people.enter(renewed);
    this.principal = renewed;
    // A line for each newer token; the same one may be sent as often as anything.
    if (renewed.expiresAt <= this.#renewedUntil) return;
    this.#renewedUntil = renewed.expiresAt;
    services.log.info({ session: this.id, user: renewed.userId }, 'session renewed');
  }

  /** Of the windows that the session ever had, the next one's. */
  nextWindowNumber(): number {
    this.#windows += 1;
    return this.#windows;
  }

  /** The server has ended a subscription; its id stays reserved. @param id what the client calls it */
  subscriptionEnded(subscription: Subscription, id: string | undefined): void {
    subscription.live = null;
    const { hearers } = this.errorQueue;
    if (hearers.length === 0 || this.version === undefined) return;
    const notice = {
      ...describeRefusal(new MaruError('subscription-ended'), null),
      destination: subscription.destination,
      ...(id === undefined ? {} : { subscription: id }),
    };
    for (const octets of this.errorQueue.encode(hearers, notice, this.version)) {
      this.#outbound.enqueue(encodeDataFrame(octets, this.opcode));
    }
  }

  /** DISCONNECT: no further frame is acted on; the receipts due are sent, then the WebSocket closes. */
  leave(): void {
    // An interceptor may have held DISCONNECT until after the end.
    if (this.#state === 'ended') return;
    this.#state = 'leaving';
    this.#inbound.stop();
    this.#mailbox.stop();
  }

  /** Ends the session now: what waits is dropped, the ERROR goes out, the WebSocket closes with the error's code. */
  fail(error: MaruError): void {
    if (this.#state === 'ended') return;
    this.services.counts.refused(error.code);
    this.#end(error, encodeError(error, null, this.version));
  }

  /** A refusal that the session outlives: the log tells of all of them in one line, at its end. */
  denied(code: ErrorCode): void {
    this.#denials.set(code, (this.#denials.get(code) ?? 0) + 1);
  }

  /** By whose rules frames are read and written; `undefined` before the first frame. */
  get version(): Version | undefined {
    return this.#inbound.version;
  }

  /** What the server's frames go in, as long as they are text. */
  get opcode(): Opcode {
    return this.#inbound.opcode;
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
    this.#reading.tick(now);
    // In and out, also of a session that says nothing: no longer than its token lets it.
    const { expiresAt } = this.principal ?? {};
    if (expiresAt !== undefined && Date.now() > expiresAt + this.services.timing.tokenGraceMs) {
      return this.fail(new MaruError('token-expired'));
    }
    const { waitingSince } = this.#mailbox;
    if (waitingSince !== null && now - waitingSince > this.services.timing.answerMs) {
      return this.fail(new MaruError('answer-timeout'));
    }
    const counters = {
      bytesRead: this.#socket.bytesRead ?? 0,
      bytesWritten: this.#socket.bytesWritten ?? 0,
      writableLength: this.#socket.writableLength,
    };
    const verdict = this.#liveness.judge(counters, !this.#webSocket.isPaused, now);
    if (verdict === 'beat') this.#outbound.enqueue(encodeDataFrame(HEART_BEAT, this.opcode));
    else if (verdict !== null) this.fail(new MaruError(verdict));
  }

  /**
   * The server is going away: close 1012, no ERROR before it; the reason says when to come back. What was begun is answered
   * first, nothing more is begun.
   */
  goAway(): void {
    if (this.#mailbox.unanswered === 0) return this.#end(new MaruError('going-away'), null);
    // Who leaves or failed ends without this.
    if (this.#state !== 'open' && this.#state !== 'connected') return;
    this.#state = 'sent away';
    this.#mailbox.stop();
  }

  /** Ends the socket without further ado: whoever was to answer a Close has had their time. */
  cut(): void {
    this.#webSocket.terminate();
  }

  #reply(octets: Uint8Array): void {
    // All that is to be delivered goes out before DISCONNECT's RECEIPT: whoever has that may close at once.
    if (this.#state === 'leaving' && this.#mailbox.unanswered === 0) this.#unsubscribeAll();
    this.#outbound.enqueue(encodeDataFrame(octets, this.opcode));
  }

  /** `error` null: a normal goodbye. */
  #end(error: MaruError | null, last: Uint8Array | null): void {
    if (this.#state === 'ended') return;
    this.#release();
    this.#outbound.finish(last === null ? null : encodeDataFrame(last, this.opcode));
    const code = error?.close ?? 1000;
    this.#closeCode = code;
    this.#closedFor = error?.code;
    this.#webSocket.close(code, error === null ? '' : closeReason(error, this.services.retryAfterMs()));
  }

  /** Gives back what the session holds; nothing of it is acted on any more. The socket goes on being read for its Close. */
  #release(): void {
    this.#state = 'ended';
    this.services.clock.remove(this);
    if (this.principal !== null) this.services.users.leave(this.principal.userId);
    this.#inbound.end();
    this.#mailbox.clear();
    this.#reading.free();
    this.#unsubscribeAll();
  }

  #unsubscribeAll(): void {
    for (const { live } of this.subscriptions.values()) live?.unsubscribe();
    this.subscriptions.clear();
    this.transactions.abortAll();
  }

  /** What ws says is wrong: with what the client sent, which ws answers with a Close, or with the connection. */
  #failed(error: Error): void {
    const { counts, log } = this.services;
    // No stack: what a client did wrong, or that its connection broke, is no fault of ours.
    log.debug({ session: this.id, problem: error.message }, 'websocket error');
    const fault = faultOf(error);
    if (fault === undefined || this.#state === 'ended') return;
    counts.refused(fault.code);
    this.#closeCode = fault.close;
    this.#closedFor = fault.code;
  }

  #closed(code: number): void {
    if (this.#state !== 'ended') this.#release();
    this.services.counts.closed(this.#closeCode ?? code);
    this.#outbound.shut();
    this.services.onClosed(this);
    this.services.log.info(
      {
        session: this.id,
        user: this.principal?.userId,
        // The server's own reason where the server closed; a client's answer to it says nothing new.
        code: this.#closeCode ?? code,
        reason: this.#closedFor,
        denied: this.#denials.size === 0 ? undefined : Object.fromEntries(this.#denials),
        ms: Math.round(performance.now() - this.#openedAt),
        bytesIn: this.#socket.bytesRead,
        bytesOut: this.#socket.bytesWritten,
        ...this.peer,
      },
      'session closed',
    );
  }
}
