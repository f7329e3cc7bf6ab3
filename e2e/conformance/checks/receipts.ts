// Section I of the checklist: RECEIPT, DISCONNECT, ERROR, and how a connection ends.
import { isUtf8 } from 'node:buffer';
import { ALL, type Check, ONLY_1_2, SINCE_1_1 } from '../check.ts';
import type { Connection, Place } from '../connection.ts';
import type { Peer } from '../peer.ts';
import { header, type Version } from '../stomp-frame.ts';
import { expectThat, Unseen } from '../unmet.ts';
import { acknowledgement } from './acknowledging.ts';
import { expectHeader, expectNotDelivered, headerOf } from './expect.ts';

const RECEIPT = { receipt: 'my receipt' };

/** Each frame that may ask for a receipt, after what must come before it. */
const ASKING: Readonly<
  Record<string, (connection: Connection, place: Place, version: Version) => Promise<void> | void>
> = {
  SUBSCRIBE: (connection, place) => connection.subscribe(place, RECEIPT),
  UNSUBSCRIBE: (connection, place) => {
    connection.subscribe(place);
    connection.send('UNSUBSCRIBE', { id: 'sub-0', ...RECEIPT });
  },
  SEND: (connection, place) => connection.say(place, 'text', RECEIPT),
  ACK: (connection, place, version) => answer('ACK', connection, place, version),
  NACK: (connection, place, version) => answer('NACK', connection, place, version),
  BEGIN: (connection) => connection.send('BEGIN', { transaction: 't', ...RECEIPT }),
  COMMIT: (connection) => {
    connection.send('BEGIN', { transaction: 't' });
    connection.send('COMMIT', { transaction: 't', ...RECEIPT });
  },
  ABORT: (connection) => {
    connection.send('BEGIN', { transaction: 't' });
    connection.send('ABORT', { transaction: 't', ...RECEIPT });
  },
  DISCONNECT: (connection) => connection.send('DISCONNECT', RECEIPT),
};

async function answer(
  command: 'ACK' | 'NACK',
  connection: Connection,
  place: Place,
  version: Version,
): Promise<void> {
  connection.subscribe(place, { ack: 'client' });
  connection.say(place, 'text');
  const [message] = await connection.messages(1);
  expectThat(message !== undefined, 'no MESSAGE came');
  connection.send(command, { ...acknowledgement(message, version), ...RECEIPT });
}

/** What ends in an ERROR; none of it needs more than a connection. */
const MISTAKES = {
  'an unknown command': (connection) => connection.write('HELLO\n\n\0'),
  'a SEND without destination': (connection) => connection.send('SEND'),
  'a SUBSCRIBE without destination': (connection) => connection.send('SUBSCRIBE', { id: '0' }),
  'an undefined escape': (connection, peer) => connection.say(peer.place(), 'text', { a: '\\t' }),
  'a forbidden SEND': (connection, peer) => connection.say(peer.forbidden(), 'text'),
  'a forbidden SUBSCRIBE': (connection, peer) => connection.subscribe(peer.forbidden()),
} satisfies Record<string, (connection: Connection, peer: Peer) => void>;

const REFUSALS = 50;

