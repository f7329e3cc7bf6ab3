// Section E of the checklist: SEND, and what of it comes out.
import { ALL, type Check, ONLY_1_2, SINCE_1_1 } from '../check.ts';
import { closeText } from '../connection.ts';
import { header } from '../stomp-frame.ts';
import { expectThat } from '../unmet.ts';
import { expectHeader, expectNotDelivered, headerOf } from './expect.ts';

/** Names that only the server may give a MESSAGE. */
const SERVER_OWNED = ['subscription', 'message-id', 'ack', 'session', 'user-name', 'sender-id'] as const;

/** What somebody may take for another spelling of a destination, who tidies it up. */
const SPELLINGS: Readonly<Record<string, (destination: string) => string>> = {
  'a slash at the end': (destination) => `${destination}/`,
  'two slashes': (destination) => destination.replace(/\/(?=[^/]*$)/, '//'),
  'a dot segment': (destination) => destination.replace(/\/(?=[^/]*$)/, '/./'),
  'a space at the end': (destination) => `${destination} `,
  'an escaped letter': (destination) => destination.replace(/c(?=[^c]*$)/, '%63'),
  'upper case': (destination) => destination.toUpperCase(),
  'no slash at the beginning': (destination) => destination.replace(/^\//, ''),
};

const ALL_OCTETS = Buffer.from(Array.from({ length: 256 }, (_, octet) => octet));

export const SENDING: readonly Check[] = [
  {
    row: 'S01',
    level: 'MUST',
    versions: ALL,
    requirement: 'refuses a SEND without destination',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.send('SEND', {}, 'text');
      await connection.refusalWithError();
    },
  },
  {
    row: 'S02',
    level: 'MUST',
    versions: ALL,
    requirement: 'answers a SEND that it cannot do with ERROR, and leaves others alone',
    async run(peer, version) {
      const { connection: bystander, place } = await peer.audience(version);
      const connection = await peer.connect(version);
      connection.say(peer.forbidden(), 'text');
      const { close } = await connection.refusalWithError();
      await bystander.untilMarker(place);
      return `closed with ${closeText(close)}`;
    },
  },
  {
    row: 'S03',
    level: 'MUST',
    versions: ALL,
    requirement: 'passes headers of the user on',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      connection.say(place, 'text', { 'x-trace': '1', 'content-type': 'text/plain', 'x-more': 'two' });
      const [message] = await connection.messages(1);
      expectHeader(message, 'x-trace', '1');
      expectHeader(message, 'x-more', 'two');
      expectHeader(message, 'content-type', 'text/plain');
    },
  },
  ...SERVER_OWNED.map(
    (name): Check => ({
      row: 'S04',
      level: 'MUST',
      ours: true,
      versions: ALL,
      requirement: `refuses or overwrites \`${name}\` on SEND`,
      async run(peer, version) {
        const { connection: audience, place } = await peer.audience(version);
        const connection = await peer.connect(version);
        connection.say(place, 'spoof', { [name]: 'spoofed' });
        await connection.goodbye();
        const [message] = await audience.untilMarker(place);
        if (message === undefined) return 'it is refused';
        expectThat(header(message, name) !== 'spoofed', 'it came as the client wrote it');
      },
    }),
  ),
  {
    row: 'S05',
    level: 'SHOULD',
    versions: ALL,
    requirement: 'says content-length of every MESSAGE with a body, and content-type as it was sent',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      connection.say(place, '다섯 글자', { 'content-type': 'text/plain;charset=utf-8' });
      const [message] = await connection.messages(1);
      expectHeader(message, 'content-length', String(Buffer.byteLength('다섯 글자')));
      expectHeader(message, 'content-type', 'text/plain;charset=utf-8');
    },
  },
  {
    row: 'S05',
    level: 'SHOULD',
    versions: SINCE_1_1,
    requirement: 'says content-length and content-type of an ERROR with a body',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.say(peer.forbidden(), 'text');
      const { error } = await connection.refusalWithError();
      if (error.body.length === 0) return 'it has no body';
      expectHeader(error, 'content-length', String(error.body.length));
      headerOf(error, 'content-type');
    },
  },
  {
    row: 'S06',
    level: 'MUST',
    versions: ALL,
    requirement: 'passes a body with NULs on, with its content-length',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      const body = '\0a\0\0b\0';
      connection.say(place, body, { 'content-length': '6', 'content-type': 'application/octet-stream' });
      const [message] = await connection.messages(1);
      expectHeader(message, 'content-length', '6');
      expectThat(message?.body.toString() === body, 'the body was changed');
    },
  },
  {
    row: 'S06',
    level: 'MUST',
    versions: ONLY_1_2,
    requirement: 'passes a body of all 256 octets on, in WebSocket messages that are what they say',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      const headers = {
        destination: place.sendTo,
        'content-length': '256',
        'content-type': 'application/octet-stream',
      };
      connection.sendSplit('SEND', headers, ALL_OCTETS);
      const [message] = await connection.messages(1);
      expectThat(message?.body.equals(ALL_OCTETS) === true, 'the body was changed');
    },
  },
  {
    row: 'S07',
    level: 'SHOULD',
    versions: ALL,
    requirement: 'takes a body without content-type for octets, and leaves them as they are',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      const body = '{"not": JSON\n  ';
      connection.say(place, body);
      const [message] = await connection.messages(1);
      expectThat(message?.body.toString() === body, `${message?.body.toString()} came`);
    },
  },
  ...Object.entries(SPELLINGS).map(
    ([spelling, spell]): Check => ({
      row: 'S08',
      level: 'MUST',
      ours: true,
      versions: ONLY_1_2,
      requirement: `takes a destination as it stands: ${spelling} makes another one`,
      async run(peer, version) {
        const { connection: audience, place } = await peer.audience(version);
        const connection = await peer.connect(version);
        connection.send('SEND', { destination: spell(place.sendTo) }, 'elsewhere');
        await expectNotDelivered(connection, audience, place);
      },
    }),
  ),
];
