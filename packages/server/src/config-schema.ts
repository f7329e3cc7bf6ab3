// Every setting with its default, its bounds and what it is for. The documentation's table is compared with this.
import { z } from 'zod';
import { isProxyEntry } from './http/proxy-list.ts';
import { LOG_LEVELS } from './telemetry/log.ts';

const port = z.int().min(1).max(65_535);
const ms = z.int().min(1).max(86_400_000);
const octets = z.int().min(1).max(1_073_741_824);
const count = z.int().min(1).max(1_000_000);
/** The text as a URL says its origin: scheme and host in lower case, no port that is the scheme's own. */
function originOf(text: string): string | undefined {
  const parsed = URL.parse(text.replace('://*.', '://'));
  if (parsed === null || !/^https?:$/.test(parsed.protocol) || /[\s\\]/.test(text)) return undefined;
  const bare =
    parsed.pathname === '/' && !text.endsWith('/') && parsed.search + parsed.hash + parsed.username === '';
  return bare ? parsed.origin.replace('://', text.includes('://*.') ? '://*.' : '://') : undefined;
}

const originText = (example: string, wildcard: boolean) =>
  z
    .string()
    .refine(
      (text) => originOf(text) !== undefined && (wildcard || !text.includes('*')),
      `must be scheme, host and port alone, such as ${example}`,
    )
    .transform((text) => originOf(text) ?? text);
const url = originText('http://localhost:19091', false);
const origin = originText('https://app.example.com or https://*.example.com', true);
const exactOrigin = originText('https://app.example.com', false);
/** A host may be a name, an IPv4 address or an IPv6 address in brackets; a path may hold anything but a comma. */
const UPSTREAM = String.raw`(?:http:\/\/(?:[^\/:,\s[\]]+|\[[\da-f:.]+\]):\d+|unix:\/[^,]+)`;
const UPSTREAMS = new RegExp(`^${UPSTREAM}(?: *, *${UPSTREAM})*$`, 'i');
const upstream = z
  .string()
  .regex(
    UPSTREAMS,
    'must be http://host:port or unix:/path/to/socket, or several of them with commas between',
  );
const hosts = z.array(z.string().min(1)).min(1);
const proxies = z.array(
  z.string().refine(isProxyEntry, 'must be an address or a CIDR range, such as 10.0.0.0/8'),
);

const issuer = z.strictObject({
  issuer: z.string().min(1).describe("The token's iss, exactly"),
  jwksUrl: z.url().describe('Where its public keys are'),
  audience: z.string().min(1).describe("The token's aud"),
  algorithms: z.array(z.string().regex(/^(ES|RS|PS)(256|384|512)$|^EdDSA$/)).default(['ES256']),
  rolesClaim: z.string().min(1).default('roles').describe('Where the roles are; dots go deeper'),
});

