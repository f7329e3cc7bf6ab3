// Section D of the checklist. Real time passes here; periods longer than the target's patience are only read, not waited for.
import { setTimeout as pause } from 'node:timers/promises';
import { type Check, ONLY_1_0, ONLY_1_2, SINCE_1_1 } from '../check.ts';
import type { Connection } from '../connection.ts';
import type { Peer } from '../peer.ts';
import { header, type Version } from '../stomp-frame.ts';
import { expectThat, Unseen } from '../unmet.ts';
import { expectAlive } from './expect.ts';

/** The period that our side asks for, as a client that wants to see much in little time. */
const PERIOD_MS = 500;

/** What a busy machine may add to a period before we call it late. */
const TOLERANCE = 1.6;

/** No server can mean to beat more often than this. */
const FLOOR_MS = 100;

type Announced = { readonly sends: number; readonly wants: number };

/** CONNECTs with a heart-beat, and reads what the server announces. */
async function connect(
  peer: Peer,
  version: Version,
  heartBeat: string | undefined,
): Promise<{ connection: Connection; announced: Announced }> {
  const connection = await peer.open();
  connection.send('CONNECT', peer.connectHeaders(version, { 'heart-beat': heartBeat }));
  const value = header(await connection.nextIs('CONNECTED'), 'heart-beat') ?? '0,0';
  const [, sends, wants] = /^(\d+),(\d+)$/.exec(value) ?? [];
  expectThat(sends !== undefined && wants !== undefined, `heart-beat:${value} came`);
  return { connection, announced: { sends: Number(sends), wants: Number(wants) } };
}

/** max of the two, none if either is 0 (STOMP 1.2 §Heart-beating). */
const period = (one: number, other: number): number => (one === 0 || other === 0 ? 0 : Math.max(one, other));

function expectWithinPatience(ms: number, peer: Peer): void {
  if (ms > peer.target.patienceMs) throw new Unseen(`it would take ${Math.ceil(ms / 1000)} s to see`);
}

const MALFORMED = ['10000', 'a,b', '-1,0', '1,2,3', ''];

