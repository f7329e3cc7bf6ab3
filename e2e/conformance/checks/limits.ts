// Section J of the checklist: Maru's published limits, one below and one past; and that a breach of any server's ends in words.
import { type Check, ONLY_1_2 } from '../check.ts';
import type { Connection, Place } from '../connection.ts';
import { closeText } from '../connection.ts';
import type { Peer } from '../peer.ts';
import { encode, type Headers } from '../stomp-frame.ts';
import { expectThat } from '../unmet.ts';

/** docs/limits.md */
const LIMIT = { headers: 32, headerOctets: 1_024, frameOctets: 65_536, subscriptions: 256 } as const;

/** More than any server takes, or can be asked to. */
const HUGE = { headers: 20_000, lineOctets: 1_000_000 } as const;

const numbered = (count: number): Headers =>
  Object.fromEntries(Array.from({ length: count }, (_, index) => [`x-${index}`, '1']));

/** What a SEND must have to be taken. */
async function expectTaken(connection: Connection): Promise<void> {
  const [message] = await connection.messages(1);
  expectThat(message !== undefined, 'no MESSAGE came');
}

/** A breach: either the server has no such limit, or ERROR and close. */
async function takenOrRefused(connection: Connection): Promise<string> {
  const frame = await connection.next(10_000);
  if (frame.command === 'MESSAGE') return 'it is taken';
  expectThat(frame.command === 'ERROR', `${frame.command} came`);
  return `it is refused, and closed with ${closeText(await connection.closed())}`;
}

async function drip(connection: Connection, octets: Buffer): Promise<void> {
  for (let at = 0; at < octets.length; at++) connection.write(octets.subarray(at, at + 1), 'binary');
}

type Sending = (peer: Peer, connection: Connection, place: Place) => Promise<void> | void;

/** Limits of ours: what is just taken, and what no longer is. */
const AT_THE_LIMIT: readonly {
  readonly row: string;
  readonly what: string;
  readonly within: Sending;
  readonly past: Sending;
}[] = [
  {
    row: 'L01',
    what: `${LIMIT.headers} headers`,
    within: (_, connection, place) => connection.say(place, 'text', numbered(LIMIT.headers - 1)),
    past: (_, connection, place) => connection.say(place, 'text', numbered(LIMIT.headers)),
  },
  {
    row: 'L02',
    what: `${LIMIT.headerOctets} octets in a header line`,
    within: (_, connection, place) =>
      connection.say(place, 'text', { 'x-long': 'x'.repeat(LIMIT.headerOctets - 'x-long:'.length - 1) }),
    past: (_, connection, place) =>
      connection.say(place, 'text', { 'x-long': 'x'.repeat(LIMIT.headerOctets + 1) }),
  },
  {
    row: 'L03',
    what: `${LIMIT.frameOctets} octets in a frame without content-length`,
    within: (_, connection, place) =>
      connection.sendSplit('SEND', { destination: place.sendTo }, 'x'.repeat(LIMIT.frameOctets - 200)),
    past: (_, connection, place) =>
      connection.sendSplit('SEND', { destination: place.sendTo }, 'x'.repeat(LIMIT.frameOctets + 1)),
  },
  {
    row: 'L04',
    what: `${LIMIT.subscriptions} subscriptions`,
    within: (peer, connection, place) => {
      for (let count = 1; count < LIMIT.subscriptions; count++) {
        connection.subscribe(peer.place(), { id: `${count}` });
      }
      connection.say(place, 'text');
    },
    past: (peer, connection) => {
      for (let count = 1; count <= LIMIT.subscriptions; count++) {
        connection.subscribe(peer.place(), { id: `${count}` });
      }
    },
  },
  {
    row: 'L07',
    what: `${LIMIT.headers} headers, an octet a WebSocket message`,
    within: (_, connection, place) =>
      drip(connection, encode('SEND', { destination: place.sendTo, ...numbered(LIMIT.headers - 1) })),
    past: (_, connection, place) =>
      drip(connection, encode('SEND', { destination: place.sendTo, ...numbered(LIMIT.headers) })),
  },
];

export const LIMITS: readonly Check[] = [
  ...AT_THE_LIMIT.flatMap(({ row, what, within, past }): Check[] => [
    {
      row,
      level: 'SHOULD',
      ours: true,
      versions: ONLY_1_2,
      requirement: `takes ${what}`,
      async run(peer, version) {
        const { connection, place } = await peer.audience(version);
        await within(peer, connection, place);
        await expectTaken(connection);
      },
    },
    {
      row,
      level: 'SHOULD',
      ours: true,
      versions: ONLY_1_2,
      requirement: `refuses more than ${what}`,
      async run(peer, version) {
        const { connection, place } = await peer.audience(version);
        await past(peer, connection, place);
        const { close } = await connection.refusal();
        return `closed with ${closeText(close)}`;
      },
    },
  ]),
  {
    row: 'L01',
    level: 'SHOULD',
    versions: ONLY_1_2,
    requirement: `takes ${HUGE.headers} headers, or answers with ERROR and closes`,
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      connection.sendSplit('SEND', { destination: place.sendTo, ...numbered(HUGE.headers) }, 'text');
      return takenOrRefused(connection);
    },
  },
  {
    row: 'L02',
    level: 'SHOULD',
    versions: ONLY_1_2,
    requirement: `takes a header line of ${HUGE.lineOctets} octets, or answers with ERROR and closes`,
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      const headers = { destination: place.sendTo, 'x-long': 'x'.repeat(HUGE.lineOctets) };
      connection.sendSplit('SEND', headers, 'text');
      return takenOrRefused(connection);
    },
  },
  {
    row: 'L02',
    level: 'SHOULD',
    ours: true,
    versions: ONLY_1_2,
    requirement: 'does not wait for the end of a command that cannot be one',
    async run(peer) {
      const connection = await peer.open();
      await drip(connection, Buffer.from('X'.repeat(1_000)));
      await connection.refusal();
    },
  },
  {
    row: 'L03',
    level: 'SHOULD',
    ours: true,
    versions: ONLY_1_2,
    requirement: 'refuses a content-length past its limit before the body comes',
    async run(peer, version) {
      const connection = await peer.connect(version);
      const { sendTo } = peer.place();
      connection.write(`SEND\ndestination:${sendTo}\ncontent-length:${100 * LIMIT.frameOctets}\n\nx`);
      const { close } = await connection.refusal();
      return `closed with ${closeText(close)}`;
    },
  },
  {
    row: 'L05',
    level: 'SHOULD',
    ours: true,
    waits: true,
    versions: ONLY_1_2,
    requirement: 'does not wait for ever for the second half of a frame',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.write(`SEND\ndestination:${peer.place().sendTo}\n\nhalf`);
      await connection.untilClose(peer.target.patienceMs);
    },
  },
];
