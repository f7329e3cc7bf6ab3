// A new version rolled out: every chat service and every gateway ends and comes back, one after the other, while people chat.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Room } from '@maru/contract';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Nats, startNats } from '../packages/server/test/engines/nats.ts';
import { type Postgres, startPostgres } from '../packages/server/test/engines/postgres.ts';
import { freePorts } from './free-port.ts';
import { MaruProcess, type Settings } from './maru-process.ts';
import { ask, call, wholeHistory } from './people.ts';
import { Balancer } from './rolling/balancer.ts';
import { Member } from './rolling/member.ts';
import { type CrowdIssuer, mostWithin, openCrowdIssuer } from './storm/crowd.ts';

const ROOMS = 3;
const PER_ROOM = 40;
const WRITERS_PER_ROOM = 2;
/** A node has some sixty of them: three seconds to let go of them. */
const DRAIN_PER_SECOND = 20;
/** Waves come up to half their time early or late, and a machine that is busy sees two as one: all at once would be three times that. */
const MOST_A_SECOND = 2 * DRAIN_PER_SECOND;

type Node = { readonly command: 'chat' | 'gateway'; readonly start: () => MaruProcess; process: MaruProcess };

let folder: string;
let postgres: Postgres;
let nats: Nats;
let issuer: CrowdIssuer;
let balancer: Balancer;
let gateway: { readonly url: string };
let output = '';
/** When somebody connected to a chat service, by its own log. */
const connects: number[] = [];
const nodes: Node[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maru-rolling-'));
  [postgres, nats, issuer] = await Promise.all([startPostgres(), startNats(), openCrowdIssuer()]);
  const [front = 0, identity = 0, chatOne = 0, chatTwo = 0, ...rest] = await freePorts(8);
  const common: Settings = {
    ...issuer.settings,
    dataDir: join(folder, 'data'),
    'database.url': await postgres.newDatabase(),
    'bus.servers': nats.url,
    publicUrl: `http://127.0.0.1:${front}`,
    'chat.drainPerSecond': DRAIN_PER_SECOND,
    'gateway.upstreamCheckMs': 200,
    'gateway.chatUpstream': `http://127.0.0.1:${chatOne}, http://127.0.0.1:${chatTwo}`,
    // Nobody signs in: the crowd has its tokens from elsewhere.
    'gateway.identityUpstream': `http://127.0.0.1:${identity}`,
  };
  const add = (command: Node['command'], settings: Settings) => {
    const start = () => {
      // A line comes in pieces where the pipe is full.
      let rest = '';
      return new MaruProcess([command], {
        folder,
        settings: { ...common, ...settings },
        onOutput: (text) => {
          const lines = (rest + text).split('\n');
          rest = lines.pop() ?? '';
          for (const line of lines) note(command, line);
        },
      });
    };
    nodes.push({ command, start, process: start() });
  };
  for (const chat of [chatOne, chatTwo]) add('chat', { 'chat.port': chat, 'operations.port': 0 });
  const doors = [rest.slice(0, 2), rest.slice(2, 4)].map(([port = 0, operations = 0]) => {
    add('gateway', { 'gateway.port': port, 'operations.port': operations });
    return { port, operationsUrl: `http://127.0.0.1:${operations}` };
  });
  await Promise.all(nodes.map(({ process }) => process.ready()));
  balancer = await Balancer.open(front, doors);
  gateway = { url: `http://127.0.0.1:${balancer.port}` };
}, 120_000);

afterAll(async () => {
  await balancer?.close();
  await Promise.all(nodes.map(({ process }) => process.end()));
  await issuer?.close();
  await nats?.kill();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}, 60_000);

function note(command: string, line: string): void {
  if (line.includes('"session connected"'))
    connects.push(Date.parse((JSON.parse(line) as { time: string }).time));
  // Of thousands of sessions, what is not one of them.
  else if (!line.includes('"session closed"')) output += `${command}| ${line}\n`;
}

