// A whole chat service in this process, on a port of its own: real store, broker, sessions, REST and token issuer.
import { EventEmitter, once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { ErrorCode, MessagePage, Room } from '@maru/contract';
import { LineMemory } from '@maru/stomp';
import { pino } from 'pino';
import { People } from '../../src/authorization/people.ts';
import { Pace } from '../../src/broker/catch-up-turns.ts';
import { LocalBroker } from '../../src/broker/local-broker.ts';
import { RoomListFeed } from '../../src/broker/room-list-feed.ts';
import { Turn } from '../../src/broker/turn.ts';
import type { Mapping } from '../../src/handlers/application-handler.ts';
import { createDoor } from '../../src/handlers/door.ts';
import type { HandlerModule } from '../../src/handlers/handler-module.ts';
import { createApi } from '../../src/handlers/http-api.ts';
import { ReadMarkers } from '../../src/handlers/read-markers.ts';
import { OriginList } from '../../src/http/origin-list.ts';
import type { Principal } from '../../src/identity/principal.ts';
import { createTokenVerifier } from '../../src/identity/token-verifier.ts';
import { Clock } from '../../src/session/clock.ts';
import { Endpoint, type EndpointLimits } from '../../src/session/endpoint.ts';
import { watchSessions } from '../../src/session/gauges.ts';
import type { Timing } from '../../src/session/liveness.ts';
import type { SessionLimits } from '../../src/session/session-services.ts';
import { UserSessions } from '../../src/session/user-sessions.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { SparseLog } from '../../src/telemetry/sparse-log.ts';
import { type Claims, createSigningKey, openTestIssuer, type TestIssuer } from '../identity/test-issuer.ts';
import { RawClient, type RawClientOptions } from './raw-client.ts';

const ISSUER = 'http://localhost:19091';
export const PAGE = 'http://127.0.0.1:5500';

export const LIMITS: SessionLimits = {
  frameOctets: 65_536,
  headers: 32,
  headerOctets: 1_024,
  authorizationOctets: 4_096,
  webSocketMessageOctets: 262_144,
  subscriptions: 256,
  inFlight: 256,
  outboundOctets: 1_048_576,
  unacknowledged: 16_384,
  transactions: 16,
  transactionFrames: 100,
  transactionOctets: 262_144,
  connectOctets: 16_384,
  framesPerSecond: 100_000,
  octetsPerSecond: 1_073_741_824,
};

const TIMING: Timing = {
  connectMs: 10_000,
  unfinishedFrameMs: 10_000,
  tokenGraceMs: 30_000,
  answerMs: 60_000,
  heartBeatMs: 10_000,
  heartBeatTolerance: 2,
  noProgressMs: 60_000,
  closeMs: 1_000,
  drainMs: 1_000,
  tickMs: 20,
};

export type ChatOptions = {
  readonly limits?: Partial<SessionLimits>;
  readonly timing?: Partial<Timing>;
  readonly origins?: readonly string[];
  readonly trustedProxies?: readonly string[];
  readonly endpoint?: Partial<EndpointLimits>;
  readonly sessionsPerUser?: number;
  /** Handlers beside `/pub/send/message`. */
  readonly mappings?: readonly Mapping[];
  /** A team's own module. */
  readonly handlers?: HandlerModule;
  /** Around the real verification. */
  readonly verify?: (token: string, real: (token: string) => Promise<Principal>) => Promise<Principal>;
  readonly queueLimit?: number;
  readonly roomListIntervalMs?: number;
  readonly takesPasscode?: boolean;
  readonly bodyOctets?: number;
};

export type Answer = { readonly status: number; readonly headers: Headers; readonly body: unknown };

export class Chat {
  readonly store: Store;
  readonly broker: LocalBroker;
  readonly turn: Turn;
  readonly clock: Clock;
  readonly endpoint: Endpoint;
  readonly port: number;
  /** What the service logged, at every level. */
  readonly log: Record<string, unknown>[];
  /** Emits `line` after each line of the log. */
  readonly logged: EventEmitter;
  /** Both issue tokens that verify; `other` is a foreign one. */
  readonly issuer: TestIssuer;
  readonly other: TestIssuer;
  readonly metrics: Metrics;
  readonly #sign: (issuer: TestIssuer, claims: Claims) => Promise<string>;
  readonly #tokens = new Map<string, Promise<string>>();
  readonly #clients = new Set<RawClient>();
  readonly #close: () => Promise<void>;

  constructor(
    parts: Pick<
      Chat,
      | 'store'
      | 'broker'
      | 'turn'
      | 'clock'
      | 'endpoint'
      | 'port'
      | 'log'
      | 'logged'
      | 'issuer'
      | 'other'
      | 'metrics'
    >,
    sign: (issuer: TestIssuer, claims: Claims) => Promise<string>,
    close: () => Promise<void>,
  ) {
    this.store = parts.store;
    this.broker = parts.broker;
    this.turn = parts.turn;
    this.clock = parts.clock;
    this.endpoint = parts.endpoint;
    this.port = parts.port;
    this.log = parts.log;
    this.logged = parts.logged;
    this.issuer = parts.issuer;
    this.other = parts.other;
    this.metrics = parts.metrics;
    this.#sign = sign;
    this.#close = close;
  }

  /** The code of every refusal, soft ones too. */
  get refused(): readonly ErrorCode[] {
    return [...this.metrics.counts.refusals].flatMap(([code, times]) => Array(times).fill(code));
  }

  /** Messages given up by NACK. */
  get nacked(): { readonly messages: number } {
    return { messages: this.metrics.counts.nacks };
  }

  /** The value of a series now, such as `maru_refusals_total{code="overloaded"}`; 0 where there is none. */
  async metric(series: string): Promise<number> {
    const { body } = await this.metrics.text();
    const line = body.split('\n').find((each) => each.startsWith(`${series} `));
    return Number(line?.slice(series.length) ?? 0);
  }

  /** How often something was refused with this code. */
  refusals(code: ErrorCode): Promise<number> {
    return this.metric(`maru_refusals_total{code="${code}"}`);
  }

  get webSocketUrl(): string {
    return `ws://127.0.0.1:${this.port}/chat`;
  }

  /** A good token of `user`; the name begins with a capital. */
  token(user: string): Promise<string> {
    let token = this.#tokens.get(user);
    if (token === undefined) {
      token = this.sign({ sub: user, name: user.slice(0, 1).toUpperCase() + user.slice(1) });
      this.#tokens.set(user, token);
    }
    return token;
  }

  sign(claims: Claims, issuer = this.issuer): Promise<string> {
    return this.#sign(issuer, claims);
  }

  /** A WebSocket that has said nothing yet. */
  async open(options: RawClientOptions = {}): Promise<RawClient> {
    const client = await RawClient.open(this.webSocketUrl, options);
    this.#clients.add(client);
    return client;
  }

  /** A session of `user`. */
  async connect(user: string, headers: Readonly<Record<string, string>> = {}): Promise<RawClient> {
    const client = await this.open();
    await client.connect(await this.token(user), headers);
    return client;
  }

  /** A REST call of `user`; an object becomes JSON. */
  async call(
    user: string | null,
    method: string,
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Answer> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      headers: {
        ...(user === null ? {} : { authorization: `Bearer ${await this.token(user)}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.includes('json') === true;
    return { status: response.status, headers: response.headers, body: json ? JSON.parse(text) : text };
  }

  /** A public room of the first of `members`, which the others have joined. @returns its id */
  async newRoom(...members: readonly string[]): Promise<string> {
    const [owner = 'ann', ...others] = members;
    const { body } = await this.call(owner, 'POST', '/api/rooms', { name: 'Room', visibility: 'public' });
    const { roomId } = body as Room;
    for (const member of others) await this.call(member, 'POST', `/api/rooms/${roomId}/members`);
    return roomId;
  }

  async newPrivateRoom(owner: string): Promise<string> {
    const { body } = await this.call(owner, 'POST', '/api/rooms', { name: 'Hidden', visibility: 'private' });
    return (body as Room).roomId;
  }

  /** The contents of all messages of a room, in the order of the log. */
  async history(roomId: string): Promise<readonly string[]> {
    const contents: string[] = [];
    for (let after = 0, more = true; more; ) {
      const page = (await this.store.listMessages(roomId, '', { after }, 200)) as MessagePage;
      contents.push(...page.messages.map(({ content }) => content ?? ''));
      after = page.messages.at(-1)?.seq ?? after;
      more = page.hasMore;
    }
    return contents;
  }

  /** Resolves when no more than `sessions` are left: each that goes is logged at the same moment. */
  async empty(sessions = 0): Promise<void> {
    while (this.endpoint.sessions > sessions) await once(this.logged, 'line');
  }

  /** Cuts all clients; resolves when no session is left. */
  async hangUp(): Promise<void> {
    for (const client of this.#clients) client.terminate();
    this.#clients.clear();
    await this.empty();
  }

  async close(): Promise<void> {
    for (const client of this.#clients) client.terminate();
    await this.#close();
  }
}

export async function openChat(options: ChatOptions = {}): Promise<Chat> {
  const folder = await mkdtemp(join(tmpdir(), 'maru-chat-'));
  const key = await createSigningKey('k1');
  const issuer = await openTestIssuer(ISSUER, [key]);
  const other = await openTestIssuer('https://idp.example.com', [key]);
  const lines: Record<string, unknown>[] = [];
  const logged = new EventEmitter();
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(JSON.parse(String(chunk)));
      logged.emit('line');
      done();
    },
  });
  const metrics = new Metrics();
  const { counts } = metrics;
  const log = pino({ level: 'trace' }, sink);
  const verifier = createTokenVerifier({
    issuers: [issuer, other],
    localIssuer: ISSUER,
    clockSkewSeconds: 0,
  });
  const real = (token: string) => verifier.verify(token);
  const { verify: around } = options;
  const verify = around === undefined ? real : (token: string) => around(token, real);

  const store = await openSqliteStore({ folder, queueLimit: options.queueLimit ?? 10_000 });
  const turn = new Turn();
  const broker = new LocalBroker(store, turn, counts);
  const roomLists = new RoomListFeed({
    store,
    broker,
    intervalMs: options.roomListIntervalMs ?? 1_000,
    onFailure: (error) => log.error({ err: error }, 'a room list'),
  });
  store.onCommitted((entries) => {
    broker.publish(entries);
    roomLists.publish(entries);
  });
  const people = new People(store);
  const { bodyOctets = 65_536 } = options;
  const readMarkers = new ReadMarkers({ store, broker, roomLists });
  const markRead: Store['markRead'] = (...moved) => readMarkers.mark(...moved);
  const api = await createApi({
    store,
    people,
    verify,
    markRead,
    publicUrl: ISSUER,
    bodyOctets,
    counts,
    log,
  });
  const timing = { ...TIMING, ...options.timing };
  const clock = new Clock(timing.tickMs);
  const endpoint = new Endpoint({
    path: '/chat',
    origins: new OriginList(options.origins ?? [PAGE, 'https://*.example.com']),
    trustedProxies: options.trustedProxies ?? ['127.0.0.0/8', '::1'],
    limits: {
      sessions: 20_000,
      connectsPerSecond: 1_000,
      admittedPerSecond: 100_000,
      drainPerSecond: 2_000,
      ...options.endpoint,
    },
    services: {
      limits: { ...LIMITS, ...options.limits },
      failures: new SparseLog({ log, level: 'error' }),
      takesPasscode: options.takesPasscode ?? false,
      timing,
      clock,
      lines: new LineMemory(),
      turn,
      pace: new Pace(),
      broker,
      roomLists,
      store,
      ...createDoor([{ destinations: options.mappings ?? [] }, options.handlers ?? {}]),
      people,
      users: new UserSessions(options.sessionsPerUser ?? 100),
      counts,
      log,
      verify,
      markRead,
      isMember: async (roomId, userId) => (await store.findStanding(roomId, userId))?.role != null,
      retryAfterMs: () => 1_500,
    },
  });
  watchSessions(metrics, endpoint, broker, store);
  const server = createServer((req, res) => api.handleRequest(req, res));
  server.on('upgrade', (req, socket, head) => endpoint.handleUpgrade(req, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  return new Chat(
    { store, broker, turn, clock, endpoint, port, log: lines, logged, issuer, other, metrics },
    (by, claims) => by.sign(key, claims),
    async () => {
      await endpoint.close();
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
      roomLists.close();
      await api.close();
      await store.close();
      await Promise.all([issuer.close(), other.close()]);
      await rm(folder, { recursive: true });
    },
  );
}
