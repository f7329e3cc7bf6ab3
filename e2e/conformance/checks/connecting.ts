// Section C of the checklist: CONNECT and the choice of the version.
import { ALL, type Check, ONLY_1_0, ONLY_1_2, SINCE_1_1 } from '../check.ts';
import { header } from '../stomp-frame.ts';
import { expectThat } from '../unmet.ts';
import { RefusedUpgrade } from '../websocket.ts';
import { expectAlive, expectHeader, expectNotDelivered, headerOf } from './expect.ts';

/** accept-version → the version that must be chosen by a server that has all three. */
const OFFERS: Readonly<Record<string, string>> = {
  '1.0,1.1,2.0': '1.1',
  '1.2,1.1,1.0': '1.2',
  '1.0,1.1,1.2': '1.2',
  '1.1': '1.1',
};

const RAPID_CYCLES = 200;

export const CONNECTING: readonly Check[] = [
  ...(['1.1', '1.2'] as const).map(
    (version): Check => ({
      row: 'C01',
      level: version === '1.2' ? 'MUST' : 'SHOULD',
      versions: [version],
      requirement: `takes STOMP for CONNECT in ${version}`,
      async run(peer) {
        const connection = await peer.open();
        connection.send('STOMP', peer.connectHeaders(version));
        expectHeader(await connection.nextIs('CONNECTED'), 'version', version);
        await expectAlive(connection, peer.place());
      },
    }),
  ),
  ...Object.entries(OFFERS).map(
    ([offer, chosen]): Check => ({
      row: 'C02',
      level: 'MUST',
      versions: [chosen === '1.2' ? '1.2' : '1.1'],
      requirement: `answers \`accept-version:${offer}\` with ${chosen}`,
      async run(peer) {
        const connection = await peer.open();
        connection.send('CONNECT', peer.connectHeaders(offer));
        expectHeader(await connection.nextIs('CONNECTED'), 'version', chosen);
      },
    }),
  ),
  {
    row: 'C03',
    level: 'MUST',
    versions: ONLY_1_0,
    requirement: 'takes a client without accept-version for one of 1.0',
    async run(peer, version) {
      const connection = await peer.open();
      const place = peer.place();
      connection.send('CONNECT', peer.connectHeaders(version, { 'accept-version': undefined }));
      const chosen = header(await connection.nextIs('CONNECTED'), 'version');
      expectThat(chosen === undefined || chosen === '1.0', `version:${chosen} was chosen`);
      // What only 1.0 allows: no id.
      connection.send('SUBSCRIBE', { destination: place.destination });
      await connection.untilMarker(place);
    },
  },
  {
    row: 'C04',
    level: 'MUST',
    versions: ONLY_1_2,
    requirement: 'answers an unknown version with ERROR, and names its own',
    async run(peer) {
      const connection = await peer.open();
      connection.send('CONNECT', peer.connectHeaders('9.9'));
      const { error } = await connection.refusalWithError();
      const versions = headerOf(error, 'version');
      expectThat(/^\d\.\d(,\d\.\d)*$/.test(versions), `version:${versions} came`);
    },
  },
  {
    row: 'C05',
    level: 'MUST',
    versions: SINCE_1_1,
    requirement: 'says the version in CONNECTED',
    async run(peer, version) {
      const connection = await peer.open();
      connection.send('CONNECT', peer.connectHeaders(version));
      expectHeader(await connection.nextIs('CONNECTED'), 'version', version);
    },
  },
  {
    row: 'C06',
    level: 'MAY',
    versions: SINCE_1_1,
    requirement: 'gives each connection another `session`, and a `server` in the form name/version',
    async run(peer, version) {
      const sessions = new Set<string | undefined>();
      for (let count = 0; count < 5; count++) {
        const connection = await peer.open();
        connection.send('CONNECT', peer.connectHeaders(version));
        const connected = await connection.nextIs('CONNECTED');
        sessions.add(header(connected, 'session'));
        const server = header(connected, 'server');
        expectThat(server === undefined || /^[^ /]+(\/[^ ]+)?( .*)?$/.test(server), `server:${server} came`);
      }
      if (sessions.has(undefined)) return 'no session';
      expectThat(sessions.size === 5, 'a session came twice');
    },
  },
  {
    row: 'C07',
    level: 'MAY',
    versions: SINCE_1_1,
    requirement: 'answers a CONNECT without `host`, one way or the other',
    async run(peer, version) {
      const connection = await peer.open();
      connection.send('CONNECT', peer.connectHeaders(version, { host: undefined }));
      const { command } = await connection.next();
      return command === 'CONNECTED' ? 'it is taken' : 'it is refused';
    },
  },
  {
    row: 'C08',
    level: 'SHOULD',
    versions: ALL,
    requirement: 'answers bad credentials with ERROR',
    async run(peer, version) {
      const connection = await peer.open();
      connection.send('CONNECT', peer.connectHeaders(version, peer.wrongCredentials()));
      await connection.refusalWithError();
    },
  },
  ...(['SEND', 'SUBSCRIBE', 'BEGIN'] as const).map(
    (command): Check => ({
      row: 'C09',
      level: 'MUST',
      versions: ONLY_1_2,
      requirement: `refuses ${command} before CONNECT, and does nothing`,
      async run(peer, version) {
        const { connection: audience, place } = await peer.audience(version);
        const connection = await peer.open();
        const headers = { id: '0', destination: place.sendTo, transaction: 't' };
        connection.send(command, headers, command === 'SEND' ? 'too early' : '');
        await connection.refusal();
        await expectNotDelivered(await peer.connect(version), audience, place);
      },
    }),
  ),
  {
    row: 'C10',
    level: 'MUST',
    versions: ALL,
    requirement: 'refuses a second CONNECT',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.send('CONNECT', peer.connectHeaders(version));
      await connection.refusal();
    },
  },
  {
    row: 'C11',
    level: 'MUST',
    ours: true,
    waits: true,
    versions: ONLY_1_2,
    requirement: 'closes a connection on which no CONNECT comes',
    async run(peer) {
      const connection = await peer.open();
      const { frames } = await connection.untilClose(peer.target.patienceMs);
      return frames.length === 0 ? 'without an ERROR' : 'after an ERROR';
    },
  },
  {
    row: 'C12',
    level: 'MUST',
    versions: ONLY_1_2,
    requirement: `copes with ${RAPID_CYCLES} clients that connect and leave at once`,
    async run(peer, version) {
      for (let count = 0; count < RAPID_CYCLES / 10; count++) {
        const connections = await Promise.all(Array.from({ length: 10 }, () => peer.connect(version)));
        for (const [index, connection] of connections.entries()) {
          if (index % 2 === 0) connection.drop();
          else connection.leave();
        }
      }
      await expectAlive(await peer.connect(version), peer.place());
    },
  },
  {
    row: 'C13',
    level: 'MUST',
    versions: ONLY_1_2,
    requirement: 'answers a list of STOMP subprotocols with exactly one of it',
    async run(peer) {
      for (const offer of [
        'v12.stomp',
        'v10.stomp, v11.stomp, v12.stomp',
        'v12.stomp, v11.stomp, v10.stomp',
      ]) {
        const { answered } = await peer.open({ 'Sec-WebSocket-Protocol': offer });
        const chosen = answered['sec-websocket-protocol'] ?? 'none';
        expectThat(offer.split(', ').includes(chosen), `${offer} was answered with ${chosen}`);
      }
    },
  },
  {
    row: 'C13',
    level: 'MUST',
    versions: ONLY_1_2,
    requirement: 'lets CONNECT choose the version, whatever the subprotocol says',
    async run(peer) {
      const connection = await peer.open({ 'Sec-WebSocket-Protocol': 'v11.stomp, v10.stomp' });
      connection.send('CONNECT', peer.connectHeaders('1.2'));
      expectHeader(await connection.nextIs('CONNECTED'), 'version', '1.2');
    },
  },
  {
    row: 'C13',
    level: 'MUST',
    versions: ONLY_1_2,
    requirement: 'does not answer with a subprotocol that it cannot know',
    async run(peer) {
      try {
        const { answered } = await peer.open({ 'Sec-WebSocket-Protocol': 'foo' });
        const chosen = answered['sec-websocket-protocol'];
        expectThat(chosen === undefined, `${chosen} was answered`);
        return 'none is answered';
      } catch (error) {
        if (error instanceof RefusedUpgrade) return `the upgrade is refused: ${error.status}`;
        throw error;
      }
    },
  },
  {
    row: 'C14',
    level: 'MAY',
    versions: ALL,
    requirement: 'takes login and passcode for what they are: optional',
    async run(peer, version) {
      const { token } = peer.target;
      const given = token === undefined ? {} : { login: 'somebody', passcode: 'something' };
      await peer.connect(version, given);
      return token === undefined ? 'they are the credentials' : 'beside a token they are not looked at';
    },
  },
  {
    row: 'C15',
    level: 'MUST',
    versions: ONLY_1_0,
    requirement: 'gives `session` to a client of 1.0',
    async run(peer, version) {
      const connection = await peer.open();
      connection.send('CONNECT', peer.connectHeaders(version));
      expectThat(headerOf(await connection.nextIs('CONNECTED'), 'session') !== '', 'session is empty');
    },
  },
];
