// Section G of the checklist. That a message was acknowledged is seen from the window: what is not waits for a place in it.
import { ALL, type Check, ONLY_1_0, ONLY_1_1, ONLY_1_2, SINCE_1_1 } from '../check.ts';
import type { Connection, Place } from '../connection.ts';
import type { Peer } from '../peer.ts';
import { type Frame, type Headers, header, type Version } from '../stomp-frame.ts';
import { expectThat, Unseen } from '../unmet.ts';
import { expectAlive, headerOf } from './expect.ts';

/** How servers call the number of unacknowledged messages that may be on their way. */
const WINDOW_HEADERS = ['prefetch', 'prefetch-count', 'activemq.prefetchSize', 'consumer-window-size'];

const windowOf = (count: number): Headers =>
  Object.fromEntries(WINDOW_HEADERS.map((name) => [name, String(count)]));

/** What names a message in ACK and NACK of each version. */
export function acknowledgement(message: Frame, version: Version): Headers {
  if (version === '1.2') return { id: headerOf(message, 'ack') };
  const id = headerOf(message, 'message-id');
  return version === '1.1'
    ? { 'message-id': id, subscription: headerOf(message, 'subscription') }
    : { 'message-id': id };
}

type Windowed = { readonly connection: Connection; readonly place: Place; readonly first: Frame[] };

/** A subscription with a window of `count`, more messages sent than fit, and the first `count` of them. */
async function fillWindow(peer: Peer, version: Version, mode: string, count: number): Promise<Windowed> {
  const connection = await peer.connect(version);
  const place = peer.place();
  connection.subscribe(place, { ack: mode, ...windowOf(count) });
  for (let sent = 1; sent <= 2 * count; sent++) connection.say(place, `message ${sent}`);
  const first = await connection.messages(count);
  const waiting = await waits(peer, connection);
  if (!waiting) throw new Unseen('the server has no window: it sends on without acknowledgements');
  return { connection, place, first };
}

/** Nothing is on its way on this connection: what is sent now on another subscription comes next. */
async function waits(peer: Peer, connection: Connection): Promise<boolean> {
  const place = peer.place();
  connection.subscribe(place, { id: `window-${place.destination.slice(-6)}` });
  return (await connection.untilMarker(place)).length === 0;
}

/** What has come meanwhile in the window. */
async function came(peer: Peer, connection: Connection, count: number): Promise<string[]> {
  const place = peer.place();
  connection.subscribe(place, { id: `window-${place.destination.slice(-6)}` });
  const awaited = await connection.messages(count);
  const more = await connection.untilMarker(place);
  return [...awaited, ...more].map(({ body }) => body.toString());
}

/** ACK or NACK that lacks what its version needs. */
const INCOMPLETE: readonly (readonly [version: Version, row: string, without: string])[] = [
  ['1.2', 'A01', 'id'],
  ['1.1', 'A02', 'message-id'],
  ['1.1', 'A02', 'subscription'],
  ['1.0', 'A03', 'message-id'],
];

const A_ROW: Readonly<Record<Version, string>> = { '1.0': 'A03', '1.1': 'A02', '1.2': 'A01' };
const NAMED_BY: Readonly<Record<Version, string>> = {
  '1.0': 'message-id',
  '1.1': 'message-id and subscription',
  '1.2': 'the id that MESSAGE gave in `ack`',
};
const UNKNOWN: Readonly<Record<Version, Headers>> = {
  '1.0': { 'message-id': 'nobody' },
  '1.1': { 'message-id': 'nobody', subscription: 'sub-0' },
  '1.2': { id: 'nobody' },
};

const UNBOUNDED = 300;

