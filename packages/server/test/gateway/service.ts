// A real HTTP and WebSocket server behind the gateway, reached in each way in which an upstream can be.
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { pino } from 'pino';
import { type WebSocket, WebSocketServer } from 'ws';
import { nameOf, type UpstreamTarget } from '../../src/gateway/upstream-addresses.ts';
import { UpstreamGroup, type UpstreamLimits } from '../../src/gateway/upstream-group.ts';
import type { Upstream } from '../../src/http/upstream.ts';
import { Counts } from '../../src/telemetry/counts.ts';
import { OpenSockets } from './open-sockets.ts';

export const UPSTREAM_KINDS = ['in process', 'over TCP', 'over a Unix socket'] as const;
export type UpstreamKind = (typeof UPSTREAM_KINDS)[number];

export const REMOTE_LIMITS: UpstreamLimits = {
  connectTimeoutMs: 500,
  upgradeTimeoutMs: 500,
  responseTimeoutMs: 500,
  bodyIdleTimeoutMs: 5000,
  maxAnswerHeadOctets: 16 * 1024,
  stallTimeoutMs: 5000,
  lingerMs: 500,
  maxBodyOctets: 64 * 1024 * 1024,
  maxRequests: 64,
  maxTunnels: 1000,
  retryAfterMs: () => 2500,
};

export type ServiceOptions = {
  onRequest?: (req: IncomingMessage, res: ServerResponse) => void;
  /** In the place of the WebSocket server. */
  onUpgrade?: (req: IncomingMessage, socket: Duplex, head: Buffer) => void;
  onSession?: (session: WebSocket, req: IncomingMessage) => void;
  limits?: Partial<UpstreamLimits>;
  log?: NodeJS.WritableStream;
};

export type Service = {
  readonly upstream: Upstream;
  readonly sockets: OpenSockets;
  /** Every request and upgrade that got here. */
  readonly seen: IncomingMessage[];
  readonly sessions: Set<WebSocket>;
  close(): Promise<void>;
};

/** Answers with what it was asked, unless told otherwise; its WebSocket speaks STOMP's subprotocols and echoes. */
export async function openService(kind: UpstreamKind, options: ServiceOptions = {}): Promise<Service> {
  const seen: IncomingMessage[] = [];
  const websockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) => ['v12.stomp', 'v11.stomp'].find((name) => offered.has(name)) ?? false,
  });
  websockets.on('connection', options.onSession ?? echo);
  const server = createServer((req, res) => {
    seen.push(req);
    (options.onRequest ?? tellRequest)(req, res);
  });
  server.on('upgrade', (req, socket, head) => {
    seen.push(req);
    if (options.onUpgrade !== undefined) options.onUpgrade(req, socket, head);
    else
      websockets.handleUpgrade(req, socket, head, (session) => websockets.emit('connection', session, req));
  });
  const sockets = new OpenSockets(server);
  const { upstream, stop } = await connectTo(kind, server, options);
  return {
    upstream,
    sockets,
    seen,
    sessions: websockets.clients,
    async close() {
      for (const session of websockets.clients) session.terminate();
      await stop();
    },
  };
}

/** One address, not checked. */
export async function remoteTo(target: UpstreamTarget, options: ServiceOptions = {}): Promise<UpstreamGroup> {
  const limits = { ...REMOTE_LIMITS, ...options.limits };
  const log = options.log === undefined ? pino({ level: 'silent' }) : pino({ level: 'trace' }, options.log);
  const group = new UpstreamGroup({
    name: 'chat',
    addresses: nameOf(target),
    lookup: () => Promise.reject(new Error('no names here')),
    resolveMs: 60_000,
    limits,
    check: { everyMs: 0, path: '/healthz' },
    counts: new Counts(),
    log,
  });
  await group.open();
  return group;
}

async function connectTo(kind: UpstreamKind, server: Server, options: ServiceOptions) {
  if (kind === 'in process') {
    const upstream: Upstream = {
      handleRequest: (req, res) => server.emit('request', req, res),
      handleUpgrade: (req, socket, head) => server.emit('upgrade', req, socket, head),
    };
    return { upstream, stop: async () => {} };
  }
  const folder = await mkdtemp(join(tmpdir(), 'maru-gateway-'));
  const path = join(folder, 'service.sock');
  await new Promise<void>((resolve) => {
    if (kind === 'over TCP') server.listen(0, '127.0.0.1', resolve);
    else server.listen(path, resolve);
  });
  const upstream = await remoteTo(
    kind === 'over TCP' ? { host: '127.0.0.1', port: portOf(server) } : { socketPath: path },
    options,
  );
  const stop = async () => {
    await upstream.close();
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  };
  return { upstream, stop };
}

export function portOf(server: Pick<Server, 'address'>): number {
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  return address.port;
}

function echo(session: WebSocket): void {
  session.on('message', (data, isBinary) => session.send(data, { binary: isBinary }));
}

export type ToldRequest = {
  method: string;
  url: string;
  headers: Record<string, string | undefined>;
  rawHeaders: string[];
  body: string;
};

function tellRequest(req: IncomingMessage, res: ServerResponse): void {
  const chunks: Buffer[] = [];
  req.on('data', (chunk) => chunks.push(chunk));
  req.on('end', () => {
    const { method, url, headers, rawHeaders } = req;
    res.setHeader('content-type', 'application/json');
    res.end(JSON.stringify({ method, url, headers, rawHeaders, body: Buffer.concat(chunks).toString() }));
  });
}