export const HEART_BEATING: readonly Check[] = [
  ...MALFORMED.map(
    (value): Check => ({
      row: 'H01',
      level: 'MUST',
      versions: SINCE_1_1,
      requirement: `refuses \`heart-beat:${value}\``,
      async run(peer, version) {
        const connection = await peer.open();
        connection.send('CONNECT', peer.connectHeaders(version, { 'heart-beat': value }));
        await connection.refusal();
      },
    }),
  ),
  ...([undefined, '0,0'] as const).map(
    (value): Check => ({
      row: value === undefined ? 'H02' : 'H03',
      level: 'MUST',
      waits: true,
      versions: SINCE_1_1,
      requirement:
        value === undefined
          ? 'takes an absent heart-beat header for 0,0: it sends none and wants none'
          : 'neither beats nor waits for beats after 0,0',
      async run(peer, version) {
        const { connection, announced } = await connect(peer, version, value);
        const watched = 4 * Math.max(announced.sends, announced.wants, PERIOD_MS);
        const { close } = await connection.within(Math.min(watched, peer.target.patienceMs));
        expectThat(close === null, 'the silent client was dropped');
        expectThat(connection.heartBeats.length === 0, `${connection.heartBeats.length} heart-beats came`);
        await expectAlive(connection, peer.place());
      },
    }),
  ),
  {
    row: 'H03',
    level: 'MUST',
    waits: true,
    versions: ONLY_1_2,
    requirement: 'beats for a client that sends none itself, and does not wait for it',
    async run(peer, version) {
      const { connection, announced } = await connect(peer, version, `0,${PERIOD_MS}`);
      const n = period(announced.sends, PERIOD_MS);
      expectThat(n > 0, 'it announces that it sends none');
      const watched = 3 * Math.max(n, announced.wants);
      expectWithinPatience(watched, peer);
      const { close } = await connection.within(watched);
      expectThat(close === null, 'the client was dropped, which had said that it sends none');
      expectThat(connection.heartBeats.length > 0, 'no heart-beat came');
    },
  },
  {
    row: 'H04',
    level: 'MUST',
    waits: true,
    versions: SINCE_1_1,
    requirement: 'sends something at least once in each period',
    async run(peer, version) {
      const { connection, announced } = await connect(peer, version, `0,${PERIOD_MS}`);
      const n = period(announced.sends, PERIOD_MS);
      if (n === 0) throw new Unseen('it announces that it sends none');
      expectWithinPatience(n * TOLERANCE, peer);
      const from = performance.now();
      await connection.within(Math.min(4 * n, peer.target.patienceMs));
      const times = [from, ...connection.heartBeats, performance.now()];
      const gaps = times.slice(1).map((time, index) => time - (times[index] ?? time));
      const longest = Math.max(...gaps);
      expectThat(longest <= n * TOLERANCE, `${Math.round(longest / n)} periods of ${n} ms passed in silence`);
      return `${n} ms was agreed`;
    },
  },
  {
    row: 'H05',
    level: 'MUST',
    waits: true,
    versions: ONLY_1_2,
    requirement: 'takes any octet for a sign of life',
    async run(peer, version) {
      const { connection, announced } = await connect(peer, version, `${PERIOD_MS},0`);
      const n = period(PERIOD_MS, announced.wants);
      if (n === 0) throw new Unseen('it announces that it wants none');
      expectWithinPatience(4 * n, peer);
      const place = peer.place();
      await expectAlive(connection, place);
      // Half a frame, and then the other half: no EOL between frames, but life.
      const halves = ['SEND\nx:', `1\ndestination:${place.sendTo}\n\n\0`];
      for (const half of [...halves, ...halves, ...halves, ...halves]) {
        await pause(n / 2);
        connection.write(half);
      }
      await expectAlive(connection, peer.place());
    },
  },
  {
    row: 'H06',
    level: 'MUST',
    waits: true,
    versions: SINCE_1_1,
    requirement: 'does not drop a client before its period is over',
    async run(peer, version) {
      const { connection, announced } = await connect(peer, version, `${PERIOD_MS},0`);
      const n = period(PERIOD_MS, announced.wants);
      if (n === 0) throw new Unseen('it announces that it wants none');
      expectWithinPatience(n * 1.1, peer);
      const { close } = await connection.within(n * 1.1);
      expectThat(close === null, 'it was dropped');
    },
  },
  {
    row: 'H06',
    level: 'MAY',
    ours: true,
    waits: true,
    versions: SINCE_1_1,
    requirement: 'drops a client that is silent for several periods',
    async run(peer, version) {
      const { connection, announced } = await connect(peer, version, `${PERIOD_MS},0`);
      const n = period(PERIOD_MS, announced.wants);
      if (n === 0) throw new Unseen('it announces that it wants none');
      expectWithinPatience(4 * n, peer);
      const from = performance.now();
      await connection.untilClose(Math.max(6 * n, 2_000));
      return `after ${Math.round((performance.now() - from) / n)} periods of ${n} ms`;
    },
  },
  {
    row: 'H07',
    level: 'MUST',
    waits: true,
    versions: ONLY_1_0,
    requirement: 'has no heart-beats in 1.0',
    async run(peer, version) {
      const { connection, announced } = await connect(peer, version, `${PERIOD_MS},${PERIOD_MS}`);
      const n = Math.max(PERIOD_MS, announced.sends, announced.wants);
      const { close } = await connection.within(Math.min(4 * n, peer.target.patienceMs));
      expectThat(close === null, 'the silent client was dropped');
      expectThat(connection.heartBeats.length === 0, 'heart-beats came');
    },
  },
  {
    row: 'H08',
    level: 'MUST',
    ours: true,
    waits: true,
    versions: SINCE_1_1,
    requirement: `answers \`heart-beat:1,1\` with periods of ${FLOOR_MS} ms or more, or none`,
    async run(peer, version) {
      const { connection, announced } = await connect(peer, version, '1,1');
      const { sends, wants } = announced;
      for (const [what, ms] of Object.entries({ sends, wants })) {
        expectThat(ms === 0 || ms >= FLOOR_MS, `it ${what} one each ${ms} ms`);
      }
      // As many as a second at the floor would bring, at most.
      await connection.within(1_000);
      expectThat(connection.heartBeats.length <= 1_000 / FLOOR_MS, 'more heart-beats came than announced');
    },
  },
  {
    row: 'H09',
    level: 'MUST',
    versions: ONLY_1_2,
    requirement: 'puts no heart-beat inside a frame',
    async run(peer, version) {
      const { connection } = await connect(peer, version, `0,${PERIOD_MS}`);
      const place = peer.place();
      await expectAlive(connection, place);
      const body = Buffer.alloc(30_000, 'x');
      const end = performance.now() + 2 * PERIOD_MS;
      while (performance.now() < end) {
        connection.sendSplit('SEND', { destination: place.sendTo }, body);
        const [message] = await connection.messages(1);
        expectThat(message?.body.equals(body) === true, 'a body was changed');
      }
    },
  },
];
