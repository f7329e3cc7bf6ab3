// Section F of the checklist: SUBSCRIBE, UNSUBSCRIBE, MESSAGE.
import { ALL, type Check, ONLY_1_0, ONLY_1_2, SINCE_1_1 } from '../check.ts';
import { closeText } from '../connection.ts';
import { header } from '../stomp-frame.ts';
import { expectThat, Unseen } from '../unmet.ts';
import { expectAlive, expectHeader, headerOf } from './expect.ts';

const MANY = 2_000;
const TOGGLES = 500;

export const SUBSCRIBING: readonly Check[] = [
  {
    row: 'U01',
    level: 'MUST',
    versions: ALL,
    requirement: 'refuses a SUBSCRIBE without destination',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.send('SUBSCRIBE', { id: '0' });
      await connection.refusalWithError();
    },
  },
  {
    row: 'U02',
    level: 'MUST',
    versions: SINCE_1_1,
    requirement: 'refuses a SUBSCRIBE without id',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.send('SUBSCRIBE', { destination: peer.place().destination });
      await connection.refusalWithError();
    },
  },
  {
    row: 'U02',
    level: 'MUST',
    versions: ONLY_1_0,
    requirement: 'takes a SUBSCRIBE without id in 1.0',
    async run(peer, version) {
      const connection = await peer.connect(version);
      const place = peer.place();
      connection.send('SUBSCRIBE', { destination: place.destination });
      await connection.untilMarker(place);
    },
  },
  {
    row: 'U03',
    level: 'MUST',
    versions: ONLY_1_2,
    requirement: 'refuses an id that is in use on the connection',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.subscribe(peer.place(), { id: '0' });
      connection.subscribe(peer.place(), { id: '0' });
      await connection.refusalWithError();
    },
  },
  {
    row: 'U03',
    level: 'MUST',
    versions: SINCE_1_1,
    requirement: 'lets an id be used again after its UNSUBSCRIBE',
    async run(peer, version) {
      const connection = await peer.connect(version);
      const place = peer.place();
      connection.subscribe(peer.place(), { id: '0' });
      connection.send('UNSUBSCRIBE', { id: '0' });
      connection.subscribe(place, { id: '0' });
      await connection.untilMarker(place);
    },
  },
  {
    row: 'U04',
    level: 'MUST',
    versions: SINCE_1_1,
    requirement: 'gives each of two subscriptions to one destination its own MESSAGE',
    async run(peer, version) {
      const connection = await peer.connect(version);
      const place = peer.place();
      connection.subscribe(place, { id: 'one' });
      connection.subscribe(place, { id: 'two' });
      connection.say(place, 'text');
      const subscriptions = (await connection.messages(2)).map((message) => header(message, 'subscription'));
      expectThat(subscriptions.sort().join() === 'one,two', `${subscriptions.join()} got it`);
    },
  },
  {
    row: 'U05',
    level: 'MUST',
    versions: ALL,
    requirement: 'refuses an ack mode that does not exist',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.subscribe(peer.place(), { ack: 'foo' });
      await connection.refusalWithError();
    },
  },
  {
    row: 'U05',
    level: 'MUST',
    ours: true,
    versions: ONLY_1_0,
    requirement: 'refuses client-individual in 1.0, which does not know it',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.subscribe(peer.place(), { ack: 'client-individual' });
      await connection.refusalWithError();
    },
  },
  {
    row: 'U06',
    level: 'MUST',
    versions: ALL,
    requirement: 'answers a SUBSCRIBE that it cannot do with ERROR',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.subscribe(peer.forbidden());
      const { close } = await connection.refusalWithError();
      return `closed with ${closeText(close)}`;
    },
  },
  {
    row: 'U07',
    level: 'MUST',
    versions: SINCE_1_1,
    requirement: 'refuses an UNSUBSCRIBE without id',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.subscribe(peer.place());
      connection.send('UNSUBSCRIBE', {});
      await connection.refusal();
    },
  },
  {
    row: 'U07',
    level: 'MUST',
    versions: SINCE_1_1,
    requirement: 'refuses an UNSUBSCRIBE of an id that nobody has',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.send('UNSUBSCRIBE', { id: 'nobody' });
      await connection.refusal();
    },
  },
  {
    row: 'U07',
    level: 'MUST',
    versions: SINCE_1_1,
    requirement: 'delivers nothing after UNSUBSCRIBE',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version, { id: 'stays' });
      connection.subscribe(place, { id: 'goes' });
      connection.send('UNSUBSCRIBE', { id: 'goes' });
      await connection.untilMarker(place);
      const frames = await connection.untilMarker(place);
      expectThat(
        frames.length === 0,
        `${frames[0]?.command} came for ${frames[0] && header(frames[0], 'subscription')}`,
      );
    },
  },
  ...(['destination', 'id'] as const).map(
    (by): Check => ({
      row: 'U08',
      level: 'MUST',
      versions: ONLY_1_0,
      requirement: `takes UNSUBSCRIBE by ${by} in 1.0`,
      async run(peer, version) {
        const { connection, place } = await peer.audience(version, { id: 'stays' });
        const other = peer.place();
        connection.send('SUBSCRIBE', {
          destination: other.destination,
          ...(by === 'id' ? { id: 'goes' } : {}),
        });
        await connection.untilMarker(other);
        connection.send('UNSUBSCRIBE', by === 'id' ? { id: 'goes' } : { destination: other.destination });
        connection.say(other, 'nobody hears this');
        await connection.untilMarker(place);
        const frames = await connection.untilMarker(place);
        expectThat(frames.length === 0, 'what was sent afterwards came');
      },
    }),
  ),
  {
    row: 'U09',
    level: 'MUST',
    versions: ALL,
    requirement: 'puts destination, message-id and subscription on every MESSAGE',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version, { id: 'my id' });
      connection.say(place, 'text');
      const [message] = await connection.messages(1);
      expectHeader(message, 'subscription', 'my id');
      headerOf(message, 'destination');
      expectThat(headerOf(message, 'message-id') !== '', 'message-id is empty');
    },
  },
  {
    row: 'U10',
    level: 'MUST',
    versions: ONLY_1_2,
    requirement: `gives ${MANY} messages as many message-ids`,
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      const ids = new Set<string>();
      // In steps that fit into whatever the server keeps for a reader.
      for (let sent = 0; sent < MANY; sent += 50) {
        for (let count = 0; count < 50; count++) connection.say(place, 'text');
        for (const message of await connection.messages(50)) ids.add(headerOf(message, 'message-id'));
      }
      expectThat(ids.size === MANY, `${MANY - ids.size} came twice`);
    },
  },
  {
    row: 'U11',
    level: 'SHOULD',
    versions: ALL,
    requirement: 'names the destination as the SEND did',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      if (place.sendTo !== place.destination) throw new Unseen('SEND goes to another destination here');
      connection.say(place, 'text');
      const [message] = await connection.messages(1);
      expectHeader(message, 'destination', place.sendTo);
    },
  },
  {
    row: 'U12',
    level: 'MUST',
    versions: ONLY_1_2,
    requirement: 'puts `ack` on a MESSAGE that is to be acknowledged, and on no other',
    async run(peer, version) {
      const connection = await peer.connect(version);
      for (const mode of ['client', 'client-individual', 'auto', undefined]) {
        const place = peer.place();
        const id = `mode ${mode}`;
        connection.subscribe(place, { id, ...(mode === undefined ? {} : { ack: mode }) });
        connection.say(place, 'text');
        const [message] = await connection.messages(1);
        expectHeader(message, 'subscription', id);
        const ack = message === undefined ? undefined : header(message, 'ack');
        const wanted = mode?.startsWith('client') === true;
        expectThat(
          (ack !== undefined) === wanted,
          `with ack:${mode} there is ${ack === undefined ? 'none' : 'one'}`,
        );
      }
    },
  },
  {
    row: 'U13',
    level: 'MUST',
    ours: true,
    versions: ALL,
    requirement: 'never runs what a `selector` says',
    async run(peer, version) {
      const connection = await peer.connect(version);
      const place = peer.place();
      connection.subscribe(place, { selector: 'T(java.lang.Thread).sleep(60000)' });
      connection.say(place, 'text');
      const { command } = await connection.next();
      if (command === 'ERROR') return 'it is refused';
      expectThat(command === 'MESSAGE', `${command} came`);
      return 'it is not looked at';
    },
  },
  {
    row: 'U14',
    level: 'MUST',
    versions: SINCE_1_1,
    requirement: `takes UNSUBSCRIBE and SUBSCRIBE in their order, ${TOGGLES} times`,
    async run(peer, version) {
      const connection = await peer.connect(version);
      const place = peer.place();
      connection.subscribe(place);
      for (let count = 0; count < TOGGLES; count++) {
        connection.send('UNSUBSCRIBE', { id: 'sub-0' });
        connection.subscribe(place);
      }
      // A thousand frames may take longer than one answer.
      await connection.untilMarker(place, 60_000);
      const frames = await connection.untilMarker(place);
      expectThat(frames.length === 0, `${frames.length + 1} subscriptions are in force`);
      await expectAlive(connection, peer.place());
    },
  },
];
