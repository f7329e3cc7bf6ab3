// Several services behind one route: who is away gets nothing, the rest share what comes.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { RemoteUpstream } from '../../src/gateway/remote-upstream.ts';
import { UpstreamGroup } from '../../src/gateway/upstream-group.ts';
import { Counts } from '../../src/telemetry/counts.ts';
import { type Door, LogText, openDoor } from './door.ts';
import { REMOTE_LIMITS } from './service.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step();
});

/** A service that answers with its name, counts its WebSockets, and can end and come back on its port. */
class NamedService {
  readonly name: string;
  port = 0;
  requests = 0;
  sessions = new Set<WebSocket>();
  #server: Server | undefined;

  constructor(name: string) {
    this.name = name;
  }

  async start(): Promise<void> {
    const sockets = new WebSocketServer({ noServer: true });
    const server = createServer((_, res) => {
      this.requests += 1;
      res.end(this.name);
    });
    server.on('upgrade', (req, socket, head) =>
      sockets.handleUpgrade(req, socket, head, (session) => this.sessions.add(session)),
    );
    server.listen(this.port, '127.0.0.1');
    await once(server, 'listening');
    this.port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    for (const session of this.sessions) session.terminate();
    this.sessions.clear();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  }
}

async function openThree(checkMs: number) {
  const services = ['one', 'two', 'three'].map((name) => new NamedService(name));
  for (const service of services) await service.start();
  const log = new LogText();
  const logger = pino({ level: 'info' }, log);
  const group = new UpstreamGroup({
    members: services.map(({ port }) => {
      const target = { host: '127.0.0.1', port };
      return {
        target,
        open: (onFailure) =>
          new RemoteUpstream({ target, limits: REMOTE_LIMITS, counts: new Counts(), log: logger, onFailure }),
      };
    }),
    checkMs,
    log: logger,
  });
  const door = await openDoor(group);
  cleanup.push(
    ...services.map((service) => () => service.stop()),
    () => group.close(),
    () => door.close(),
  );
  const [one, two, three] = services as [NamedService, NamedService, NamedService];
  return { one, two, three, services, group, door, log };
}

const get = async (door: Door) => (await fetch(`http://127.0.0.1:${door.port}/auth/page`)).text();

async function connect(door: Door): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${door.port}/chat`, {
    headers: { authorization: 'Bearer any' },
  });
  await once(socket, 'open');
  return socket;
}

/** Asks again until it is so; the test's own time is the limit. */
async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('300 WebSockets are 100 at each, also when they come at once', async () => {
  const { services, door } = await openThree(60_000);
  await Promise.all(Array.from({ length: 300 }, () => connect(door)));
  expect(services.map(({ sessions }) => sessions.size)).toEqual([100, 100, 100]);
});

test('one that came back with nothing to do gets the next ones', async () => {
  const { one, services, group, door } = await openThree(20);
  await Promise.all(Array.from({ length: 60 }, () => connect(door)));
  await one.stop();
  await until(() => group.usable === 2);
  await one.start();
  await until(() => group.usable === 3);
  await Promise.all(Array.from({ length: 15 }, () => connect(door)));
  expect(services.map(({ sessions }) => sessions.size)).toEqual([15, 20, 20]);
});

test('one that ends is out after the first who met it, or the next check; nobody meets it after that', async () => {
  const { two, group, door, log } = await openThree(20);
  await two.stop();
  await until(() => group.usable === 2);
  const answers = await Promise.all(Array.from({ length: 100 }, () => get(door)));
  expect(new Set(answers)).toEqual(new Set(['one', 'three']));
  expect(log.text.match(/an upstream is away/g)).toHaveLength(1);
  await two.start();
  await until(() => group.usable === 3);
  expect(log.text.match(/an upstream is back/g)).toHaveLength(1);
});

test('without a check in time a single request meets it', async () => {
  const { two, group, door } = await openThree(60_000);
  await two.stop();
  const statuses: number[] = [];
  while (group.usable === 3) {
    statuses.push(
      (await fetch(`http://127.0.0.1:${door.port}/auth/page`, { method: 'POST', body: 'x' })).status,
    );
  }
  expect(statuses.filter((status) => status === 502)).toHaveLength(1);
  const after = await Promise.all(Array.from({ length: 50 }, () => get(door)));
  expect(new Set(after)).toEqual(new Set(['one', 'three']));
});

test('all away: each request is tried and told so; the first that is back serves all', async () => {
  const { one, services, group, door } = await openThree(20);
  await Promise.all(services.map((service) => service.stop()));
  await until(() => group.usable === 0);
  expect((await fetch(`http://127.0.0.1:${door.port}/auth/page`)).status).toBe(502);
  await one.start();
  await until(() => group.usable === 1);
  expect(await get(door)).toBe('one');
});
