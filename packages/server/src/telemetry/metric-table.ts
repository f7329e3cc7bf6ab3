// Every metric of Maru's own: its kind, its labels and what it says. The documentation's table is made from this.

type MetricFacts = {
  readonly kind: 'counter' | 'gauge';
  readonly labels: readonly string[];
  /** Ends without a full stop, as Prometheus' own do. */
  readonly help: string;
};

export const METRICS = {
  maru_sessions: {
    kind: 'gauge',
    labels: ['state'],
    help: 'Open WebSockets: unauthenticated (no CONNECT accepted yet), connected, or closing',
  },
  maru_subscriptions: { kind: 'gauge', labels: [], help: 'Subscriptions of all sessions' },
  maru_subscriptions_behind: {
    kind: 'gauge',
    labels: [],
    help: "Of those to rooms, the ones that aren't at the head of the log: catching up, or waiting for their session to read",
  },
  maru_upstream_members: {
    kind: 'gauge',
    labels: ['upstream', 'state'],
    help: 'Addresses of services that a gateway reaches in other processes: healthy, ejected (failed requests), unhealthy (fails checks), or leaving (gone from their name)',
  },
  maru_upstream_tunnels: {
    kind: 'gauge',
    labels: ['upstream', 'address'],
    help: 'WebSockets that a gateway has open to each of them',
  },
  maru_append_pending: {
    kind: 'gauge',
    labels: [],
    help: 'Writes accepted and not yet durable; chat.appendQueue bounds them',
  },
  maru_outbound_octets: {
    kind: 'gauge',
    labels: [],
    help: 'Octets that wait for sessions to read, all together',
  },
  maru_outbound_octets_max: {
    kind: 'gauge',
    labels: [],
    help: 'The same of the session that has the most; past chat.outboundOctets its rooms wait in their logs',
  },
  maru_frames_received_total: { kind: 'counter', labels: [], help: 'STOMP frames of clients' },
  maru_messages_delivered_total: {
    kind: 'counter',
    labels: [],
    help: 'MESSAGE frames handed to sessions, one for each subscription',
  },
  maru_ephemeral_dropped_total: {
    kind: 'counter',
    labels: [],
    help: "Messages of topics that a slow session, or a subscription without places, did not get; nothing of a room's log is ever dropped",
  },
  maru_log_pages_read_total: {
    kind: 'counter',
    labels: [],
    help: "Pages of rooms' logs read from the database for subscriptions that were behind",
  },
  maru_nacks_total: { kind: 'counter', labels: [], help: 'Messages given up by a NACK' },
  maru_reads_paused_total: {
    kind: 'counter',
    labels: ['reason'],
    help: 'How often a session was not read for a while: in-flight (chat.inFlight), rate (chat.framesPerSecond, chat.octetsPerSecond) or outbound (chat.outboundOctets)',
  },
  maru_refusals_total: {
    kind: 'counter',
    labels: ['code'],
    help: 'Frames, upgrades and HTTP requests that gateway and chat service refused, by code',
  },
  maru_session_closes_total: {
    kind: 'counter',
    labels: ['code'],
    help: 'WebSockets closed, by the close code of whoever closed first; own: one of an application',
  },
} as const satisfies Readonly<Record<string, MetricFacts>>;

export type MetricName = keyof typeof METRICS;

type OfKind<Kind extends MetricFacts['kind']> = {
  [Name in MetricName]: (typeof METRICS)[Name]['kind'] extends Kind ? Name : never;
}[MetricName];

export type CounterName = OfKind<'counter'>;
export type GaugeName = OfKind<'gauge'>;