export const configSchema = z.strictObject({
  dataDir: z
    .string()
    .min(1)
    .default('./data')
    .describe('Where the embedded databases and generated secrets are'),
  publicUrl: url
    .optional()
    .describe(
      'How clients reach the gateway; the issuer of our tokens. Default: http://localhost and the gateway port',
    ),
  database: z
    .strictObject({
      url: z
        .string()
        .regex(/^postgres(ql)?:\/\//, 'must begin with postgres://')
        .optional()
        .describe(
          'postgres://user:password@host/database, PostgreSQL 15 or newer. Default: embedded, in dataDir',
        ),
      readers: count.default(8).describe('Connections of a chat service that read; one more writes'),
      statementMs: ms.default(15_000).describe('Time for one statement'),
      lockMs: ms.default(5_000).describe('Time to wait for a room that another chat service writes to'),
    })
    .prefault({}),

  bus: z
    .strictObject({
      servers: z
        .array(z.string().regex(/^(nats|tls):\/\//, 'must begin with nats:// or tls://'))
        .default([])
        .describe(
          'NATS between chat services, nats://host:4222, any of a cluster. None: they hear of each other by headMs',
        ),
      prefix: z
        .string()
        .regex(/^[\w-]+$/, 'must be one word')
        .default('maru')
        .describe('Begins the subjects'),
      headMs: ms
        .default(1_000)
        .describe('How often rooms are compared with the database, for what no bus brought'),
      presenceMs: ms
        .default(5_000)
        .describe(
          'How often a chat service says that it lives; after three times that, who was there is gone',
        ),
    })
    .prefault({}),

  log: z
    .strictObject({ level: z.enum(LOG_LEVELS).default('info').describe('Least level that is logged') })
    .prefault({}),

  handlers: z
    .array(z.string().min(1))
    .default([])
    .describe(
      'Modules with your own destinations, topics and interceptors; paths from the configuration file',
    ),

  gateway: z
    .strictObject({
      host: hosts
        .default(['127.0.0.1', '::1'])
        .describe('Addresses to listen on; 0.0.0.0 opens it to the network'),
      port: port.default(19_091),
      tokenFilter: z
        .enum(['presence', 'deferred'])
        .default('presence')
        .describe('/chat without a token: refused with 401, or left to CONNECT'),
      allowedOrigins: z
        .array(exactOrigin)
        .optional()
        .describe(
          "CORS: pages that may call the HTTP routes. Default: the web page's; publicUrl's own always may",
        ),
      corsMaxAgeSeconds: z
        .int()
        .min(0)
        .max(86_400)
        .default(3600)
        .describe('How long a browser may keep the answer to a preflight'),
      trustedProxies: proxies.default([]).describe('Proxies whose X-Forwarded-* and Forwarded are kept'),
      chatUpstream: upstream
        .optional()
        .describe(
          "Apart only: the chat service, or several with commas between. Default: chat's own host and port",
        ),
      identityUpstream: upstream
        .optional()
        .describe(
          "Apart only: the identity service, or several with commas between. Default: identity's own host and port",
        ),
      bodyOctets: octets.default(1_048_576).describe('Largest HTTP request body'),
      headerOctets: octets.default(16_384).describe('Largest HTTP request head'),
      headersMs: ms.default(10_000).describe('Time for an HTTP request head'),
      requestMs: ms.default(60_000).describe('Time for a whole HTTP request'),
      upstreamConnectMs: ms.default(2_000).describe('Time to reach an upstream; past it 502'),
      upstreamResponseMs: ms.default(30_000).describe('Time to its answer; past it 504'),
      upstreamCheckMs: z
        .int()
        .min(0)
        .max(86_400_000)
        .default(1_000)
        .describe('Apart only: from a check of an address of an upstream to the next; 0: none'),
      upstreamCheckPath: z
        .string()
        .regex(/^\/[^\s#]*$/, 'must be a path, such as /healthz')
        .default('/healthz')
        .describe('What a check asks for; any answer but 5xx passes'),
      upstreamResolveMs: ms
        .default(10_000)
        .describe('Apart only: how often names of upstreams are looked up again'),
      upstreamRequests: count
        .default(256)
        .describe(
          'Apart only: most requests under way to one address of an upstream; past it at all of them 503',
        ),
      upstreamTunnels: count
        .default(10_000)
        .describe('Apart only: most WebSockets to one address of an upstream; past it at all of them 503'),
      keepAliveMs: ms.default(5_000).describe('How long an idle HTTP connection is kept'),
    })
    .prefault({}),

  chat: z
    .strictObject({
      host: hosts.default(['127.0.0.1']).describe('Addresses to listen on, or unix:/path'),
      port: port.default(8081),
      allowedOrigins: z
        .array(origin)
        .optional()
        .describe(
          "Pages that may open the WebSocket; *. is one label. Default: the web page's; publicUrl's own always may",
        ),
      trustedProxies: proxies
        .default(['127.0.0.0/8', '::1'])
        .describe(
          "Gateways whose X-Forwarded-For tells a client's address; a Unix socket always does. Beside gateway.trustedProxies",
        ),
      bodyOctets: octets.default(65_536).describe('Largest body of a REST call'),
      sessions: count
        .default(20_000)
        .describe('Most WebSockets open at a time; past it 503 with Retry-After'),
      connectsPerSecond: count
        .default(5_000)
        .describe('Most upgrades of one address (an IPv6 /64 is one), twice as many at once; past it 429'),
      admittedPerSecond: count
        .default(5_000)
        .describe(
          'Most upgrades that get in, of all addresses together, as many more at once; past it 503 with a moment of their own to come back',
        ),
      sessionsPerUser: count
        .default(5_000)
        .describe('Most connected sessions of one person; past it refused'),
      connectOctets: octets
        .default(16_384)
        .describe('Most octets of a session up to the end of its first frame'),
      framesPerSecond: count
        .default(20_000)
        .describe('Most frames of a session, pings too; past it it is not read for a while'),
      octetsPerSecond: octets
        .default(8_388_608)
        .describe('Most octets of a session; past it it is not read for a while'),
      frameOctets: octets.default(65_536).describe('Largest STOMP frame'),
      headers: count.default(32).describe('Most headers of a STOMP frame'),
      headerOctets: octets.default(1_024).describe('Longest STOMP header line'),
      authorizationOctets: octets.default(4_096).describe('Longest Authorization header line'),
      webSocketMessageOctets: octets
        .default(262_144)
        .describe('Largest WebSocket message; it may hold several frames'),
      subscriptions: count.default(256).describe('Most subscriptions of a session'),
      unacknowledged: count
        .default(16_384)
        .describe(
          'Most unacknowledged messages of a session: the prefetch of all its subscriptions together',
        ),
      transactions: count.default(16).describe('Most open transactions of a session'),
      transactionFrames: count.default(100).describe('Most frames in one transaction'),
      transactionOctets: octets
        .default(262_144)
        .describe('Most octets of bodies and user headers in all open transactions of a session'),
      answerMs: ms.default(60_000).describe('Time from when a frame was begun to its answer'),
      tokenGraceMs: z
        .int()
        .min(0)
        .max(86_400_000)
        .default(30_000)
        .describe('How much longer than its token a session lives: time to renew it'),
      inFlight: count
        .default(256)
        .describe('Most frames of a session begun and unanswered; past it it is not read'),
      outboundOctets: octets
        .default(1_048_576)
        .describe('Most octets waiting for one session; past it its rooms wait in their logs'),
      appendQueue: count
        .default(10_000)
        .describe('Most writes waiting for the database; past it refused, overloaded'),
      passcode: z
        .enum(['off', 'token'])
        .default('off')
        .describe("CONNECT's passcode: not looked at, or an access token where there is no Authorization"),
      connectMs: ms.default(10_000).describe('Time from the handshake to CONNECT'),
      unfinishedFrameMs: ms.default(10_000).describe('Time from the start of a frame to its end'),
      heartBeatMs: ms.default(10_000).describe('How often the server beats, and how often it wants to hear'),
      heartBeatTolerance: z
        .number()
        .min(1.5)
        .max(10)
        .default(2)
        .describe('Periods of silence until a client counts as gone'),
      noProgressMs: ms.default(60_000).describe('Time for which octets may wait and none leave'),
      closeMs: ms
        .default(30_000)
        .describe('How long a Close waits for the other Close: what a slow reader has to read first'),
      drainMs: ms.default(2_000).describe('The same when the server itself ends'),
      drainPerSecond: count
        .default(2_000)
        .describe(
          'How many sessions are sent away in a second when the server ends: they come back elsewhere',
        ),
      tickMs: z
        .int()
        .min(10)
        .max(5_000)
        .default(250)
        .describe('How often deadlines and heart-beats are looked at'),
    })
    .prefault({}),

  destinations: z
    .strictObject({
      legacyRooms: z
        .boolean()
        .default(false)
        .describe(
          'Whether /topic/rooms/{roomId} carries new messages too, as the Spring note says; it keeps none',
        ),
    })
    .prefault({}),

  identity: z
    .strictObject({
      host: hosts.default(['127.0.0.1']).describe('Addresses to listen on, or unix:/path'),
      port: port.default(8082),
      secret: z
        .string()
        .optional()
        .describe(
          'Encrypts the signing keys, 32 characters or more. Generated into dataDir; production: must be set',
        ),
      rateLimit: z
        .strictObject({
          windowSeconds: z.int().min(1).max(86_400).default(60).describe('For how long is counted'),
          failedSignIns: count.default(20).describe('Most wrong passwords of one address in that time'),
          signUps: count.default(300).describe('Most new accounts of one address in that time'),
          requests: count.default(1200).describe('Most other calls of one address in that time'),
        })
        .prefault({}),
      accessTokenSeconds: z.int().min(10).max(86_400).default(900).describe('Life of an access token'),
    })
    .prefault({}),

  tokens: z
    .strictObject({
      audience: z.string().min(1).default('maru').describe('aud of our tokens'),
      jwksUrl: z.url().optional().describe("Our identity service's keys. Default: its address, /auth/jwks"),
      clockSkewSeconds: z.int().min(0).max(60).default(5).describe('How far clocks may differ'),
      issuers: z.array(issuer).default([]).describe('Other OIDC providers whose tokens are accepted'),
    })
    .prefault({}),

  web: z
    .strictObject({
      host: hosts.default(['127.0.0.1']).describe('Addresses to listen on, or unix:/path'),
      port: port.default(5500),
    })
    .prefault({}),

  operations: z
    .strictObject({
      host: hosts
        .default(['127.0.0.1'])
        .describe(
          'Addresses of /healthz, /readyz and /metrics, or unix:/path; no client needs to reach them',
        ),
      port: z
        .int()
        .min(0)
        .max(65_535)
        .optional()
        .describe(
          'Default: 9090; a chat service alone 9091, an identity service alone 9092, a web page alone 9093. 0: a free one',
        ),
    })
    .prefault({}),
});

/** Settings as they are written: all may be left out. */
export type GivenSettings = z.input<typeof configSchema>;

/** Settings as written, defaults filled in. */
export type Settings = z.infer<typeof configSchema>;
