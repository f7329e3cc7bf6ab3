// The composition root: the only place that builds. Reads in flow order: identity → store → broker → handlers → session → gateway.
import { lookup } from 'node:dns/promises';
import type { Server } from 'node:http';
import { fileURLToPath } from 'node:url';
import { LineMemory } from '@maru/stomp';
import { People } from './authorization/people.ts';
import { Pace } from './broker/catch-up-turns.ts';
import { Turn } from './broker/turn.ts';
import { type Config, ConfigError, readConfig } from './config.ts';
import { createGateway } from './gateway/gateway.ts';
import { watchUpstreams } from './gateway/gauges.ts';
import type { Route } from './gateway/routes.ts';
import type { UpstreamGroup } from './gateway/upstream-group.ts';
import { DOCS_PATH, OPENAPI_PATH } from './handlers/api-docs.ts';
import { createDoor } from './handlers/door.ts';
import { type HandlerModule, loadHandlerModule } from './handlers/handler-module.ts';
import { createApi } from './handlers/http-api.ts';
import { ReadMarkers } from './handlers/read-markers.ts';
import type { SendAway } from './http/leaving-gateway.ts';
import { OriginList } from './http/origin-list.ts';
import { spreadRetryMs } from './http/retry-later.ts';
import type { Upstream } from './http/upstream.ts';
import { loadSecrets } from './identity/secrets.ts';
import { createTokenVerifier, type TokenVerifier } from './identity/token-verifier.ts';
import { Lifecycle, type Opened } from './lifecycle.ts';
import { closeAll, listenAll } from './listen.ts';
import { type Listening, type Maru, type MaruOptions, OPERATIONS_PORTS, ROLES, type Role } from './maru.ts';
import { openBroker } from './open-broker.ts';
import { openStore } from './open-store.ts';
import { serverOf } from './service-listener.ts';
import { Clock } from './session/clock.ts';
import { Endpoint } from './session/endpoint.ts';
import { watchSessions } from './session/gauges.ts';
import { UserSessions } from './session/user-sessions.ts';
import type { Store } from './store/store.ts';
import { createLog, type Logger } from './telemetry/log.ts';
import { Metrics } from './telemetry/metrics.ts';
import { createOperations } from './telemetry/operations.ts';
import { Readiness } from './telemetry/readiness.ts';
import { SparseLog } from './telemetry/sparse-log.ts';
import { nodeProblem } from './version.ts';
import { createWebPage } from './web/web-page.ts';

/** A part that runs: how to reach it in this process, and how to end it. `drain` sends its clients away first. */
type Part = {
  readonly upstream: Upstream;
  drain?(): Promise<void>;
  readonly sendAway?: SendAway;
  close(): Promise<void>;
};

/** What the process tells of itself, filled by its parts. */
type Telemetry = { readonly log: Logger; readonly metrics: Metrics; readonly readiness: Readiness };

/**
 * Maru as a part of this process; nothing runs and nothing is written before `start`.
 * @throws ConfigError with every wrong setting, or an Error that says which Node it needs.
 */
export function createMaru(options: MaruOptions = {}): Maru {
  const problem = nodeProblem();
  if (problem !== null) throw new Error(problem);
  const config = options.config ?? readConfig({ settings: options.settings ?? {} });
  const { roles = ROLES, log = createLog(config.log.level), onFatal = throwUncaught } = options;
  const { handlers = [] } = options;
  // As a program without types may say it.
  if (roles.length === 0 || !roles.every((role) => ROLES.includes(role))) {
    throw new ConfigError([`roles: must be some of ${ROLES.join(', ')}`]);
  }
  return new Lifecycle((opened) => openRoles(opened, config, roles, handlers, log, onFatal));
}

