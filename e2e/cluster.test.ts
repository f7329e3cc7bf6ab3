// Several chat services on one PostgreSQL, waking each other by NATS: what is said at one is heard at the other.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Room, RoomListEvent, RoomSignal } from '@maru/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Nats, startNats } from '../packages/server/test/engines/nats.ts';
import { type Postgres, startPostgres } from '../packages/server/test/engines/postgres.ts';
import { freePorts } from './free-port.ts';
import { MaruProcess, type Settings } from './maru-process.ts';
import { ask, call, createRoom, type Gateway, signUp, wholeHistory } from './people.ts';
import { type RawFrame, RawStomp } from './raw-stomp.ts';
import { StompClient } from './stomp-client.ts';

/** A chat service and a gateway before it. */
type Node = Gateway & {
  readonly chatUrl: string;
  readonly operationsUrl: string;
  chat: MaruProcess;
  readonly startChat: () => MaruProcess;
};

let folder: string;
let postgres: Postgres;
let nats: Nats;
let output = '';
const processes: MaruProcess[] = [];
const nodes: Node[] = [];
/** Before both. */
let shared: Gateway & { readonly chatUrl: string };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maru-cluster-'));
  [postgres, nats] = await Promise.all([startPostgres(), startNats()]);
  const [identity = 0, both = 0, ...rest] = await freePorts(8);
  const common: Settings = {
    dataDir: join(folder, 'data'),
    'database.url': await postgres.newDatabase(),
    'bus.servers': nats.url,
    'bus.presenceMs': 500,
    publicUrl: `http://localhost:${rest[1]}`,
    'identity.port': identity,
    'gateway.identityUpstream': `http://127.0.0.1:${identity}`,
  };
  const run = (command: string, settings: Settings) => {
    const started = new MaruProcess([command], {
      folder,
      settings: { ...common, ...settings },
      onOutput: (text) => {
        output += text.replaceAll(/^(?=.)/gm, `${command}| `);
      },
    });
    processes.push(started);
    return started;
  };
  run('identity', { 'operations.port': 0 });
  for (const [chat = 0, gateway = 0, health = 0] of [rest.slice(0, 3), rest.slice(3, 6)]) {
    const startChat = () => run('chat', { 'chat.port': chat, 'operations.port': health });
    run('gateway', {
      'gateway.port': gateway,
      'gateway.chatUpstream': `http://127.0.0.1:${chat}`,
      'operations.port': 0,
    });
    nodes.push({
      url: `http://localhost:${gateway}`,
      chatUrl: `ws://localhost:${gateway}/chat`,
      operationsUrl: `http://127.0.0.1:${health}`,
      chat: startChat(),
      startChat,
    });
  }
  run('gateway', {
    'gateway.port': both,
    'gateway.chatUpstream': `http://127.0.0.1:${rest[0]}, http://127.0.0.1:${rest[3]}`,
    'operations.port': 0,
  });
  shared = { url: `http://localhost:${both}`, chatUrl: `ws://localhost:${both}/chat` };
  await Promise.all(processes.map((started) => started.ready()));
}, 120_000);
afterAll(async () => {
  await Promise.all(processes.map((running) => running.end()));
  await nats?.kill();
  await postgres?.stop();
  await rm(folder, { recursive: true, force: true });
}, 60_000);
beforeEach(({ onTestFailed }) => {
  const before = output.length;
  onTestFailed(() => console.error(output.slice(before)));
});

/** Two people in a room, each at a node of their own, each listening. */
async function meet() {
  const [one, two] = nodes as [Node, Node];
  const [ann, bob] = await Promise.all([signUp(one, 'Ann'), signUp(two, 'Bob')]);
  const roomId = await createRoom(one, ann, [bob]);
  const [annAt, bobAt] = await Promise.all([
    StompClient.connect(one.chatUrl, ann.token),
    StompClient.connect(two.chatUrl, bob.token),
  ]);
  const [annHears, bobHears] = [await annAt.subscribe(roomId), await bobAt.subscribe(roomId)];
  return { one, two, ann, bob, roomId, annAt, bobAt, annHears, bobHears };
}

const seqsOf = (deliveries: readonly { readonly entry: { readonly seq: number } }[]) =>
  deliveries.map(({ entry }) => entry.seq);
const range = (first: number, count: number) => Array.from({ length: count }, (_, index) => first + index);

async function readiness(node: Node): Promise<{ status: number; said: string }> {
  const response = await fetch(`${node.operationsUrl}/readyz`);
  const { status } = (await response.json()) as { status: string };
  return { status: response.status, said: status };
}

/** WebSockets that are connected there. */
async function sessionsOf(node: Node): Promise<number> {
  const text = await (await fetch(`${node.operationsUrl}/metrics`)).text();
  return Number(/^maru_sessions\{state="connected"\} (\d+)/m.exec(text)?.[1]);
}

