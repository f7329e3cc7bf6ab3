// The WebSocket endpoint of the chat service: Origin, subprotocol, 101, then a session (RFC 6455 §4.2).
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ErrorCode, MaruError } from '@maru/contract';
import { nanoid } from 'nanoid';
import { type ServerOptions, WebSocketServer } from 'ws';
import { bearerToken } from '../http/bearer.ts';
import { createClientAddress, networkOf } from '../http/client-address.ts';
import { refuseSocket } from '../http/http-error.ts';
import { gatewayOf } from '../http/leaving-gateway.ts';
import type { OriginList } from '../http/origin-list.ts';
import { closeWithRetry, hasKey } from '../http/retry-later.ts';
import { inWaves } from '../http/waves.ts';
import { SparseLog } from '../telemetry/sparse-log.ts';
import { Admission } from './admission.ts';
import { ConnectRate } from './connect-rate.ts';
import { Session } from './session.ts';
import type { SessionServices } from './session-services.ts';
import { chooseSubprotocol } from './subprotocol.ts';

export type EndpointLimits = {
  /** WebSockets open at a time, those that are closing included. */
  readonly sessions: number;
  /** Upgrades of one address. */
  readonly connectsPerSecond: number;
  /** Upgrades of all addresses that get in. */
  readonly admittedPerSecond: number;
  /** Sessions that are sent away when the server ends. */
  readonly drainPerSecond: number;
};