async function openRoles(
  opened: Opened,
  config: Config,
  roles: readonly Role[],
  handlers: readonly HandlerModule[],
  log: Logger,
  onFatal: (error: Error) => void,
): Promise<Listening> {
  const listening: Listening = {};
  const listen = async (role: Role | 'operations', create: () => Server): Promise<void> => {
    const { host } = config[role];
    const port = config[role].port ?? Math.min(...roles.map((each) => OPERATIONS_PORTS[each]));
    const { servers, port: bound } = await listenAll(role, host, port, create);
    opened.close(() => closeAll(servers));
    listening[role] = { hosts: host, port: bound };
  };

  // First to listen and last to go: whoever watches over the process sees it start and end.
  const telemetry: Telemetry = { log, metrics: new Metrics(), readiness: new Readiness() };
  const { readiness } = telemetry;
  opened.drain(async () => readiness.drain());
  await listen('operations', () => createOperations(telemetry));

  const has = (role: Role): boolean => roles.includes(role);
  const verifier = openVerifier(config);
  // Opened side by side: each spends most of its time waiting.
  const opening = [
    has('identity') ? openIdentity(config, log) : null,
    has('chat') ? openChat(config, verifier, handlers, telemetry, onFatal) : null,
  ] as const;
  // If one cannot be opened, the other is closed when it has been.
  for (const part of await Promise.allSettled(opening)) {
    if (part.status === 'fulfilled' && part.value !== null) opened.close(part.value.close);
  }
  const [identity, chat] = await Promise.all(opening);
  if (identity !== null) {
    await listen('identity', () => serverOf(identity.upstream, readiness));
  }
  if (chat !== null) {
    if (chat.drain) opened.drain(chat.drain);
    await listen('chat', () => serverOf(chat.upstream, readiness, chat.sendAway));
  }
  if (has('gateway')) {
    const gateway = await openGateway(config, verifier, { identity, chat }, telemetry);
    // A tunnel is no HTTP connection: a listener that closes first would wait for it for ever.
    opened.drain(gateway.close);
    await listen('gateway', gateway.server);
  }
  if (has('web')) {
    const web = await createWebPage({
      distDir: fileURLToPath(new URL('dist', import.meta.resolve('@maru/web/package.json'))),
      gatewayUrl: config.publicUrl,
      pageUrl: config.pageUrl,
      log,
    });
    opened.close(web.close);
    await listen('web', () => serverOf(web.upstream));
  }
  readiness.ready();
  return listening;
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
  // Loaded here, for a gateway or a chat service alone need none of it.
  const { openIdentityService } = await import('./identity/identity-service.ts');
  return openIdentityService({
    dataDir,
    databaseUrl: config.database.url,
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
  handlers: readonly HandlerModule[],
  { log, metrics, readiness }: Telemetry,
  onFatal: (error: Error) => void,
): Promise<Part> {
  const { chat, publicUrl } = config;
  const { counts } = metrics;
  const verify = (token: string) => verifier.verify(token);
  // Before anything is opened: a team's mistake in a module ends the start.
  const modules = await Promise.all(config.handlers.map((file) => loadHandlerModule(file)));
  const door = createDoor([...handlers, ...modules]);

  const store = await openStore(config, { log, readiness }, onFatal);
  const turn = new Turn();
  const {
    broker,
    roomLists,
    bus,
    close: closeBroker,
  } = await openBroker(config, store, turn, { log, counts });
  const sparse = new SparseLog({ log, level: 'error' });

  const people = new People(store);
  const readMarkers = new ReadMarkers({ store, broker, roomLists });
  const markRead: Store['markRead'] = (...moved) => readMarkers.mark(...moved);
  const api = await createApi({
    store,
    people,
    verify,
    markRead,
    publicUrl,
    bodyOctets: chat.bodyOctets,
    counts,
    log,
  });
  const endpoint = new Endpoint({
    path: '/chat',
    origins: new OriginList(chat.allowedOrigins),
    // In one process the gateway's peer is ours.
    trustedProxies: [...chat.trustedProxies, ...config.gateway.trustedProxies],
    limits: chat,
    services: {
      limits: chat,
      failures: sparse,
      takesPasscode: chat.passcode === 'token',
      timing: chat,
      clock: new Clock(chat.tickMs),
      lines: new LineMemory(1024),
      turn,
      pace: new Pace(),
      store,
      broker,
      roomLists,
      ...door,
      people,
      users: new UserSessions(chat.sessionsPerUser),
      counts,
      log,
      verify,
      markRead,
      isMember: async (roomId, userId) => (await store.findStanding(roomId, userId))?.role != null,
      retryAfterMs: spreadRetryMs,
    },
  });
  watchSessions(metrics, endpoint, broker, store);
  readiness.watch('store', () => store.check());
  if (bus !== undefined) {
    const checkBus = async () => {
      if (bus.trouble !== null) throw new Error(bus.trouble);
    };
    readiness.watch('bus', checkBus, { isDispensable: true });
  }
  return {
    upstream: {
      handleRequest: api.handleRequest,
      handleUpgrade: (req, socket, head) => endpoint.handleUpgrade(req, socket, head),
    },
    drain: () => endpoint.close(),
    sendAway: (gatewayId, perSecond) => endpoint.leave(gatewayId, perSecond),
    close: async () => {
      closeBroker();
      await api.close();
      await store.close();
      await bus?.close();
    },
  };
}

/** A part in this process is handed requests and sockets as they are; one elsewhere is reached over HTTP/1.1. */
async function openGateway(
  config: Config,
  verifier: TokenVerifier,
  parts: { readonly identity: Part | null; readonly chat: Part | null },
  { log, metrics, readiness }: Telemetry,
) {
  const settings = config.gateway;
  const remotes: UpstreamGroup[] = [];
  const remote = async (name: Role, addresses: string): Promise<Upstream> => {
    const { UpstreamGroup } = await import('./gateway/upstream-group.ts');
    const group = new UpstreamGroup({
      name,
      addresses,
      lookup: async (host) => (await lookup(host, { all: true })).map(({ address }) => address),
      resolveMs: settings.upstreamResolveMs,
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
        retryAfterMs: spreadRetryMs,
      },
      check: { everyMs: settings.upstreamCheckMs, path: settings.upstreamCheckPath },
      counts: metrics.counts,
      log,
    });
    remotes.push(group);
    // Whoever has a token goes on without the identity service.
    readiness.watch(name, () => group.requireHealthy(), { isDispensable: name === 'identity' });
    await group.open();
    return group;
  };
  const chat = parts.chat?.upstream ?? (await remote('chat', settings.chatUpstream));
  const identity = parts.identity?.upstream ?? (await remote('identity', settings.identityUpstream));
  watchUpstreams(metrics, remotes);
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
    takesUpgrades: () => readiness.takesRequests,
    retryAfterMs: spreadRetryMs,
    limits: {
      headerOctets: settings.headerOctets,
      headersTimeoutMs: settings.headersMs,
      requestTimeoutMs: settings.requestMs,
      keepAliveTimeoutMs: settings.keepAliveMs,
      maxBodyOctets: settings.bodyOctets,
    },
    counts: metrics.counts,
    log,
  });
  return {
    server: () => gateway.server(),
    close: async () => {
      // Requests are answered meanwhile.
      await Promise.all(remotes.map((upstream) => upstream.drain(config.chat.drainPerSecond)));
      const closed = gateway.close(config.chat.drainMs);
      await Promise.all(remotes.map((upstream) => upstream.close()));
      await closed;
    },
  };
}

/** As an `error` event that nobody listens to: a program must not go on without the part that it was given. */
function throwUncaught(error: Error): void {
  queueMicrotask(() => {
    throw error;
  });
}
