// Section A of the checklist, F01–F11: lines, headers and what may stand between frames.
import { ALL, type Check, ONLY_1_0, ONLY_1_2, SINCE_1_1 } from '../check.ts';
import { encodeValue } from '../stomp-frame.ts';
import { expectThat } from '../unmet.ts';
import { expectHeader, expectNotDelivered } from './expect.ts';

const KOREAN = '마루 한글 🎎';

export const GRAMMAR: readonly Check[] = [
  {
    row: 'F01',
    level: 'MUST',
    versions: ALL,
    requirement: 'takes a frame without headers',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.write('DISCONNECT\n\n\0');
      const { frames, close } = await connection.within(1_000);
      expectThat(frames.length === 0, `${frames[0]?.command} came after DISCONNECT`);
      return close === null ? 'the connection stays open' : undefined;
    },
  },
  {
    row: 'F02',
    level: 'MUST',
    versions: ONLY_1_2,
    requirement: 'ends lines at LF and at CR LF, also mixed in one frame',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      for (const [one, two, blank] of [
        ['\n', '\n', '\n'],
        ['\r\n', '\r\n', '\r\n'],
        ['\r\n', '\n', '\r\n'],
        ['\n', '\r\n', '\n'],
      ]) {
        connection.write(`SEND${one}destination:${place.sendTo}${two}x-line:a b${one}${blank}text\0`);
        const [message] = await connection.messages(1);
        expectHeader(message, 'x-line', 'a b');
        expectThat(message?.body.toString() === 'text', 'the body was changed');
      }
    },
  },
  {
    row: 'F02',
    level: 'MUST',
    versions: ONLY_1_2,
    requirement: 'takes a CONNECT whose lines end in CR LF',
    async run(peer, version) {
      const connection = await peer.open();
      const lines = Object.entries(peer.connectHeaders(version)).map(
        ([name, value]) => `${name}:${value}\r\n`,
      );
      connection.write(`CONNECT\r\n${lines.join('')}\r\n\0`);
      expectHeader(await connection.nextIs('CONNECTED'), 'version', version);
    },
  },
  {
    row: 'F03',
    level: 'MUST',
    versions: ['1.0', '1.1'],
    requirement: 'takes a CR for a part of the value before 1.2',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      connection.write(`SEND\ndestination:${place.sendTo}\nx-line:b\r\n\ntext\0`);
      const [message] = await connection.messages(1);
      expectHeader(message, 'x-line', 'b\r');
    },
  },
  {
    row: 'F04',
    level: 'MUST',
    versions: ONLY_1_2,
    requirement: 'refuses a CR that no LF follows',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.write(`SEND\ndestination:${peer.place().sendTo}\na:b\rc\n\n\0`);
      await connection.refusal();
    },
  },
  {
    row: 'F05',
    level: 'MUST',
    versions: ALL,
    requirement: 'skips EOLs between frames',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      const eols = version === '1.2' ? '\n\r\n\n' : '\n\n\n';
      const send = `SEND\ndestination:${place.sendTo}\n\n`;
      connection.write(`${eols}${send}one\0${eols}${send}two\0${eols}`);
      const bodies = (await connection.messages(2)).map(({ body }) => body.toString());
      expectThat(bodies.join() === 'one,two', `${bodies.join()} came`);
    },
  },
  {
    row: 'F06',
    level: 'MUST',
    versions: ALL,
    requirement: 'does not take `send` for SEND',
    async run(peer, version) {
      const { connection: audience, place } = await peer.audience(version);
      const connection = await peer.connect(version);
      connection.send('send', { destination: place.sendTo }, 'lower case');
      await expectNotDelivered(connection, audience, place);
    },
  },
  {
    row: 'F06',
    level: 'MUST',
    versions: ALL,
    requirement: 'does not take `Destination` for `destination`',
    async run(peer, version) {
      const { connection: audience, place } = await peer.audience(version);
      const connection = await peer.connect(version);
      connection.send('SEND', { Destination: place.sendTo }, 'upper case');
      await expectNotDelivered(connection, audience, place);
    },
  },
  {
    row: 'F07',
    level: 'MUST',
    versions: ALL,
    requirement: 'passes UTF-8 on in bodies, and from 1.1 on in headers',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      const headers = version === '1.0' ? {} : { 'x-text': KOREAN };
      connection.say(place, KOREAN, headers);
      const [message] = await connection.messages(1);
      expectThat(message?.body.toString() === KOREAN, `the body is ${message?.body.toString()}`);
      if (version !== '1.0') expectHeader(message, 'x-text', KOREAN);
    },
  },
  ...[':x', 'novalue'].map(
    (line): Check => ({
      row: 'F08',
      level: 'MUST',
      versions: ALL,
      requirement: `refuses the header line \`${line}\``,
      async run(peer, version) {
        const connection = await peer.connect(version);
        connection.write(`SEND\ndestination:${peer.place().sendTo}\n${line}\n\n\0`);
        await connection.refusal();
      },
    }),
  ),
  {
    row: 'F09',
    level: 'MUST',
    versions: SINCE_1_1,
    requirement: 'takes an empty header value',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      connection.say(place, 'text', { 'x-empty': '' });
      const [message] = await connection.messages(1);
      expectHeader(message, 'x-empty', '');
    },
  },
  {
    row: 'F10',
    level: 'MUST',
    versions: SINCE_1_1,
    requirement: 'neither trims nor pads names and values',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      connection.say(place, 'text', { 'x-padded': ' b ', ' x-name': 'c' });
      const [message] = await connection.messages(1);
      expectHeader(message, 'x-padded', ' b ');
      expectHeader(message, ' x-name', 'c');
    },
  },
  {
    row: 'F11',
    level: 'MAY',
    ours: true,
    versions: ONLY_1_0,
    requirement: 'drops the spaces around the values of 1.0',
    async run(peer) {
      const place = peer.place();
      const connection = await peer.open();
      // As the examples of 1.0 are written: a space behind the colon, and no accept-version.
      const headers = peer.connectHeaders('1.0', { 'accept-version': undefined });
      const spaced = Object.entries(headers).map(([name, value]) => `${name}: ${value}\n`);
      connection.write(`CONNECT\n${spaced.join('')}\n\0`);
      await connection.nextIs('CONNECTED');
      connection.subscribe(place);
      connection.write(`SEND\ndestination: ${place.sendTo} \nx-padded: b \n\ntext\0`);
      const [message] = await connection.messages(1);
      expectHeader(message, 'x-padded', 'b');
    },
  },
  {
    row: 'F18',
    level: 'SHOULD',
    versions: SINCE_1_1,
    requirement: 'counts the first of a repeated header, for routing too',
    async run(peer, version) {
      const place = peer.place();
      const other = peer.place();
      const connection = await peer.connect(version);
      connection.subscribe(place, { id: 'first' });
      connection.subscribe(other, { id: 'second' });
      await connection.untilMarker(place);
      await connection.untilMarker(other);
      const [one, two] = [place, other].map(({ sendTo }) => encodeValue(sendTo, version));
      connection.write(`SEND\ndestination:${one}\ndestination:${two}\nx-one:1\nx-one:2\n\ntext\0`);
      const [message] = await connection.messages(1);
      expectHeader(message, 'subscription', 'first');
      expectHeader(message, 'x-one', '1');
      expectThat((await connection.untilMarker(other)).length === 0, 'the second destination got it too');
    },
  },
  {
    row: 'F19',
    level: 'MAY',
    versions: ALL,
    requirement: 'answers a command that does not exist with ERROR',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.write('HELLO\n\n\0');
      await connection.refusalWithError();
    },
  },
];
