// The only public door: a request is checked, answered for CORS, routed, asked for its token, and handed on.
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { MaruError } from '@maru/contract';
import { sayFarewell } from '../http/farewell.ts';
import { answerHealth, HEALTH_PATH } from '../http/health-answer.ts';
import { asMaruError, LINGER_MS, refuseSocket, sendError } from '../http/http-error.ts';
import { listOf } from '../http/request-headers.ts';
import { closeWithRetry } from '../http/retry-later.ts';
import type { Counts } from '../telemetry/counts.ts';
import type { Logger } from '../telemetry/log.ts';
import { type CorsOptions, createCors } from './cors.ts';
import { createForwarding, peerAddress } from './forwarded.ts';
import { checkBodySize, checkRequest, checkUpgrade, isHalfUpgrade } from './request-check.ts';
import { ownResponseHeaders } from './response-headers.ts';
import { findRoute, isPublic, normalPath, type Route } from './routes.ts';
import { dropQueryToken, filterToken, liftBearerProtocol, type VerifyToken } from './token-filter.ts';

type GatewayLimits = {
  /** Request line and headers together. */
  readonly headerOctets: number;
  /** Time for a request's head. */
  readonly headersTimeoutMs: number;
  /** Time for a whole request, body included. */
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly maxBodyOctets: number;
};

export type GatewayOptions = {
  readonly routes: readonly Route[];
  readonly cors: CorsOptions;
  readonly trustedProxies: readonly string[];
  readonly verify: VerifyToken;
  /** False from the moment it is to end: requests are still answered, upgrades refused. */
  readonly takesUpgrades: () => boolean;
  /** What a page whose upgrade is refused then is told. */
  readonly retryAfterMs: () => number;
  readonly limits: GatewayLimits;
  readonly counts: Counts;
  readonly log: Logger;
};

export type Gateway = {
  /** One for each address to listen on; the caller listens. */
  server(): Server;
  /** Accepts nothing more and ends idle connections; what is still open after `graceMs` is cut. */
  close(graceMs?: number): Promise<void>;
};

/** Refusals of Node's parser that are not a plain 400, and the code and status that say so. */
const PARSER_FAULTS: Readonly<Record<string, readonly [MaruError['code'], number]>> = {
  HPE_HEADER_OVERFLOW: ['header-too-long', 431],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['payload-too-large', 413],
  ERR_HTTP_REQUEST_TIMEOUT: ['request-timeout', 408],
};

