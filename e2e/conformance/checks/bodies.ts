// Section A of the checklist, F12–F17, F20, F21: where a body ends, who may have one, and frames as a stream.
import { ALL, type Check, ONLY_1_0, SINCE_1_1 } from '../check.ts';
import { expectThat } from '../unmet.ts';
import { expectAlive } from './expect.ts';

const NUL_BODY = 'a\0b';
const KOREAN = '안녕하세요';

const BAD_LENGTHS = ['-1', '+3', '0x10', '1e3', '3.0', '', 'three', '99999999999999'];

export const BODIES: readonly Check[] = [
  {
    row: 'F12',
    level: 'MUST',
    versions: ALL,
    requirement: 'lets content-length win over the search for NUL',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      connection.say(place, NUL_BODY, { 'content-length': '3' });
      const [message] = await connection.messages(1);
      expectThat(message?.body.toString() === NUL_BODY, `${message?.body.length} octets came instead of 3`);
    },
  },
  {
    row: 'F12',
    level: 'MUST',
    versions: ALL,
    requirement: 'counts octets, not characters, in content-length',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      connection.say(place, KOREAN, { 'content-length': String(Buffer.byteLength(KOREAN)) });
      const [message] = await connection.messages(1);
      expectThat(message?.body.toString() === KOREAN, `${message?.body.length} octets came instead of 15`);
    },
  },
  {
    row: 'F13',
    level: 'MUST',
    versions: ALL,
    requirement: 'refuses a content-length that ends before the body does',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.say(peer.place(), 'abc', { 'content-length': '2' });
      await connection.refusal();
    },
  },
  {
    row: 'F13',
    level: 'MUST',
    versions: ALL,
    requirement: 'refuses a content-length that ends in the next frame',
    async run(peer, version) {
      const connection = await peer.connect(version);
      const place = peer.place();
      connection.say(place, 'abc', { 'content-length': '10' });
      connection.say(place, 'abc');
      await connection.refusal();
    },
  },
  {
    row: 'F14',
    level: 'MUST',
    versions: ALL,
    requirement: 'ends a body without content-length at the first NUL',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      connection.say(place, 'abc');
      const [message] = await connection.messages(1);
      expectThat(message?.body.toString() === 'abc', `the body is ${message?.body.toString()}`);
    },
  },
  ...BAD_LENGTHS.map(
    (length): Check => ({
      row: 'F15',
      level: 'MUST',
      ours: true,
      versions: ALL,
      requirement: `refuses \`content-length:${length}\` at once`,
      async run(peer, version) {
        const connection = await peer.connect(version);
        connection.say(peer.place(), 'abc', { 'content-length': length });
        await connection.refusal();
      },
    }),
  ),
  {
    row: 'F16',
    level: 'MUST',
    versions: SINCE_1_1,
    requirement: 'refuses a body on SUBSCRIBE',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.send('SUBSCRIBE', { id: '0', destination: peer.place().destination }, 'body');
      await connection.refusal();
    },
  },
  {
    row: 'F17',
    level: 'MUST',
    versions: ONLY_1_0,
    requirement: 'takes a SUBSCRIBE with a body in 1.0, and drops the body',
    async run(peer, version) {
      const place = peer.place();
      const connection = await peer.connect(version);
      connection.send('SUBSCRIBE', { id: '0', destination: place.destination }, 'body');
      await connection.untilMarker(place);
    },
  },
  {
    row: 'F20',
    level: 'MUST',
    versions: ALL,
    requirement: 'reads a frame that is cut anywhere, down to an octet a WebSocket message',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      const frame = Buffer.from(`SEND\ndestination:${place.sendTo}\nx-cut:1\n\n${KOREAN}\0`);
      const third = Math.ceil(frame.length / 3);
      for (const size of [third, 1]) {
        for (let at = 0; at < frame.length; at += size) {
          connection.write(frame.subarray(at, at + size), 'binary');
        }
        const [message] = await connection.messages(1);
        expectThat(message?.body.toString() === KOREAN, `pieces of ${size} octets changed the body`);
      }
    },
  },
  {
    row: 'F20',
    level: 'MUST',
    versions: ALL,
    requirement: 'reads several frames and heart-beats in one WebSocket message',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      const frames = ['one', 'two', 'three'].map((body) => `SEND\ndestination:${place.sendTo}\n\n${body}\0`);
      connection.write(`\n${frames.join('')}\n`);
      const bodies = (await connection.messages(3)).map(({ body }) => body.toString());
      expectThat(bodies.join() === 'one,two,three', `${bodies.join()} came`);
    },
  },
  {
    row: 'F20',
    level: 'MUST',
    versions: ALL,
    requirement: 'takes a heart-beat and the beginning of a frame in one WebSocket message',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      connection.write('\nSEND\ndesti');
      connection.write(`nation:${place.sendTo}\n\ntext\0\n`);
      const [message] = await connection.messages(1);
      expectThat(message?.body.toString() === 'text', `the body is ${message?.body.toString()}`);
    },
  },
  {
    row: 'F21',
    level: 'MUST',
    versions: ALL,
    requirement: 'takes a whole session in binary WebSocket messages',
    async run(peer, version) {
      const connection = await peer.open();
      const place = peer.place();
      const headers = Object.entries(peer.connectHeaders(version)).map(
        ([name, value]) => `${name}:${value}\n`,
      );
      connection.write(`CONNECT\n${headers.join('')}\n\0`, 'binary');
      await connection.nextIs('CONNECTED');
      connection.speak(version);
      connection.write(`SUBSCRIBE\nid:0\ndestination:${place.destination}\n\n\0`, 'binary');
      connection.write(`SEND\ndestination:${place.sendTo}\n\n${KOREAN}\0`, 'binary');
      const [message] = await connection.messages(1);
      expectThat(message?.body.toString() === KOREAN, 'the body was changed');
    },
  },
  {
    row: 'F21',
    level: 'MUST',
    versions: ALL,
    requirement: 'takes text messages that hold a NUL and a content-length',
    async run(peer, version) {
      const connection = await peer.connect(version);
      const place = peer.place();
      await expectAlive(connection, place);
      connection.write(`SEND\ndestination:${place.sendTo}\ncontent-length:3\n\n${NUL_BODY}\0`, 'text');
      const [message] = await connection.messages(1);
      expectThat(message?.body.toString() === NUL_BODY, `the body is ${message?.body.toString()}`);
    },
  },
];
