// Section B of the checklist: what is escaped, what is not, and what an undefined escape brings.
import { ALL, type Check, ONLY_1_0, ONLY_1_1, ONLY_1_2, SINCE_1_1 } from '../check.ts';
import { encodeValue, header } from '../stomp-frame.ts';
import { expectThat } from '../unmet.ts';
import { expectHeader } from './expect.ts';

/** What a value may hold in each version that has escapes. */
const SPECIAL = { '1.0': '', '1.1': 'a:b\nc\\d', '1.2': 'a:b\nc\\d\re' } as const;

export const ESCAPING: readonly Check[] = [
  {
    row: 'E01',
    level: 'MUST',
    versions: SINCE_1_1,
    requirement: 'undoes the escapes of header names and values',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      connection.say(place, 'text', { 'k\\cx': encodeValue(SPECIAL[version], version) });
      const [message] = await connection.messages(1);
      expectHeader(message, 'k:x', SPECIAL[version]);
    },
  },
  {
    row: 'E01',
    level: 'MUST',
    versions: SINCE_1_1,
    requirement: 'gives a subscription id with escapes back as it was',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version, { id: 'a\\\\b\\cc' });
      connection.say(place, 'text');
      const [message] = await connection.messages(1);
      expectHeader(message, 'subscription', 'a\\b:c');
    },
  },
  {
    row: 'E02',
    level: 'MUST',
    versions: ONLY_1_1,
    requirement: 'refuses `\\r` in 1.1, which does not know it',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.say(peer.place(), 'text', { a: '\\r' });
      await connection.refusal();
    },
  },
  ...['\\t', 'x\\', '\\C'].map(
    (value): Check => ({
      row: 'E03',
      level: 'MUST',
      versions: SINCE_1_1,
      requirement: `refuses the undefined escape in \`a:${value}\``,
      async run(peer, version) {
        const connection = await peer.connect(version);
        connection.say(peer.place(), 'text', { a: value });
        await connection.refusal();
      },
    }),
  ),
  {
    row: 'E04',
    level: 'MUST',
    versions: SINCE_1_1,
    requirement: 'escapes what it sends: the octets of the header line are those of the SEND',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      const line = `x-special:${encodeValue(SPECIAL[version], version)}`;
      connection.write(`SEND\ndestination:${place.sendTo}\n${line}\n\ntext\0`);
      const [message] = await connection.messages(1);
      expectThat(message?.octets.includes(`\n${line}\n`) === true, `no line ${JSON.stringify(line)} came`);
    },
  },
  ...(['CONNECT', 'STOMP'] as const).map(
    (command): Check => ({
      row: command === 'CONNECT' ? 'E05' : 'E06',
      level: 'MUST',
      versions: command === 'CONNECT' ? SINCE_1_1 : ONLY_1_2,
      requirement: `takes what looks like an undefined escape in ${command} as it stands`,
      async run(peer, version) {
        const connection = await peer.open();
        connection.send(command, peer.connectHeaders(version, { 'x-text': 'a\\tb\\' }));
        await connection.nextIs('CONNECTED');
      },
    }),
  ),
  {
    row: 'E07',
    level: 'MUST',
    versions: ONLY_1_0,
    requirement: 'leaves backslashes of 1.0 alone',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      connection.say(place, 'text', { 'x-text': 'x\\ny\\t' });
      const [message] = await connection.messages(1);
      expectHeader(message, 'x-text', 'x\\ny\\t');
    },
  },
  {
    row: 'E08',
    level: 'MUST',
    versions: SINCE_1_1,
    requirement: 'escapes the receipt-id, so that no line can be smuggled in',
    async run(peer, version) {
      // Some servers answer no receipt but DISCONNECT's, some all but that.
      const asking = { receipt: 'a\\ninjected\\c1' };
      const { connection, place } = await peer.audience(version);
      connection.subscribe(peer.place(), { id: 'asking', ...asking });
      const frames = await connection.untilMarker(place);
      connection.send('DISCONNECT', asking);
      const [receipt = await connection.nextIs('RECEIPT')] = frames;
      expectHeader(receipt, 'receipt-id', 'a\ninjected:1');
      expectThat(header(receipt, 'injected') === undefined, 'the line `injected:1` was made');
    },
  },
  {
    row: 'E08',
    level: 'MUST',
    versions: ALL,
    requirement: 'lets no text of a client become a header line of ERROR',
    async run(peer, version) {
      const connection = await peer.connect(version);
      const { destination } = peer.forbidden();
      connection.send('SUBSCRIBE', { id: '0', destination: `${destination}\\ninjected\\c1` });
      const { error } = await connection.refusalWithError();
      expectThat(header(error, 'injected') === undefined, 'the line `injected:1` was made');
    },
  },
];
