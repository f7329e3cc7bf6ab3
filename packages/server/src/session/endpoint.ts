// The WebSocket endpoint of the chat service: Origin, subprotocol, 101, then a session (RFC 6455 §4.2).
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ErrorCode, MaruError } from '@maru/contract';
import { nanoid } from 'nanoid';
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws';
import { bearerToken } from '../http/bearer.ts';
import { refuseSocket } from '../http/http-error.ts';
import type { OriginList } from '../http/origin-list.ts';
import { Session } from './session.ts';
import type { SessionServices } from './session-services.ts';
import { chooseSubprotocol } from './subprotocol.ts';

export type EndpointOptions = {
  /** The path that takes WebSockets; any other gets 404. */
  readonly path: string;
  readonly origins: OriginList;
  readonly services: Omit<SessionServices, 'onClosed'>;
};

/**
 * States: *accepting* → *draining* (after `close()`: upgrades get 503) → *closed*. An Origin that isn't on the list is
 * refused before anything is made for it; the log says which was seen.
 */
export class Endpoint {
  readonly #options: EndpointOptions;
  readonly #services: SessionServices;
  readonly #webSockets: WebSocketServer;
  readonly #sessions = new Set<Session>();
  #draining = false;
  #onEmpty: (() => void) | null = null;

  constructor(options: EndpointOptions) {
    const { limits, timing } = options.services;
    this.#options = options;
    this.#services = { ...options.services, onClosed: (session) => this.#forget(session) };
    const webSocketOptions: ServerOptions & { closeTimeout: number } = {
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: limits.webSocketMessageOctets,
      closeTimeout: timing.closeMs,
      handleProtocols: chooseSubprotocol,
    };
    this.#webSockets = new WebSocketServer(webSocketOptions);
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const refuse = (code: ErrorCode): void => refuseSocket(socket, new MaruError(code), requestIdOf(req));
    // Until ws has taken it nobody else hears that the socket broke.
    const onError = (): void => void socket.destroy();
    socket.on('error', onError);
    const { origin } = req.headers;
    const [path] = (req.url ?? '').split('?');
    if (path !== this.#options.path) return refuse('not-found');
    if (this.#draining) return refuse('going-away');
    // ws also takes version 8, a draft's.
    if (req.headers['sec-websocket-version'] !== '13') return refuse('upgrade-required');
    if (!this.#options.origins.allows(origin)) {
      this.#services.log.warn({ origin, address: addressOf(req) }, 'origin not allowed');
      return refuse('origin-not-allowed');
    }
    const peer = { address: addressOf(req), origin };
    const token = bearerToken(req.headers.authorization);
    this.#webSockets.handleUpgrade(req, socket, head, (webSocket) => {
      socket.off('error', onError);
      this.#open(webSocket, socket, peer, token);
    });
  }

  /** Sends every session away with 1012 and waits until all sockets are gone; after `timing.drainMs` they are cut. */
  async close(): Promise<void> {
    this.#draining = true;
    if (this.#sessions.size > 0) {
      const empty = new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
      for (const session of this.#sessions) session.goAway();
      const timer = setTimeout(() => {
        for (const session of this.#sessions) session.cut();
      }, this.#services.timing.drainMs);
      await empty;
      clearTimeout(timer);
    }
    this.#services.clock.stop();
    this.#webSockets.close();
  }

  #open(webSocket: WebSocket, socket: Duplex, peer: Session['peer'], token: string | undefined): void {
    this.#sessions.add(new Session(this.#services, webSocket, socket, peer, token));
  }

  #forget(session: Session): void {
    this.#sessions.delete(session);
    if (this.#sessions.size === 0) this.#onEmpty?.();
  }
}

/** The client behind the gateway, for the log only: anyone could write this header, so nothing is decided by it. */
function addressOf(req: IncomingMessage): string {
  const forwarded = req.headers['x-forwarded-for'];
  const first = (Array.isArray(forwarded) ? forwarded[0] : forwarded)?.split(',')[0]?.trim();
  return first ?? req.socket.remoteAddress ?? 'unknown';
}

/** The gateway's, so that its log and ours speak of one request; own where nobody gave one. */
function requestIdOf(req: IncomingMessage): string {
  return req.headers['x-request-id']?.toString() ?? nanoid();
}
