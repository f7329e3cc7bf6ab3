// The composition root: the only place that builds. Reads in flow order: identity → store → broker → handlers → session → gateway.
import { createServer, type RequestListener, type Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { LineMemory } from '@maru/stomp';
import { People } from './authorization/people.ts';
import { LocalBroker } from './broker/local-broker.ts';
import { Turn } from './broker/turn.ts';
import type { Config } from './config.ts';
import { createGateway } from './gateway/gateway.ts';
import type { RemoteUpstream } from './gateway/remote-upstream.ts';
import type { Route } from './gateway/routes.ts';
import { DOCS_PATH, OPENAPI_PATH } from './handlers/api-docs.ts';
import { createMappings } from './handlers/application-handler.ts';
import { createApi } from './handlers/http-api.ts';
import { mapSendMessage } from './handlers/send-message.ts';
import { OriginList } from './http/origin-list.ts';
import type { Upstream } from './http/upstream.ts';
import { openIdentityService } from './identity/identity-service.ts';
import { loadSecrets } from './identity/secrets.ts';
import { createTokenVerifier, type TokenVerifier } from './identity/token-verifier.ts';
import { closeAll, listenAll } from './listen.ts';
import { Clock } from './session/clock.ts';
import { Endpoint } from './session/endpoint.ts';
import { openSqliteStore } from './store/sqlite-store.ts';
import type { Logger } from './telemetry/log.ts';
import { createWebPage } from './web/web-page.ts';

export const ROLES = ['identity', 'chat', 'gateway', 'web'] as const;
export type Role = (typeof ROLES)[number];

/** What listens where: `host:port` of each role that runs here. */
export type Listening = Partial<Record<Role, { readonly hosts: readonly string[]; readonly port: number }>>;

export type Maru = {
  readonly listening: Listening;
  /** Sends clients away, answers what is under way, commits what waits, closes the databases. */
  close(): Promise<void>;
};

/** A part that runs: how to reach it in this process, and how to end it. `drain` sends its clients away first. */
type Part = { readonly upstream: Upstream; drain?(): Promise<void>; close(): Promise<void> };

/**
 * Starts the given roles in this process.
 * @param onFatal called when a part has failed in a way that ends the process (a database thread died).
 * Rejects with ConfigError, ListenError or an Error whose message says what to do; nothing is left running then.
 */
export async function createMaru(
  config: Config,
  roles: readonly Role[],
  log: Logger,
  onFatal: (error: Error) => void,
): Promise<Maru> {
  const closing: (() => Promise<void>)[] = [];
  const draining: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    // Clients get their Close frame while their sockets are still whole; then everything ends in reverse order.
    for (const drain of draining.splice(0)) await drain();
    for (let end = closing.pop(); end !== undefined; end = closing.pop()) await end();
  };
  const listening: Listening = {};
  const listen = async (role: Role, create: () => Server): Promise<void> => {
    const { host, port } = config[role];
    const opened = await listenAll(role, host, port, create);
    closing.push(() => closeAll(opened.servers));
    listening[role] = { hosts: host, port: opened.port };
  };

  try {
    const has = (role: Role): boolean => roles.includes(role);
    const verifier = openVerifier(config);
    // Opened side by side: each spends most of its time waiting.
    const opening = [
      has('identity') ? openIdentity(config, log) : null,
      has('chat') ? openChat(config, verifier, log, onFatal) : null,
    ] as const;
    // If one cannot be opened, the other is closed when it has been.
    for (const part of await Promise.allSettled(opening)) {
      if (part.status === 'fulfilled' && part.value !== null) closing.push(part.value.close);
    }
    const [identity, chat] = await Promise.all(opening);
    if (identity !== null) {
      await listen('identity', () => serverOf(identity.upstream));
    }
    if (chat !== null) {
      if (chat.drain) draining.push(chat.drain);
      await listen('chat', () => serverOf(chat.upstream));
    }
    if (has('gateway')) {
      const gateway = await openGateway(config, verifier, { identity, chat }, log);
      // A tunnel is no HTTP connection: a listener that closes first would wait for it for ever.
      draining.push(gateway.close);
      await listen('gateway', gateway.server);
    }
    if (has('web')) {
      const web = await createWebPage({
        distDir: fileURLToPath(new URL('dist', import.meta.resolve('@maru/web/package.json'))),
        gatewayUrl: config.publicUrl,
        pageUrl: config.pageUrl,
        log,
      });
      closing.push(web.close);
      await listen('web', () => serverOf(web.upstream));
    }
    return { listening, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** One verifier for all parts of a process: a token that the gateway has checked costs the chat service nothing more. */
function openVerifier(config: Config): TokenVerifier {
  const { publicUrl, tokens } = config;
  return createTokenVerifier({
    issuers: [{ issuer: publicUrl, jwksUrl: tokens.jwksUrl, audience: tokens.audience }, ...tokens.issuers],
    localIssuer: publicUrl,
    clockSkewSeconds: tokens.clockSkewSeconds,
  });
}

async function openIdentity(config: Config, log: Logger): Promise<Part> {
  const { dataDir, production, identity, publicUrl, tokens, gateway } = config;
  const { identitySecret } = loadSecrets({
    dataDir,
    production,
    configured: { identitySecret: identity.secret },
  });
  return openIdentityService({
    dataDir,
    publicUrl,
    audience: tokens.audience,
    trustedOrigins: gateway.allowedOrigins,
    secret: identitySecret,
    accessTokenSeconds: identity.accessTokenSeconds,
    rateLimit: identity.rateLimit,
    trustedProxies: gateway.trustedProxies,
    log,
  });
}

async function openChat(
  config: Config,
  verifier: TokenVerifier,
  log: Logger,
  onFatal: (error: Error) => void,
): Promise<Part> {
  const { chat, dataDir, publicUrl } = config;
  const verify = (token: string) => verifier.verify(token);

  const store = await openSqliteStore({
    folder: dataDir,
    queueLimit: chat.appendQueue,
    onFailure: (failure, error) => {
      log.fatal({ failure, err: error }, 'the store failed');
      onFatal(error);
    },
  });
  const turn = new Turn();
  const broker = new LocalBroker(store, turn);
  // Committed first, then published: no entry is heard that could still be lost.
  store.onCommitted((entries) => broker.publish(entries));

  const people = new People(store);
  const api = await createApi({ store, people, verify, publicUrl, bodyOctets: chat.bodyOctets, log });
  const endpoint = new Endpoint({
    path: '/chat',
    origins: new OriginList(chat.allowedOrigins),
    services: {
      limits: chat,
      timing: chat,
      clock: new Clock(chat.tickMs),
      lines: new LineMemory(1024),
      turn,
      broker,
      mappings: createMappings([mapSendMessage(store)]),
      people,
      log,
      verify,
      retryAfterMs: () => 500 + Math.floor(Math.random() * 4_500),
    },
  });
  return {
    upstream: {
      handleRequest: api.handleRequest,
      handleUpgrade: (req, socket, head) => endpoint.handleUpgrade(req, socket, head),
    },
    drain: () => endpoint.close(),
    close: async () => {
      await api.close();
      await store.close();
    },
  };
}

/** A part in this process is handed requests and sockets as they are; one elsewhere is reached over HTTP/1.1. */
async function openGateway(
  config: Config,
  verifier: TokenVerifier,
  parts: { readonly identity: Part | null; readonly chat: Part | null },
  log: Logger,
) {
  const settings = config.gateway;
  const remotes: RemoteUpstream[] = [];
  const remote = async (address: string): Promise<Upstream> => {
    const { RemoteUpstream } = await import('./gateway/remote-upstream.ts');
    const upstream = new RemoteUpstream({
      target: targetOf(address),
      limits: {
        connectTimeoutMs: settings.upstreamConnectMs,
        responseTimeoutMs: settings.upstreamResponseMs,
        bodyIdleTimeoutMs: settings.upstreamResponseMs,
        upgradeTimeoutMs: settings.upstreamResponseMs,
        maxBodyOctets: settings.bodyOctets,
        maxAnswerHeadOctets: settings.headerOctets,
        maxRequests: settings.upstreamRequests,
        maxTunnels: settings.upstreamTunnels,
        stallTimeoutMs: config.chat.noProgressMs,
        lingerMs: config.chat.drainMs,
        retryAfterMs: 1_000,
      },
      log,
    });
    remotes.push(upstream);
    return upstream;
  };
  const chat = parts.chat?.upstream ?? (await remote(settings.chatUpstream));
  const identity = parts.identity?.upstream ?? (await remote(settings.identityUpstream));
  const routes: Route[] = [
    { path: '/chat', kind: 'websocket', upstream: chat, tokenFilter: settings.tokenFilter },
    {
      path: '/api/**',
      kind: 'http',
      upstream: chat,
      tokenFilter: 'verify',
      public: [`${DOCS_PATH}/**`, OPENAPI_PATH],
    },
    { path: '/auth/**', kind: 'http', upstream: identity, tokenFilter: 'none' },
  ];
  const gateway = createGateway({
    routes,
    cors: {
      allowedOrigins: settings.allowedOrigins,
      allowedMethods: ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      allowedHeaders: ['Authorization', 'Content-Type', 'Idempotency-Key'],
      exposedHeaders: ['Retry-After', 'WWW-Authenticate', 'X-Request-Id', 'set-auth-token'],
      maxAgeSeconds: settings.corsMaxAgeSeconds,
    },
    trustedProxies: settings.trustedProxies,
    verify: (token) => verifier.verify(token),
    limits: {
      headerOctets: settings.headerOctets,
      headersTimeoutMs: settings.headersMs,
      requestTimeoutMs: settings.requestMs,
      keepAliveTimeoutMs: settings.keepAliveMs,
      maxBodyOctets: settings.bodyOctets,
    },
    log,
  });
  return {
    server: () => gateway.server(),
    close: async () => {
      // Tunnels first: the gateway's own grace is for answers under way.
      const closed = gateway.close(config.chat.drainMs);
      await Promise.all(remotes.map((upstream) => upstream.close()));
      await closed;
    },
  };
}

function targetOf(address: string) {
  if (address.startsWith('unix:')) return { socketPath: address.slice('unix:'.length) };
  const { hostname, port } = new URL(address);
  return { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) };
}

/** A service's own listener: the same upstream that the gateway calls. */
function serverOf(upstream: Upstream): Server {
  const handleRequest: RequestListener = (req, res) => upstream.handleRequest(req, res);
  return createServer(handleRequest).on('upgrade', (req, socket, head) =>
    upstream.handleUpgrade(req, socket, head),
  );
}