export type EndpointOptions = {
  /** The path that takes WebSockets; any other gets 404. */
  readonly path: string;
  readonly origins: OriginList;
  /** Hops whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  readonly limits: EndpointLimits;
  readonly services: Omit<SessionServices, 'onClosed'>;
};

type Refusal = { readonly code: ErrorCode; readonly retryAfterMs?: number };

/** Called when the last of them is gone. */
type Awaited = { readonly left: Set<Session>; readonly onGone: () => void };

/** Fragments of a WebSocket message, and pieces in which the octets of one of its frames come. Past them: close 1008. */
const MAX_FRAGMENTS = 1_024;
const MAX_CHUNKS = 4_096;

/**
 * States: *accepting* → *draining* (after `close()`: upgrades get 503) → *closed*. Whoever comes too often, from an Origin
 * that isn't on the list, when there is no more room or too many come at once is refused before anything is made for it; the log says so, once a
 * second.
 */
export class Endpoint {
  readonly #options: EndpointOptions;
  readonly #services: SessionServices;
  readonly #webSockets: WebSocketServer;
  /** With the gateway in another process that each came through. */
  readonly #sessions = new Map<Session, string | undefined>();
  readonly #addressOf: (req: IncomingMessage) => string;
  readonly #connects: ConnectRate;
  readonly #admission: Admission;
  readonly #refusals: SparseLog;
  #draining = false;
  readonly #leavingGateways = new Set<string>();
  readonly #awaited = new Set<Awaited>();

  constructor(options: EndpointOptions) {
    const { limits, timing } = options.services;
    this.#options = options;
    this.#services = { ...options.services, onClosed: (session) => this.#forget(session) };
    this.#addressOf = createClientAddress(options.trustedProxies);
    this.#connects = new ConnectRate({ perSecond: options.limits.connectsPerSecond });
    this.#admission = new Admission({ perSecond: options.limits.admittedPerSecond });
    this.#refusals = new SparseLog({ log: options.services.log });
    const webSocketOptions: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: limits.webSocketMessageOctets,
      // Each costs a hundred times the octet that it may hold; messages of honest clients come in far fewer.
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_CHUNKS,
      // The session answers: its outbound queue is bounded.
      autoPong: false,
      closeTimeout: timing.closeMs,
      handleProtocols: chooseSubprotocol,
    };
    this.#webSockets = new WebSocketServer(webSocketOptions);
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** Of what state how many sessions there are. */
  countStates(): Readonly<Record<'unauthenticated' | 'connected' | 'closing', number>> {
    const states = { unauthenticated: 0, connected: 0, closing: 0 };
    for (const { ended, principal } of this.#sessions.keys()) {
      states[ended ? 'closing' : principal === null ? 'unauthenticated' : 'connected'] += 1;
    }
    return states;
  }

  /** Octets that wait for the sessions to read. */
  get outboundOctets(): { readonly all: number; readonly most: number } {
    let all = 0;
    let most = 0;
    for (const { outlet } of this.#sessions.keys()) {
      all += outlet.octets;
      most = Math.max(most, outlet.octets);
    }
    return { all, most };
  }

  handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    // Until ws has taken it nobody else hears that the socket broke.
    const onError = (): void => void socket.destroy();
    socket.on('error', onError);
    const { origin } = req.headers;
    const address = this.#addressOf(req);
    const refusal = this.#refusalOf(req, address);
    if (refusal !== null) {
      const { code, retryAfterMs } = refusal;
      this.#services.counts.refused(code);
      // A page can't read a status: it is told in a close code when to come back.
      const closes = code === 'too-many-requests' || code === 'overloaded';
      if (closes && origin !== undefined && this.#options.origins.allows(origin) && hasKey(req)) {
        return closeWithRetry(req, socket, retryAfterMs ?? this.#services.retryAfterMs());
      }
      return refuseSocket(socket, new MaruError(code), requestIdOf(req), refusal);
    }
    const peer = { address, origin };
    const token = bearerToken(req.headers.authorization);
    this.#webSockets.handleUpgrade(req, socket, head, (webSocket) => {
      socket.off('error', onError);
      this.#sessions.set(new Session(this.#services, webSocket, socket, peer, token), gatewayOf(req));
    });
  }

  /**
   * Sends every session away with 1012, in waves, and waits until all sockets are gone; `timing.drainMs` after the last wave
   * those that are left are cut.
   */
  async close(): Promise<void> {
    this.#draining = true;
    await this.#sendAway([...this.#sessions.keys()], this.#options.limits.drainPerSecond);
    this.#services.clock.stop();
    this.#refusals.flush();
    this.#webSockets.close();
  }

  /** The same for all who came through a gateway that ends, and for nobody else. Until then nobody more gets in through it. */
  async leave(gatewayId: string, perSecond: number): Promise<void> {
    this.#leavingGateways.add(gatewayId);
    const theirs = [...this.#sessions].filter(([, through]) => through === gatewayId);
    try {
      await this.#sendAway(
        theirs.map(([session]) => session),
        perSecond,
      );
    } finally {
      this.#leavingGateways.delete(gatewayId);
    }
  }

  /** In the order of what each question costs. */
  #refusalOf(req: IncomingMessage, address: string): Refusal | null {
    const { path, origins, limits } = this.#options;
    const { origin } = req.headers;
    if ((req.url ?? '').split('?')[0] !== path) return { code: 'not-found' };
    if (this.#draining || this.#leavingGateways.has(gatewayOf(req) ?? '')) return { code: 'going-away' };
    // ws also takes version 8, a draft's.
    if (req.headers['sec-websocket-version'] !== '13') return { code: 'upgrade-required' };
    const now = performance.now();
    if (!this.#connects.take(address, now)) return this.#full({ code: 'too-many-requests' }, address);
    if (!origins.allows(origin)) {
      this.#refusals.tell(`origin ${origin}`, { origin, address }, 'origin not allowed');
      return { code: 'origin-not-allowed' };
    }
    const places = limits.sessions - this.#sessions.size;
    const told = this.#admission.ask(visitorOf(req, address), places, now);
    if (told === null) return null;
    // A full house empties when it does, not at a rate.
    const leastMs = places > 0 ? 0 : this.#services.retryAfterMs();
    const retryAfterMs = Math.max(told.retryAfterMs, leastMs);
    return this.#full({ code: 'overloaded', retryAfterMs }, address);
  }

  #full(refusal: Refusal, address: string): Refusal {
    const { code } = refusal;
    this.#refusals.tell(code, { code, address, sessions: this.#sessions.size }, 'upgrade refused');
    return refusal;
  }

  async #sendAway(sessions: readonly Session[], perSecond: number): Promise<void> {
    const left = new Set(sessions);
    if (left.size === 0) return;
    const gone = Promise.withResolvers<void>();
    const awaited = { left, onGone: gone.resolve };
    this.#awaited.add(awaited);
    // Some may leave by themselves meanwhile.
    await inWaves(sessions, perSecond, (session) => left.has(session) && session.goAway());
    const timer = setTimeout(() => {
      for (const session of left) session.cut();
    }, this.#services.timing.drainMs);
    await gone.promise;
    clearTimeout(timer);
    this.#awaited.delete(awaited);
  }

  #forget(session: Session): void {
    this.#sessions.delete(session);
    for (const { left, onGone } of this.#awaited) if (left.delete(session) && left.size === 0) onGone();
  }
}

/** Of a token its end, which is of its signature: two of them differ there, and nobody can do anything with it. */
const TOKEN_END = 24;

/** By what somebody who was told to come back is known again. */
function visitorOf(req: IncomingMessage, address: string): string {
  return bearerToken(req.headers.authorization)?.slice(-TOKEN_END) ?? networkOf(address);
}

/** The gateway's, so that its log and ours speak of one request; own where nobody gave one. */
function requestIdOf(req: IncomingMessage): string {
  return req.headers['x-request-id']?.toString() ?? nanoid();
}