it('every node ends and comes back under load: nothing is lost, doubled or out of order, no wave is more than the rate', {
  timeout: 180_000,
}, async ({ onTestFailed }) => {
  onTestFailed(() => console.error(output));
  const members = await gather();
  const writers = members.filter((_, n) => n % PER_ROOM < WRITERS_PER_ROOM);
  await Promise.all(members.map((member) => member.enter()));
  connects.length = 0;

  let isOver = false;
  const writing = Promise.all(writers.map((writer) => writer.write()));
  // What fails here fails a bot.
  const answers = new Map<string, number>();
  const token = await issuer.sign('visitor0');
  const asking = (async () => {
    while (!isOver) {
      const answer = await ask(gateway, 'GET /api/me', { token }).then(
        ({ status }) => `${status}`,
        (error: Error) => `${error.message}: ${error.cause}`,
      );
      answers.set(answer, (answers.get(answer) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })();

  for (const node of nodes) {
    expect(await node.process.end('SIGTERM'), node.command).toEqual({ code: 0, signal: null });
    node.process = node.start();
    await node.process.ready();
    await until(() => members.every(({ isConnected }) => isConnected));
  }

  for (const writer of writers) writer.stop();
  await writing;
  isOver = true;
  await asking;
  expect([...answers.keys()]).toEqual(['200']);

  const rooms = Map.groupBy(members, ({ roomId }) => roomId);
  for (const [roomId, inRoom] of rooms) {
    const owner = { token: await issuer.sign('visitor0') };
    const { head } = await call<Room>(gateway, owner, `GET /api/rooms/${roomId}`);
    await until(() => inRoom.every(({ seq }) => seq === head));
    const history = await wholeHistory(gateway, owner, roomId);
    const receipted = inRoom.flatMap((member) => member.receipted);
    expect(receipted.length).toBeGreaterThan(100);
    // Each once, where its RECEIPT said, and nothing else.
    expect(history.map(({ messageId, seq, content }) => ({ messageId, seq, content }))).toEqual(
      receipted
        .map(({ messageId, seq, content }) => ({ messageId, seq, content }))
        .toSorted((a, b) => a.seq - b.seq),
    );
    for (const { name, receipted: own } of inRoom) {
      expect(own.map(({ content }) => content)).toEqual(own.map((_, n) => `${name} ${n}`));
      expect(own.map(({ seq }) => seq)).toEqual(own.map(({ seq }) => seq).toSorted((a, b) => a - b));
    }
  }
  expect(members.flatMap(({ breaches }) => breaches)).toEqual([]);

  // Each member was sent away once by its chat service and once by its gateway, or more often where it met one again.
  const losses = members.flatMap((member) => member.losses);
  expect(losses.length).toBeGreaterThan(1.5 * members.length);
  expect(mostWithin(losses, 1_000)).toBeLessThanOrEqual(MOST_A_SECOND);
  expect(mostWithin(connects, 1_000)).toBeLessThanOrEqual(MOST_A_SECOND);
  expect(connects.length).toBeGreaterThanOrEqual(losses.length);
  await Promise.all(members.map((member) => member.close()));
});

/** People in their rooms, who have said nothing yet. */
async function gather(): Promise<Member[]> {
  const members: Member[] = [];
  const tokens = await Promise.all(
    Array.from({ length: ROOMS * PER_ROOM }, (_, n) => issuer.sign(`visitor${n}`)),
  );
  const rooms: string[] = [];
  for (let n = 0; n < ROOMS; n += 1) {
    const body = { name: `Room ${n}`, visibility: 'public' };
    rooms.push((await call<Room>(gateway, { token: tokens[0] ?? '' }, 'POST /api/rooms', body)).roomId);
  }
  for (const [n, token] of tokens.entries()) {
    const roomId = rooms[Math.floor(n / PER_ROOM)] ?? '';
    if (n > 0) await call(gateway, { token }, `POST /api/rooms/${roomId}/members`);
    members.push(new Member({ gatewayUrl: gateway.url, token, name: `visitor${n}`, roomId }));
  }
  return members;
}

/** Looks again until it is so; the test's own time is the limit. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 50));
}