export function createGateway(options: GatewayOptions): Gateway {
  const { routes, limits, counts, log, verify } = options;
  const cors = createCors(options.cors);
  const forward = createForwarding(options.trustedProxies);
  const servers = new Set<Server>();
  const sockets = new Set<Socket>();
  /** Responses under way on a socket: an answer written past them would be taken for one of them. */
  const answering = new Map<Duplex, Set<ServerResponse>>();
  let closing = false;

  async function onRequest(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const requestId = randomUUID();
    const origin = cors.judge(req);
    ownResponseHeaders(res, { ...origin.headers, 'X-Request-Id': requestId });
    trackAnswer(req, res);
    // Whoever asks again does so elsewhere.
    if (!options.takesUpgrades()) res.shouldKeepAlive = false;
    try {
      checkRequest(req);
      const path = normalPath(req.url);
      if (origin.kind === 'denied') throw new MaruError('cors-denied');
      if (origin.kind === 'preflight') {
        res.writeHead(204).end();
        return;
      }
      if (path === HEALTH_PATH) {
        if (req.method !== 'GET' && req.method !== 'HEAD') throw new MaruError('method-not-allowed');
        answerHealth(res, options.takesUpgrades());
        return;
      }
      const route = findRoute(routes, path);
      if (route === undefined) throw new MaruError('not-found');
      if (route.kind === 'websocket') throw plainOnWebSocket(req);
      checkBodySize(req, limits.maxBodyOctets);
      dropQueryToken(req);
      await filterToken(isPublic(route, path) ? 'none' : route.tokenFilter, req, verify);
      if (res.destroyed) return;
      forward(req, requestId);
      if (req.headers.expect !== undefined) res.writeContinue();
      route.upstream.handleRequest(req, res);
    } catch (cause) {
      const error = asMaruError(cause);
      logRefusal(req, requestId, error);
      sendError(res, error, requestId);
    }
  }

  async function onUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    // An upgrade behind a request that is not answered yet would be answered out of turn.
    if (answering.has(socket)) {
      socket.destroy();
      return;
    }
    const requestId = randomUUID();
    const onError = () => socket.destroy();
    socket.on('error', onError);
    try {
      checkUpgrade(req);
      const path = normalPath(req.url);
      liftBearerProtocol(req);
      dropQueryToken(req);
      const route = findRoute(routes, path);
      if (route === undefined) throw new MaruError('not-found');
      if (route.kind !== 'websocket') throw upgradeOnHttp();
      await filterToken(isPublic(route, path) ? 'none' : route.tokenFilter, req, verify);
      // The client may have gone while its token was looked at: its FIN was heard by nobody else.
      if (!socket.readable || !socket.writable) {
        socket.destroy();
        return;
      }
      if (!options.takesUpgrades()) {
        const { origin } = req.headers;
        const error = new MaruError('going-away');
        counts.refused(error.code);
        // A page can't read a status.
        if (origin !== undefined) closeWithRetry(req, socket, options.retryAfterMs());
        else refuseSocket(socket, error, requestId, { retryAfterMs: options.retryAfterMs() });
        return;
      }
      forward(req, requestId);
      socket.removeListener('error', onError);
      route.upstream.handleUpgrade(req, socket, head);
    } catch (cause) {
      const error = asMaruError(cause);
      logRefusal(req, requestId, error);
      refuseSocket(socket, error, requestId);
    }
  }

  function onClientError(fault: Error & { code?: string }, socket: Duplex): void {
    const open = answering.get(socket);
    if (open !== undefined && [...open].some((res) => res.headersSent)) {
      // Nothing may be written behind an answer under way; what was written of it, perhaps a 400 to these bytes, arrives.
      sayFarewell(socket, undefined, LINGER_MS);
      return;
    }
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    const [code, status] = PARSER_FAULTS[fault.code ?? ''] ?? ['invalid-request', 400];
    const requestId = randomUUID();
    counts.refused(code);
    log.info({ requestId, code, fault: fault.code }, 'request refused by the parser');
    refuseSocket(socket, new MaruError(code), requestId, { status });
  }

  function trackAnswer(req: IncomingMessage, res: ServerResponse): void {
    const open = answering.get(req.socket) ?? new Set();
    answering.set(req.socket, open.add(res));
    res.once('close', () => {
      open.delete(res);
      if (open.size === 0) answering.delete(req.socket);
      if (closing) for (const server of servers) server.closeIdleConnections();
    });
  }

  function logRefusal(req: IncomingMessage, requestId: string, error: MaruError): void {
    counts.refused(error.code);
    const facts = {
      requestId,
      code: error.code,
      method: req.method,
      path: pathForLog(req.url),
      origin: req.headers.origin,
      address: peerAddress(req),
    };
    if (error.code === 'internal') log.error({ ...facts, err: error.cause }, 'request failed');
    else log.info(facts, 'request refused');
  }

  return {
    server() {
      const server = createServer({
        insecureHTTPParser: false,
        maxHeaderSize: limits.headerOctets,
        headersTimeout: limits.headersTimeoutMs,
        requestTimeout: limits.requestTimeoutMs,
        keepAliveTimeout: limits.keepAliveTimeoutMs,
        connectionsCheckingInterval: Math.ceil(
          Math.min(limits.headersTimeoutMs, limits.requestTimeoutMs) / 4,
        ),
        noDelay: true,
        keepAlive: true,
        // request-check does it, and answers in the common shape.
        requireHostHeader: false,
        // An offer of anything else, as h2c, may be ignored (RFC 9110 §7.8).
        shouldUpgradeCallback: (req) =>
          listOf(req.headers.upgrade ?? '').some((protocol) => /^websocket(?:\/|$)/i.test(protocol)),
      });
      // Node ignores, without a word, headers past the count; their octets are bounded anyway.
      server.maxHeadersCount = 0;
      server.on('connection', (socket) => {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
      });
      server.on('request', onRequest);
      // 100 Continue is said when the upstream may be reached, not before.
      server.on('checkContinue', onRequest);
      server.on('checkExpectation', onRequest);
      server.on('upgrade', onUpgrade);
      server.on('connect', (_req, socket) =>
        refuseSocket(socket, new MaruError('method-not-allowed'), randomUUID()),
      );
      server.on('clientError', onClientError);
      servers.add(server);
      return server;
    },

    async close(graceMs = 0) {
      closing = true;
      const closed = [...servers].map((server) => new Promise((resolve) => server.close(resolve)));
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, graceMs);
      await Promise.all(closed);
      clearTimeout(timer);
    },
  };
}

/** Without what may be a secret: query, fragment, parameters, also with their marks encoded; `user:password@` before a host. */
function pathForLog(target = ''): string {
  const [path = ''] = target.split(/[?#;]|%3f|%23|%3b/i, 1);
  return path.replace(/^([^/]*\/\/)[^/]*@/, '$1');
}

function plainOnWebSocket(req: IncomingMessage): MaruError {
  if (!isHalfUpgrade(req)) return new MaruError('upgrade-required');
  return new MaruError('invalid-request', { message: 'An upgrade needs "Connection: Upgrade"' });
}

function upgradeOnHttp(): MaruError {
  return new MaruError('invalid-request', { message: 'This address takes no upgrade' });
}
