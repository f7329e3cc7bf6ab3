// What the model of many users is fed: costs, each with where it is from, and what people do.

export type Cost = { readonly value: number; readonly unit: string; readonly from: string };

const assumed = 'assumed, not measured';

export const COSTS = {
  delivery: {
    value: 3,
    unit: 'CPU µs of a chat service a delivery',
    from: 'between 6 (each its own write) and 1 (eight share one): bench/fanout.ts',
  },
  send: { value: 53, unit: 'CPU µs a SEND with its receipt, database apart', from: 'docs/guarantees.md' },
  tunnel: {
    value: 10,
    unit: 'CPU µs of a gateway a frame',
    from: '24 µs more for a round trip of two frames than without it',
  },
  busMessage: {
    value: 1.2,
    unit: 'CPU µs of a chat service a bus message heard',
    from: 'NATS core, 10,000 subscriptions',
  },
  session: { value: 40, unit: 'KiB a session', from: assumed },
  entry: {
    value: 600,
    unit: 'octets an entry on the bus',
    from: 'a message of 120 octets as JSON, with subject and header',
  },
  rows: {
    value: 18_900,
    unit: 'rows/s a PostgreSQL takes, on two cores shared with its client',
    from: 'bench/append.ts --postgres',
  },
  wal: { value: 1_200, unit: 'octets of write-ahead log a row', from: assumed },
  busRate: {
    value: 212_000,
    unit: 'messages/s one NATS server passes on',
    from: 'NATS core, 10,000 subscriptions',
  },
} as const satisfies Record<string, Cost>;

export const WORKLOAD = {
  /** Members of the smallest and the largest rooms; between them as many memberships in each power of ten. */
  smallest: 10,
  largest: 100_000,
  roomsPerUser: 20,
  /** Messages a person says in one room in an hour. */
  perHour: 1,
  /** However many its members: nobody reads more. */
  mostPerSecond: 2,
  /** Of a core, and of memory, before another service is started. */
  utilisation: 0.6,
  /** One service is one core. */
  memoryGiB: 4,
  /** Rooms whose heads one service compares in a second at most. */
  headsPerSecond: 20_000,
} as const;
