// Section H of the checklist: what is begun takes effect at COMMIT, or never.
import { setTimeout as pause } from 'node:timers/promises';
import { ALL, type Check } from '../check.ts';
import type { Frame } from '../stomp-frame.ts';
import { expectThat } from '../unmet.ts';
import { acknowledgement } from './acknowledging.ts';

const bodies = (frames: readonly Frame[]): string => frames.map(({ body }) => body.toString()).join();

/** Past any sensible limit of open transactions. */
const MANY = 1_000;

export const TRANSACTIONS: readonly Check[] = [
  ...(['BEGIN', 'COMMIT', 'ABORT'] as const).map(
    (command): Check => ({
      row: 'T01',
      level: 'MUST',
      versions: ALL,
      requirement: `refuses ${command} without transaction`,
      async run(peer, version) {
        const connection = await peer.connect(version);
        if (command !== 'BEGIN') connection.send('BEGIN', { transaction: 't' });
        connection.send(command);
        await connection.refusal();
      },
    }),
  ),
  {
    row: 'T02',
    level: 'MUST',
    versions: ALL,
    requirement: 'refuses BEGIN of a transaction that is open',
    async run(peer, version) {
      const connection = await peer.connect(version);
      for (let count = 0; count < 2; count++) connection.send('BEGIN', { transaction: 't' });
      await connection.refusal();
    },
  },
  {
    row: 'T02',
    level: 'MUST',
    versions: ALL,
    requirement: 'lets a name be used again after COMMIT and ABORT, and on another connection',
    async run(peer, version) {
      const other = await peer.connect(version);
      other.send('BEGIN', { transaction: 't' });
      const { connection, place } = await peer.audience(version);
      for (const end of ['COMMIT', 'ABORT', 'COMMIT']) {
        connection.send('BEGIN', { transaction: 't' });
        connection.send(end, { transaction: 't' });
      }
      await connection.untilMarker(place);
    },
  },
  {
    row: 'T03',
    level: 'MUST',
    versions: ALL,
    requirement: 'holds SENDs back until COMMIT, and then does them in their order',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      connection.send('BEGIN', { transaction: 't' });
      for (const body of ['one', 'two', 'three']) connection.say(place, body, { transaction: 't' });
      const early = await connection.untilMarker(place);
      expectThat(early.length === 0, `${bodies(early)} came before COMMIT`);
      connection.send('COMMIT', { transaction: 't' });
      const frames = await connection.untilMarker(place);
      expectThat(bodies(frames) === 'one,two,three', `after COMMIT came: ${bodies(frames)}`);
    },
  },
  {
    row: 'T03',
    level: 'MUST',
    versions: ALL,
    requirement: 'keeps two transactions of one connection apart',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      for (const transaction of ['kept', 'dropped']) connection.send('BEGIN', { transaction });
      connection.say(place, 'one', { transaction: 'kept' });
      connection.say(place, 'two', { transaction: 'dropped' });
      connection.say(place, 'three', { transaction: 'kept' });
      connection.send('COMMIT', { transaction: 'kept' });
      connection.send('ABORT', { transaction: 'dropped' });
      const frames = await connection.untilMarker(place);
      expectThat(bodies(frames) === 'one,three', `came: ${bodies(frames)}`);
    },
  },
  {
    row: 'T03',
    level: 'MUST',
    versions: ALL,
    requirement: 'counts an ACK in a transaction at COMMIT',
    async run(peer, version) {
      const connection = await peer.connect(version);
      const [place, probe] = [peer.place(), peer.place()];
      connection.subscribe(place, { ack: 'client', prefetch: '1', 'prefetch-count': '1' });
      connection.subscribe(probe, { id: 'probe' });
      connection.say(place, 'one');
      connection.say(place, 'two');
      const [first] = await connection.messages(1);
      expectThat(first !== undefined, 'no MESSAGE came');
      connection.send('BEGIN', { transaction: 't' });
      connection.send('ACK', { ...acknowledgement(first, version), transaction: 't' });
      const early = await connection.untilMarker(probe);
      expectThat(early.length === 0, `${bodies(early)} came before COMMIT`);
      connection.send('COMMIT', { transaction: 't' });
      const [second] = await connection.messages(1);
      expectThat(second?.body.toString() === 'two', `${second?.body.toString()} came after COMMIT`);
    },
  },
  {
    row: 'T04',
    level: 'MUST',
    versions: ALL,
    requirement: 'drops at ABORT what was sent',
    async run(peer, version) {
      const { connection, place } = await peer.audience(version);
      connection.send('BEGIN', { transaction: 't' });
      connection.say(place, 'dropped', { transaction: 't' });
      connection.send('ABORT', { transaction: 't' });
      const frames = await connection.untilMarker(place);
      expectThat(frames.length === 0, `${bodies(frames)} came`);
    },
  },
  ...(['DISCONNECT', 'the end of the connection'] as const).map(
    (end): Check => ({
      row: 'T05',
      level: 'MUST',
      versions: ALL,
      requirement: `aborts what is open at ${end}`,
      async run(peer, version) {
        const { connection: audience, place } = await peer.audience(version);
        const connection = await peer.connect(version);
        connection.send('BEGIN', { transaction: 't' });
        connection.say(place, 'dropped', { transaction: 't' });
        if (end === 'DISCONNECT') {
          await connection.goodbye();
        } else {
          // Only then has the server taken all of it; how it then sees the end nobody is told.
          const probe = peer.place();
          connection.subscribe(probe);
          await connection.untilMarker(probe);
          connection.drop();
          await pause(200);
        }
        const frames = await audience.untilMarker(place);
        expectThat(frames.length === 0, `${bodies(frames)} came`);
      },
    }),
  ),
  ...(['SEND', 'ACK', 'COMMIT', 'ABORT'] as const).map(
    (command): Check => ({
      row: 'T06',
      level: 'MUST',
      versions: ALL,
      requirement: `refuses ${command} in a transaction that was not begun`,
      async run(peer, version) {
        const { connection, place } = await peer.audience(version, { id: 'audience' });
        const transaction = 'nobody';
        if (command === 'SEND') connection.say(place, 'text', { transaction });
        else if (command === 'ACK') {
          const other = peer.place();
          connection.subscribe(other, { ack: 'client' });
          connection.say(other, 'text');
          const [message] = await connection.messages(1);
          expectThat(message !== undefined, 'no MESSAGE came');
          connection.send('ACK', { ...acknowledgement(message, version), transaction });
        } else connection.send(command, { transaction });
        await connection.refusal();
      },
    }),
  ),
  {
    row: 'T07',
    level: 'MUST',
    ours: true,
    versions: ALL,
    requirement: `refuses ${MANY} open transactions`,
    async run(peer, version) {
      const connection = await peer.connect(version);
      for (let count = 0; count < MANY; count++) connection.send('BEGIN', { transaction: `t${count}` });
      await connection.refusalWithError();
    },
  },
  {
    row: 'T07',
    level: 'MUST',
    ours: true,
    versions: ALL,
    requirement: 'asks whether a SEND is allowed when it comes, not at COMMIT',
    async run(peer, version) {
      const connection = await peer.connect(version);
      connection.send('BEGIN', { transaction: 't' });
      connection.say(peer.forbidden(), 'text', { transaction: 't' });
      await connection.refusalWithError();
    },
  },
];