/** Asks again until it is so; the test's own time is the limit. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Listens to a destination, from the RECEIPT on. */
async function listen(chatUrl: string, token: string, destination: string): Promise<RawStomp> {
  const stomp = await RawStomp.connect(chatUrl, token);
  stomp.write('SUBSCRIBE', { id: '0', destination, receipt: 'r' });
  const first = await stomp.frame();
  // Of signals the list of who is there comes with the RECEIPT, in whichever order.
  if (first.command === 'RECEIPT' && destination.startsWith('/user')) return stomp;
  const second = await stomp.frame();
  expect([first.command, second.command].sort()).toEqual(['MESSAGE', 'RECEIPT']);
  return stomp;
}

const says = (said: RoomSignal, part: Partial<Record<string, unknown>>) =>
  Object.entries(part).every(([name, value]) => (said as Record<string, unknown>)[name] === value);

/** The next MESSAGE of which it is so; what else comes is passed over. */
async function hears<T>(stomp: RawStomp, isIt: (body: T) => boolean): Promise<T> {
  for (;;) {
    const { command, body }: RawFrame = await stomp.frame();
    if (command !== 'MESSAGE') continue;
    const said = JSON.parse(body) as T;
    if (isIt(said)) return said;
  }
}

describe('two chat services on one PostgreSQL', () => {
  it('typing, read markers and who is there are told at the other; who was at one that is killed is gone', async () => {
    const { one, two, ann, bob, roomId, annAt, bobAt } = await meet();
    const topic = `/topic/rooms/${roomId}`;
    const bobHears = await listen(two.chatUrl, bob.token, topic);
    const annHears = await listen(one.chatUrl, ann.token, topic);
    await hears<RoomSignal>(annHears, (said) => says(said, { type: 'presence', userId: bob.userId }));
    await hears<RoomSignal>(bobHears, (said) => says(said, { type: 'presence', userId: ann.userId }));

    const lists = await listen(one.chatUrl, bob.token, '/user/queue/rooms');
    bobHears.write('SEND', { destination: '/pub/typing' }, JSON.stringify({ roomId }));
    await hears<RoomSignal>(annHears, (said) => says(said, { type: 'typing', userId: bob.userId }));
    const { seq = '' } = await annAt.send(roomId, 'read this');
    await hears<RoomListEvent>(lists, (event) => event.type === 'room.updated' && event.unread === 1);
    bobHears.write('SEND', { destination: '/pub/read' }, JSON.stringify({ roomId, seq: Number(seq) }));
    await hears<RoomSignal>(annHears, (said) =>
      says(said, { type: 'read', userId: bob.userId, seq: Number(seq) }),
    );
    // Bob's list at the other service, where nothing of it was said by him.
    await hears<RoomListEvent>(lists, (event) => event.type === 'room.updated' && event.unread === 0);

    await two.chat.end('SIGKILL');
    await hears<RoomSignal>(annHears, (said) =>
      says(said, { type: 'presence', userId: bob.userId, online: false }),
    );
    two.chat = two.startChat();
    await two.chat.ready();
    await until(async () => (await ask(two, 'GET /api/me', { token: bob.token })).status === 200);
    const again = await listen(two.chatUrl, bob.token, topic);
    await hears<RoomSignal>(annHears, (said) =>
      says(said, { type: 'presence', userId: bob.userId, online: true }),
    );
    await bobAt.ended;
    for (const stomp of [again, annHears, lists]) stomp.drop();
    await annAt.disconnect();
  });

  it('2,000 messages of both to one room reach everybody at either, in one order, each once', async () => {
    const { ann, roomId, one, annAt, bobAt, annHears, bobHears } = await meet();
    await Promise.all(
      range(0, 1_000).flatMap((n) => [annAt.send(roomId, `a${n}`), bobAt.send(roomId, `b${n}`)]),
    );
    const [atOne, atTwo] = await Promise.all([annHears.take(2_000), bobHears.take(2_000)]);
    expect(seqsOf(atOne)).toEqual(range(3, 2_000));
    expect(atTwo.map(({ entry }) => entry)).toEqual(atOne.map(({ entry }) => entry));
    const history = await wholeHistory(one, ann, roomId);
    expect(history).toEqual(atOne.map(({ entry }) => entry));
    await Promise.all([annAt.disconnect(), bobAt.disconnect()]);
    expect([annHears.size, bobHears.size]).toEqual([0, 0]);
  });

  it('who is removed at one node hears nothing more at the other, however much is said', async () => {
    const { ann, bob, roomId, one, annAt, bobAt, bobHears } = await meet();
    const saying = Promise.all(range(0, 300).map((n) => annAt.send(roomId, `${n}`)));
    const removed = await ask(one, `DELETE /api/rooms/${roomId}/members/${bob.userId}`, { token: ann.token });
    expect(removed.status).toBe(204);
    await saying;
    for (let expected = 3; ; expected += 1) {
      const { entry } = await bobHears.next();
      expect(entry.seq).toBe(expected);
      if (entry.type === 'member.left') break;
    }
    // What comes after this answer would have come before it.
    await bobAt.send(roomId, 'not a member').catch(() => undefined);
    expect(bobHears.size).toBe(0);
    await Promise.all([annAt.disconnect(), bobAt.disconnect()]);
  });

  it('a room one is added to at the other node shows up in the list of rooms', async () => {
    const { one, two, ann, bob, annAt, bobAt } = await meet();
    const roomId = await createRoom(one, ann, [bob]);
    await until(async () => {
      const { rooms } = await call<{ rooms: readonly Room[] }>(two, bob, 'GET /api/rooms');
      return rooms.some((room) => room.roomId === roomId);
    });
    await Promise.all([annAt.disconnect(), bobAt.disconnect()]);
  });

  it('NATS killed: both stay up, say that they are degraded, and every message still comes; back: as before', async () => {
    const { roomId, annAt, bobAt, annHears, bobHears } = await meet();
    await nats.kill();
    for (const node of nodes) {
      await until(async () => (await readiness(node)).said === 'degraded');
      expect((await readiness(node)).status).toBe(200);
    }
    for (const n of range(0, 3)) {
      const sent = performance.now();
      await annAt.send(roomId, `without a bus ${n}`);
      const { entry } = await bobHears.next();
      expect(entry).toMatchObject({ seq: 3 + n, content: `without a bus ${n}` });
      // A round of comparing heads a second, and the statements.
      expect(performance.now() - sent).toBeLessThan(2_000);
    }
    await nats.start();
    for (const node of nodes) await until(async () => (await readiness(node)).said === 'ready');
    await Promise.all(range(0, 100).map((n) => bobAt.send(roomId, `with it again ${n}`)));
    expect(seqsOf(await annHears.take(103))).toEqual(range(3, 103));
    expect(seqsOf(await bobHears.take(100))).toEqual(range(6, 100));
    await Promise.all([annAt.disconnect(), bobAt.disconnect()]);
  });

  it('a chat service killed in a stream of messages: what it acknowledged is heard at the other, once', async () => {
    const { two, ann, roomId, annAt, bobAt, bobHears } = await meet();
    const [one] = nodes as [Node];
    let acknowledged = 0;
    const sending = Promise.allSettled(
      range(0, 2_000).map(async (n) => {
        await annAt.send(roomId, `${n}`, { clientMessageId: `id-${n}` });
        acknowledged += 1;
        if (acknowledged === 300) await one.chat.end('SIGKILL');
      }),
    );
    await annAt.ended;
    await sending;
    // Whoever's client sends again what was not acknowledged does so at whatever node.
    const again = await StompClient.connect(two.chatUrl, ann.token);
    await Promise.all(range(0, 2_000).map((n) => again.send(roomId, `${n}`, { clientMessageId: `id-${n}` })));
    const heard = await bobHears.take(2_000);
    expect(seqsOf(heard)).toEqual(range(3, 2_000));
    const contents = heard.map(({ entry }) =>
      entry.type === 'message.created' ? entry.content : entry.type,
    );
    expect(contents).toEqual(range(0, 2_000).map(String));
    await Promise.all([again.disconnect(), bobAt.disconnect()]);
    expect(bobHears.size).toBe(0);
    one.chat = one.startChat();
    await one.chat.ready();
  });

  it('one gateway before both: they share its WebSockets, and one that ends is missed by nobody who comes later', async () => {
    const [one, two] = nodes as [Node, Node];
    const ann = await signUp(shared, 'Ann');
    const roomId = await createRoom(shared, ann);
    const clients: StompClient[] = [];
    const share = () => Promise.all([one, two].map(sessionsOf));
    // The gateway may have yet to see that the one of the test before is back; the next ones go there then.
    await until(async () => {
      clients.push(await StompClient.connect(shared.chatUrl, ann.token));
      const [atOne = 0, atTwo = 0] = await share();
      return clients.length >= 10 && atOne === atTwo;
    });
    expect(await share()).toEqual([clients.length / 2, clients.length / 2]);
    await one.chat.end('SIGTERM');
    const ended = await Promise.race(clients.map((client) => client.ended));
    expect(ended.code).toBe(1012);
    await until(async () => (await ask(shared, 'GET /api/me', { token: ann.token })).status === 200);
    for (let n = 0; n < 20; n += 1) {
      expect((await ask(shared, 'GET /api/me', { token: ann.token })).status).toBe(200);
    }
    const again = await StompClient.connect(shared.chatUrl, ann.token);
    await again.send(roomId, 'still here');
    await Promise.all([...clients, again].map((client) => client.disconnect()));
    one.chat = one.startChat();
    await one.chat.ready();
  });

  it('PostgreSQL killed and started again: whoever is connected stays so, and goes on', {
    timeout: 90_000,
  }, async () => {
    const { roomId, annAt, bobAt, bobHears } = await meet();
    await postgres.kill();
    for (const node of nodes) await until(async () => (await readiness(node)).status === 503);
    await postgres.start();
    for (const node of nodes) await until(async () => (await readiness(node)).status === 200);
    await annAt.send(roomId, 'after');
    expect((await bobHears.next()).entry).toMatchObject({ seq: 3, content: 'after' });
    await Promise.all([annAt.disconnect(), bobAt.disconnect()]);
  });
});