export const ACKNOWLEDGING: readonly Check[] = [
  ...ALL.flatMap((version) =>
    (version === '1.0' ? ['ACK'] : ['ACK', 'NACK']).map(
      (command): Check => ({
        row: A_ROW[version],
        level: 'MUST',
        versions: [version],
        requirement: `takes ${command} by ${NAMED_BY[version]}`,
        async run(peer) {
          const connection = await peer.connect(version);
          const place = peer.place();
          connection.subscribe(place, { ack: 'client' });
          connection.say(place, 'text');
          const [message] = await connection.messages(1);
          expectThat(message !== undefined, 'no MESSAGE came');
          connection.send(command, acknowledgement(message, version));
          await expectAlive(connection, peer.place());
        },
      }),
    ),
  ),
  ...ALL.flatMap((version) =>
    (version === '1.0' ? ['ACK'] : ['ACK', 'NACK']).map(
      (command): Check => ({
        row: A_ROW[version],
        level: 'MUST',
        versions: [version],
        requirement: `refuses ${command} of a message that was not delivered`,
        async run(peer) {
          const connection = await peer.connect(version);
          connection.subscribe(peer.place(), { ack: 'client' });
          connection.send(command, UNKNOWN[version]);
          await connection.refusal();
        },
      }),
    ),
  ),
  ...INCOMPLETE.map(
    ([version, row, without]): Check => ({
      row,
      level: 'MUST',
      versions: [version],
      requirement: `refuses ACK without ${without}`,
      async run(peer) {
        const connection = await peer.connect(version);
        const place = peer.place();
        connection.subscribe(place, { ack: 'client' });
        connection.say(place, 'text');
        const [message] = await connection.messages(1);
        expectThat(message !== undefined, 'no MESSAGE came');
        const { [without]: _, ...rest } = acknowledgement(message, version);
        connection.send('ACK', rest);
        await connection.refusal();
      },
    }),
  ),
  {
    row: 'A01',
    level: 'MUST',
    versions: ONLY_1_2,
    requirement: 'refuses a second ACK of the same message',
    async run(peer, version) {
      const connection = await peer.connect(version);
      const place = peer.place();
      connection.subscribe(place, { ack: 'client-individual' });
      connection.say(place, 'text');
      const [message] = await connection.messages(1);
      expectThat(message !== undefined, 'no MESSAGE came');
      for (let count = 0; count < 2; count++) connection.send('ACK', acknowledgement(message, version));
      await connection.refusal();
    },
  },
  {
    row: 'A03',
    level: 'MUST',
    versions: ONLY_1_0,
    requirement: 'refuses NACK in 1.0, which does not know it',
    async run(peer, version) {
      const connection = await peer.connect(version);
      const place = peer.place();
      connection.subscribe(place, { ack: 'client' });
      connection.say(place, 'text');
      const [message] = await connection.messages(1);
      connection.send('NACK', { 'message-id': headerOf(message, 'message-id') });
      await connection.refusal();
    },
  },
  {
    row: 'A04',
    level: 'MUST',
    versions: ALL,
    requirement: 'takes an ACK in client mode for all messages up to that one',
    async run(peer, version) {
      const { connection, first } = await fillWindow(peer, version, 'client', 3);
      const third = first[2];
      expectThat(third !== undefined, 'no third MESSAGE came');
      connection.send('ACK', acknowledgement(third, version));
      const next = await came(peer, connection, 3);
      expectThat(next.join() === 'message 4,message 5,message 6', `${next.join()} came next`);
    },
  },
  {
    row: 'A05',
    level: 'MUST',
    versions: SINCE_1_1,
    requirement: 'takes an ACK in client-individual mode for that message alone',
    async run(peer, version) {
      const { connection, first } = await fillWindow(peer, version, 'client-individual', 3);
      const third = first[2];
      expectThat(third !== undefined, 'no third MESSAGE came');
      connection.send('ACK', acknowledgement(third, version));
      const next = await came(peer, connection, 1);
      expectThat(next.join() === 'message 4', `${next.join()} came next`);
    },
  },
  {
    row: 'A06',
    level: 'MAY',
    versions: SINCE_1_1,
    requirement: 'redelivers what was not acknowledged to the next connection once, or not at all',
    async run(peer, version) {
      const lost = await peer.connect(version);
      const place = peer.place();
      lost.subscribe(place, { ack: 'client' });
      lost.say(place, 'not acknowledged');
      await lost.messages(1);
      lost.drop();
      const { connection } = await peer.audience(version, {}, place);
      const again = await connection.untilMarker(place);
      expectThat(again.length <= 1, `it came ${again.length} times`);
      return again.length === 0 ? 'not at all' : 'once';
    },
  },
  {
    row: 'A07',
    level: 'MAY',
    ours: true,
    versions: SINCE_1_1,
    requirement: 'gives the place of a message free at NACK, and does not deliver it again',
    async run(peer, version) {
      const { connection, first } = await fillWindow(peer, version, 'client-individual', 2);
      const [one] = first;
      expectThat(one !== undefined, 'no MESSAGE came');
      connection.send('NACK', acknowledgement(one, version));
      const next = await came(peer, connection, 1);
      expectThat(next.join() === 'message 3', `${next.join()} came next`);
    },
  },
  {
    row: 'A08',
    level: 'MUST',
    ours: true,
    versions: ALL,
    requirement: `does not send ${UNBOUNDED} messages to a client that acknowledges none`,
    async run(peer, version) {
      const connection = await peer.connect(version);
      const [place, probe] = [peer.place(), peer.place()];
      connection.subscribe(place, { ack: 'client' });
      connection.subscribe(probe, { id: 'probe' });
      let delivered = 0;
      // In steps, so that what comes is what the window lets through, and no other bound.
      for (let sent = 0; sent < UNBOUNDED; sent += 50) {
        for (let count = 0; count < 50; count++) connection.say(place, 'text');
        delivered += (await connection.untilMarker(probe)).length;
      }
      delivered += (await connection.untilMarker(probe)).filter((frame) =>
        header(frame, 'subscription'),
      ).length;
      expectThat(delivered < UNBOUNDED, `${delivered} came`);
      return `${delivered} came`;
    },
  },
  {
    row: 'A02',
    level: 'MUST',
    versions: ONLY_1_1,
    requirement: 'does not take an ACK with the subscription of another message',
    async run(peer, version) {
      const connection = await peer.connect(version);
      const place = peer.place();
      connection.subscribe(place, { ack: 'client' });
      connection.subscribe(peer.place(), { id: 'other', ack: 'client' });
      connection.say(place, 'text');
      const [message] = await connection.messages(1);
      connection.send('ACK', { 'message-id': headerOf(message, 'message-id'), subscription: 'other' });
      await connection.refusal();
    },
  },
];
