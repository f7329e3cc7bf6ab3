// Every limit that concerns a session: what it bounds, and what happens past it. The documentation's table is made from this.
import type { ErrorCode } from '@maru/contract';
import type { Settings } from './config-schema.ts';
import type { PauseReason } from './telemetry/counts.ts';
import type { GaugeName } from './telemetry/metric-table.ts';

type ChatSetting = keyof Settings['chat'];

/** Settings of the chat service that bound nothing of a session. */
export const NOT_LIMITS = [
  'host',
  'port',
  'allowedOrigins',
  'trustedProxies',
  'passcode',
  'heartBeatMs',
  'tickMs',
  'drainPerSecond',
] as const satisfies readonly ChatSetting[];

export type Limit = Exclude<ChatSetting, (typeof NOT_LIMITS)[number]>;

/** What happens past it. */
type Past =
  /** An ERROR, then close. `isHard`: also where the code may be told softly. */
  | { readonly kind: 'error'; readonly code: ErrorCode; readonly isHard?: true }
  /** No frame is there to answer, so a Close alone. */
  | { readonly kind: 'close'; readonly code: ErrorCode }
  /** An answer over HTTP. */
  | { readonly kind: 'upgrade' | 'request'; readonly code: ErrorCode }
  /** Nothing is refused; the socket isn't read for a while. */
  | { readonly kind: 'paused'; readonly reason: PauseReason; readonly until: string }
  /** The socket ends without a word. */
  | { readonly kind: 'cut' };

export type LimitFacts = {
  readonly bounds: string;
  readonly past: Past;
  /** How full it is now. */
  readonly gauge?: GaugeName;
};

export const LIMITS: Readonly<Record<Limit, LimitFacts>> = {
  // At the door.
  sessions: {
    bounds: 'WebSockets open at a time',
    past: { kind: 'upgrade', code: 'overloaded' },
    gauge: 'maru_sessions',
  },
  connectsPerSecond: {
    bounds: 'upgrades of one address (an IPv6 /64 is one) in a second; twice as many at once',
    past: { kind: 'upgrade', code: 'too-many-requests' },
  },
  admittedPerSecond: {
    bounds: 'upgrades of all addresses together that get in, in a second; as many more at once',
    past: { kind: 'upgrade', code: 'overloaded' },
  },
  connectMs: {
    bounds: 'time from the handshake to CONNECT accepted',
    past: { kind: 'error', code: 'connect-timeout' },
  },
  connectOctets: {
    bounds: 'octets of a session up to the end of its first frame',
    past: { kind: 'error', code: 'frame-too-large' },
  },
  sessionsPerUser: {
    bounds: 'connected sessions of one person',
    past: { kind: 'error', code: 'too-many-sessions' },
    gauge: 'maru_sessions',
  },
  tokenGraceMs: {
    bounds: 'how much longer than its token a session lives',
    past: { kind: 'error', code: 'token-expired', isHard: true },
  },
  // A frame.
  frameOctets: {
    bounds: 'octets of a frame, its NUL included',
    past: { kind: 'error', code: 'frame-too-large' },
  },
  headers: { bounds: 'header lines of a frame', past: { kind: 'error', code: 'too-many-headers' } },
  headerOctets: { bounds: 'octets of a header line', past: { kind: 'error', code: 'header-too-long' } },
  authorizationOctets: {
    bounds: 'octets of the header line Authorization',
    past: { kind: 'error', code: 'header-too-long' },
  },
  webSocketMessageOctets: {
    bounds: 'octets of a WebSocket message, which may hold several frames',
    past: { kind: 'close', code: 'frame-too-large' },
  },
  unfinishedFrameMs: {
    bounds: 'time from the start of a frame, or of a WebSocket message, to its end',
    past: { kind: 'error', code: 'frame-timeout' },
  },
  // What a session sends.
  framesPerSecond: {
    bounds: 'frames in a second: of STOMP, and of WebSocket where they end none (pings, fragments)',
    past: { kind: 'paused', reason: 'rate', until: 'the second has paid for them' },
  },
  octetsPerSecond: {
    bounds: 'octets in a second',
    past: { kind: 'paused', reason: 'rate', until: 'the second has paid for them' },
  },
  inFlight: {
    bounds: 'frames begun and not answered yet',
    past: { kind: 'paused', reason: 'in-flight', until: 'an answer has left' },
  },
  answerMs: {
    bounds: 'time from when a frame was begun to its answer',
    past: { kind: 'error', code: 'answer-timeout' },
  },
  appendQueue: {
    bounds: 'writes of all sessions that wait for the database',
    past: { kind: 'error', code: 'overloaded' },
    gauge: 'maru_append_pending',
  },
  bodyOctets: {
    bounds: 'octets of the body of a REST call',
    past: { kind: 'request', code: 'payload-too-large' },
  },
  // What a session holds.
  subscriptions: {
    bounds: 'subscriptions',
    past: { kind: 'error', code: 'too-many-subscriptions' },
    gauge: 'maru_subscriptions',
  },
  unacknowledged: {
    bounds: 'messages that wait for an ACK: the `prefetch` of all subscriptions together',
    past: { kind: 'error', code: 'too-many-unacknowledged' },
  },
  transactions: { bounds: 'open transactions', past: { kind: 'error', code: 'too-many-transactions' } },
  transactionFrames: {
    bounds: 'frames in one transaction',
    past: { kind: 'error', code: 'transaction-too-large' },
  },
  transactionOctets: {
    bounds: 'octets of bodies and user headers in all open transactions',
    past: { kind: 'error', code: 'transaction-too-large' },
  },
  // What a session is slow to take.
  outboundOctets: {
    bounds:
      'octets that wait for a session to read; past it its room subscriptions wait in the log, and what is not kept is dropped',
    past: { kind: 'paused', reason: 'outbound', until: 'all of that has been read' },
    gauge: 'maru_outbound_octets_max',
  },
  noProgressMs: {
    bounds: 'time for which octets wait and none leaves',
    past: { kind: 'error', code: 'too-slow' },
  },
  heartBeatTolerance: {
    bounds: 'periods of silence of a client that agreed to heart-beats',
    past: { kind: 'error', code: 'heart-beat-timeout' },
  },
  closeMs: { bounds: 'time for which a Close waits for the other Close', past: { kind: 'cut' } },
  drainMs: { bounds: 'the same when the server itself ends', past: { kind: 'cut' } },
};
