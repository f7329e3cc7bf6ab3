// The WebSocket endpoint of the chat service: Origin, subprotocol, 101, then a session (RFC 6455 §4.2).
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ErrorCode, MaruError } from '@maru/contract';
import { nanoid } from 'nanoid';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { bearerToken } from '../http/bearer.ts';
import { createClientAddress } from '../http/client-address.ts';
import { refuseSocket } from '../http/http-error.ts';
import type { OriginList } from '../http/origin-list.ts';
import { closeWithRetry, hasKey } from '../http/retry-later.ts';
import { SparseLog } from '../telemetry/sparse-log.ts';
import { ConnectRate } from './connect-rate.ts';
import { Session } from './session.ts';
import type { SessionServices } from './session-services.ts';
import { chooseSubprotocol } from './subprotocol.ts';
import { inWaves } from './waves.ts';

export type EndpointLimits = {
  /** WebSockets open at a time, those that are closing included. */
  readonly sessions: number;
  /** Upgrades of one address. */
  readonly connectsPerSecond: number;
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

/** Fragments of a WebSocket message, and pieces in which the octets of one of its frames come. Past them: close 1008. */
const MAX_FRAGMENTS = 1_024;
const MAX_CHUNKS = 4_096;

/**
 * States: *accepting* → *draining* (after `close()`: upgrades get 503) → *closed*. Whoever comes too often, from an Origin
 * that isn't on the list, or when there is no more room is refused before anything is made for it; the log says so, once a
 * second.
 */
export class Endpoint {
  readonly #options: EndpointOptions;
  readonly #services: SessionServices;
  readonly #webSockets: WebSocketServer;
  readonly #sessions = new Set<Session>();
  readonly #addressOf: (req: IncomingMessage) => string;
  readonly #connects: ConnectRate;
  readonly #refusals: SparseLog;
  #draining = false;
  #onEmpty: (() => void) | null = null;

  constructor(options: EndpointOptions) {
    const { limits, timing } = options.services;
    this.#options = options;
    this.#services = { ...options.services, onClosed: (session) => this.#forget(session) };
    this.#addressOf = createClientAddress(options.trustedProxies);
    this.#connects = new ConnectRate({ perSecond: options.limits.connectsPerSecond });
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
    for (const { ended, principal } of this.#sessions) {
      states[ended ? 'closing' : principal === null ? 'unauthenticated' : 'connected'] += 1;
    }
    return states;
  }

  /** Octets that wait for the sessions to read. */
  get outboundOctets(): { readonly all: number; readonly most: number } {
    let all = 0;
    let most = 0;
    for (const { outlet } of this.#sessions) {
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
    const code = this.#refusalOf(req, address);
    if (code !== null) {
      this.#services.counts.refused(code);
      // A page can't read a status: it is told in a close code when to come back.
      const closes = code === 'too-many-requests' || code === 'overloaded';
      if (closes && origin !== undefined && this.#options.origins.allows(origin) && hasKey(req)) {
        return closeWithRetry(req, socket, this.#services.retryAfterMs());
      }
      return refuseSocket(socket, new MaruError(code), requestIdOf(req));
    }
    const peer = { address, origin };
    const token = bearerToken(req.headers.authorization);
    this.#webSockets.handleUpgrade(req, socket, head, (webSocket) => {
      socket.off('error', onError);
      this.#open(webSocket, socket, peer, token);
    });
  }

  /**
   * Sends every session away with 1012, in waves, and waits until all sockets are gone; `timing.drainMs` after the last wave
   * those that are left are cut.
   */
  async close(): Promise<void> {
    this.#draining = true;
    if (this.#sessions.size > 0) {
      const empty = new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
      await inWaves([...this.#sessions], this.#options.limits.drainPerSecond, (session) => session.goAway());
      const timer = setTimeout(() => {
        for (const session of this.#sessions) session.cut();
      }, this.#services.timing.drainMs);
      await empty;
      clearTimeout(timer);
    }
    this.#services.clock.stop();
    this.#refusals.flush();
    this.#webSockets.close();
  }

  /** In the order of what each question costs. */
  #refusalOf(req: IncomingMessage, address: string): ErrorCode | null {
    const { path, origins, limits } = this.#options;
    const { origin } = req.headers;
    if ((req.url ?? '').split('?')[0] !== path) return 'not-found';
    if (this.#draining) return 'going-away';
    // ws also takes version 8, a draft's.
    if (req.headers['sec-websocket-version'] !== '13') return 'upgrade-required';
    if (!this.#connects.take(address, performance.now())) return this.#full('too-many-requests', address);
    if (!origins.allows(origin)) {
      this.#refusals.tell(`origin ${origin}`, { origin, address }, 'origin not allowed');
      return 'origin-not-allowed';
    }
    return this.#sessions.size < limits.sessions ? null : this.#full('overloaded', address);
  }

  #full(code: ErrorCode, address: string): ErrorCode {
    this.#refusals.tell(code, { code, address, sessions: this.#sessions.size }, 'upgrade refused');
    return code;
  }

  #open(webSocket: WebSocket, socket: Duplex, peer: Session['peer'], token: string | undefined): void {
    this.#sessions.add(new Session(this.#services, webSocket, socket, peer, token));
  }

  #forget(session: Session): void {
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this.#onEmpty?.();
  }
}

/** The gateway's, so that its log and ours speak of one request; own where nobody gave one. */
function requestIdOf(req: IncomingMessage): string {
  return req.headers['x-request-id']?.toString() ?? nanoid();
}
