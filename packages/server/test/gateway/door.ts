// A gateway on a random port, and clients that ask it: one that speaks HTTP, one that sends raw bytes.
import { once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Writable } from 'node:stream';
import { MaruError } from '@maru/contract';
import { pino } from 'pino';
import { createGateway, type GatewayOptions } from '../../src/gateway/gateway.ts';
import type { Route } from '../../src/gateway/routes.ts';
import type { TokenFilter } from '../../src/gateway/token-filter.ts';
import type { Upstream } from '../../src/http/upstream.ts';
import { Counts } from '../../src/telemetry/counts.ts';
import { OpenSockets } from './open-sockets.ts';
import { portOf } from './service.ts';

export const PAGE = 'http://127.0.0.1:5500';

export type Door = {
  readonly port: number;
  readonly sockets: OpenSockets;
  readonly log: LogText;
  close(graceMs?: number): Promise<void>;
};

export class LogText extends Writable {
  text = '';
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    this.emit('line');
    done();
  }

  /** Resolves when a line says so, or as many lines do; the test's own time is the limit. */
  async until(line: RegExp, times = 1): Promise<void> {
    while ((this.text.match(new RegExp(line, 'g')) ?? []).length < times) await once(this, 'line');
  }
}

export function defaultRoutes(upstream: Upstream, chat: TokenFilter = 'presence'): Route[] {
  return [
    { path: '/chat', kind: 'websocket', upstream, tokenFilter: chat },
    {
      path: '/api/**',
      kind: 'http',
      upstream,
      tokenFilter: 'verify',
      public: ['/api/docs/**', '/api/openapi.json'],
    },
    { path: '/auth/**', kind: 'http', upstream, tokenFilter: 'none' },
  ];
}

export async function openDoor(
  upstream: Upstream | readonly Route[],
  options: Partial<Omit<GatewayOptions, 'limits'>> & { limits?: Partial<GatewayOptions['limits']> } = {},
): Promise<Door> {
  const log = new LogText();
  const gateway = createGateway({
    routes: 'handleRequest' in upstream ? defaultRoutes(upstream) : upstream,
    trustedProxies: [],
    verify: async (token) => {
      if (token === 'old') throw new MaruError('token-expired');
      if (token !== 'good') throw new MaruError('token-invalid');
    },
    takesUpgrades: () => true,
    retryAfterMs: () => 2500,
    counts: new Counts(),
    log: pino({ level: 'trace' }, log),
    ...options,
    cors: options.cors ?? {
      allowedOrigins: [PAGE],
      allowedMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      allowedHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key'],
      exposedHeaders: ['Retry-After', 'WWW-Authenticate', 'X-Request-Id', 'set-auth-token'],
      maxAgeSeconds: 3600,
    },
    limits: {
      headerOctets: 16 * 1024,
      headersTimeoutMs: 5000,
      requestTimeoutMs: 10_000,
      keepAliveTimeoutMs: 5000,
      maxBodyOctets: 64 * 1024 * 1024,
      ...options.limits,
    },
  });
  const server = gateway.server();
  const sockets = new OpenSockets(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: portOf(server), sockets, log, close: (graceMs) => gateway.close(graceMs) };
}

export type Answer = {
  status: number;
  headers: IncomingHttpHeaders;
  /** How many lines of the header there are. */
  count(name: string): number;
  /** Names of all `Access-Control-*` headers. */
  cors: string[];
  text: string;
  json(): unknown;
};

export type Question = {
  method?: string;
  path?: string;
  headers?: Record<string, string | string[]>;
  body?: string | Buffer;
};

export async function ask(door: Pick<Door, 'port'>, question: Question = {}): Promise<Answer> {
  const { path = '/', method = 'GET', headers = {}, body } = question;
  const req = request({ host: '127.0.0.1', port: door.port, path, method, headers, agent: false });
  req.end(body);
  const [res] = await once(req, 'response');
  let text = '';
  for await (const chunk of res) text += chunk;
  const names: string[] = res.rawHeaders
    .filter((_: string, i: number) => i % 2 === 0)
    .map((name: string) => name.toLowerCase());
  return {
    status: res.statusCode,
    headers: res.headers,
    count: (name) => names.filter((other) => other === name.toLowerCase()).length,
    cors: names.filter((name) => name.startsWith('access-control-')).sort(),
    text,
    json: () => JSON.parse(text),
  };
}

export class RawClient {
  readonly socket: Socket;
  received = Buffer.alloc(0);

  constructor(port: number) {
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.socket.on('data', (bytes: Buffer) => {
      this.received = Buffer.concat([this.received, bytes]);
    });
    this.socket.on('error', () => {});
  }

  get text(): string {
    return this.received.toString('latin1');
  }

  /** Everything that came before the server closed. */
  async ended(): Promise<string> {
    if (!this.socket.closed) await once(this.socket, 'close');
    return this.text;
  }

  async until(holds: (text: string) => boolean): Promise<string> {
    while (!holds(this.text)) {
      if (this.socket.closed) throw new Error(`The socket was closed after: ${this.text}`);
      await Promise.race([once(this.socket, 'data'), once(this.socket, 'close')]);
    }
    return this.text;
  }
}

/** Sends bytes and tells what came until the server closed. */
export function sendRaw(door: Pick<Door, 'port'>, bytes: string | Buffer): Promise<string> {
  const client = new RawClient(door.port);
  client.socket.write(bytes);
  return client.ended();
}

export const HANDSHAKE = {
  Host: 'chat.test',
  Connection: 'Upgrade',
  Upgrade: 'websocket',
  'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version': '13',
  Authorization: 'Bearer good',
} as const;

export function rawRequest(line: string, headers: Record<string, string | string[] | undefined>): string {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((one) => `${name}: ${one}\r\n`),
  );
  return `${line}\r\n${lines.join('')}\r\n`;
}