export const RECEIPTS: readonly Check[] = [
  ...Object.entries(ASKING).map(
    ([command, ask]): Check => ({
      row: 'R01',
      level: 'MUST',
      versions: command === 'NACK' ? SINCE_1_1 : ALL,
      requirement: `answers ${command} with the RECEIPT that it asks for`,
      async run(peer, version) {
        const connection = await peer.connect(version);
        await ask(connection, peer.place(), version);
        for (;;) {
          const frame = await connection.next();
          // A SEND's own MESSAGE, or one that NACK brings back.
          if (frame.command === 'MESSAGE') continue;
          expectThat(frame.command === 'RECEIPT', `${frame.command} came instead of RECEIPT`);
          return expectHeader(frame, 'receipt-id', RECEIPT.receipt);
        }
      },
    }),
  ),
  {
    row: 'R02',
    level: 'MUST',
    versions: ALL,
    requirement: 'sends the RECEIPT of SUBSCRIBE and UNSUBSCRIBE when they are in force',
    async run(peer, version) {
      const connection = await peer.connect(version);
      const sender = await peer.connect(version);
      for (let round = 0; round < 10; round++) {
        const place = peer.place();
        connection.subscribe(place, { id: `${round}`, receipt: `on ${round}` });
        expectHeader(await connection.nextIs('RECEIPT'), 'receipt-id', `on ${round}`);
        sender.say(place, 'heard');
        await connection.messages(1);
        connection.send('UNSUBSCRIBE', { id: `${round}`, receipt: `off ${round}` });
        expectHeader(await connection.nextIs('RECEIPT'), 'receipt-id', `off ${round}`);
        sender.say(place, 'not heard', { receipt: 'sent' });
        expectHeader(await sender.nextIs('RECEIPT'), 'receipt-id', 'sent');
      }
    },
  },
  {
    row: 'R02',
    level: 'MUST',
    versions: ALL,
    requirement: 'sends no RECEIPT for a SEND that it refuses',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.say(peer.forbidden(), 'text', RECEIPT);
      const frames = await connection.goodbye();
      expectThat(!frames.some(({ command }) => command === 'RECEIPT'), 'RECEIPT came');
    },
  },
  {
    row: 'R03',
    level: 'MUST',
    ours: true,
    versions: ONLY_1_2,
    requirement: 'sends RECEIPTs in the order of the frames',
    async run(peer, version) {
      const connection = await peer.connect(version);
      const place = peer.place();
      for (let count = 0; count < 50; count++) {
        if (count % 5 === 0) connection.subscribe(peer.place(), { id: `s${count}`, receipt: `${count}` });
        else connection.say(place, 'text', { receipt: `${count}` });
      }
      for (let count = 0; count < 50; count++) {
        expectHeader(await connection.nextIs('RECEIPT'), 'receipt-id', `${count}`);
      }
    },
  },
  {
    row: 'R04',
    level: 'SHOULD',
    versions: ONLY_1_2,
    requirement: 'still does what came before DISCONNECT',
    async run(peer, version) {
      const { connection: audience, place } = await peer.audience(version);
      const connection = await peer.connect(version);
      for (let count = 0; count < 100; count++) connection.say(place, `${count}`);
      connection.send('DISCONNECT');
      const frames = await audience.messages(100);
      const inOrder = frames.every(({ body }, index) => body.toString() === `${index}`);
      expectThat(inOrder, 'they came in another order');
    },
  },
  {
    row: 'R05',
    level: 'MUST',
    ours: true,
    versions: ALL,
    requirement: 'closes after the RECEIPT of DISCONNECT',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.send('DISCONNECT', RECEIPT);
      expectHeader(await connection.nextIs('RECEIPT'), 'receipt-id', RECEIPT.receipt);
      const { code } = await connection.closed();
      expectThat(code === 1000, `it closed with ${code}`);
    },
  },
  {
    row: 'R06',
    level: 'MUST',
    ours: true,
    versions: ALL,
    requirement: 'does nothing that comes after DISCONNECT',
    async run(peer, version) {
      const { connection: audience, place } = await peer.audience(version);
      const connection = await peer.connect(version);
      connection.write(`DISCONNECT\nreceipt:1\n\n\0SEND\ndestination:${place.sendTo}\n\ntoo late\0`);
      await expectNotDelivered(connection, audience, place);
    },
  },
  ...Object.entries(MISTAKES).map(
    ([mistake, make]): Check => ({
      row: 'R07',
      level: 'MUST',
      versions: SINCE_1_1,
      requirement: `closes after the ERROR for ${mistake}`,
      async run(peer, version) {
        const connection = await peer.connect(version);
        make(connection, peer);
        const { close } = await connection.refusal();
        expectThat(close !== undefined, 'it stays open');
      },
    }),
  ),
  {
    row: 'R08',
    level: 'SHOULD',
    versions: ALL,
    requirement: 'says in `message` what was wrong, in short and without a stack trace',
    async run(peer, version) {
      for (const mistake of ['a forbidden SEND', 'a forbidden SUBSCRIBE', 'an undefined escape'] as const) {
        // 1.0 has no escapes.
        if (version === '1.0' && mistake === 'an undefined escape') continue;
        const connection = await peer.connect(version);
        MISTAKES[mistake](connection, peer);
        const { error } = await connection.refusal();
        if (error === undefined) continue;
        const message = headerOf(error, 'message');
        expectThat(message.length > 0 && message.length <= 200, `message has ${message.length} letters`);
        const text = error.octets.toString();
        expectThat(
          !/\n\s+at .+:\d+|Exception in thread|Traceback|\.java:\d+/.test(text),
          'a stack trace came',
        );
        expectThat(!text.includes(peer.target.token ?? '\0\0'), 'the token came back');
      }
    },
  },
  {
    row: 'R09',
    level: 'SHOULD',
    versions: SINCE_1_1,
    requirement: 'puts the receipt-id on the ERROR for a frame that asked for a receipt',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.say(peer.forbidden(), 'text', RECEIPT);
      const { error } = await connection.refusalWithError();
      expectHeader(error, 'receipt-id', RECEIPT.receipt);
    },
  },
  {
    row: 'R10',
    level: 'MUST',
    versions: ONLY_1_2,
    requirement: `lets the ERROR arrive before the close, and a Close with it, ${REFUSALS} times of ${REFUSALS}`,
    async run(peer, version) {
      for (let round = 0; round < REFUSALS; round++) {
        const connection = await peer.connect(version);
        connection.say(peer.forbidden(), 'text');
        const { close } = await connection.refusalWithError();
        expectThat(close?.code !== 1006, 'the connection ended without a Close');
      }
    },
  },
  {
    row: 'R11',
    level: 'MUST',
    versions: ALL,
    requirement: 'closes with a reason that is UTF-8 of at most 123 octets, however long the text',
    async run(peer, version) {
      const connection = await peer.connect(version);
      const { destination } = peer.forbidden();
      connection.subscribe({ destination: `${destination}${'가나다'.repeat(60)}`, sendTo: '' });
      const { error, close } = await connection.refusalWithError();
      if (close === undefined) throw new Unseen('it does not close');
      expectThat(isUtf8(close.reason), 'the reason ends inside a letter');
      expectThat(close.reason.length <= 123, `the reason has ${close.reason.length} octets`);
      return header(error, 'message') === undefined ? 'ERROR has no message' : undefined;
    },
  },
];
