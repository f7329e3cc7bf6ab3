// Several services behind one route: who can't be had gets nothing, the rest share what comes, nothing is done twice.
import { once } from 'node:events';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { UpstreamGroup, type UpstreamGroupOptions } from '../../src/gateway/upstream-group.ts';
import { Counts } from '../../src/telemetry/counts.ts';
import { ask, type Door, HANDSHAKE, LogText, openDoor, PAGE, rawRequest, sendRaw } from './door.ts';
import { NamedService } from './named-service.ts';
import { REMOTE_LIMITS } from './service.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step();
});

type Options = Partial<Omit<UpstreamGroupOptions, 'limits'>> & {
  checkMs?: number;
  limits?: Partial<UpstreamGroupOptions['limits']>;
};

async function openGroup(services: readonly NamedService[], options: Options = {}) {
  const { checkMs = 0, limits, ...rest } = options;
  for (const service of services) {
    await service.start();
    cleanup.push(() => service.stop());
  }
  const log = new LogText();
  const group = new UpstreamGroup({
    name: 'chat',
    addresses: services.map(({ address }) => address).join(', '),
    lookup: () => Promise.reject(new Error('no names here')),
    resolveMs: 60_000,
    check: { everyMs: checkMs, path: '/healthz' },
    counts: new Counts(),
    log: pino({ level: 'info' }, log),
    ...rest,
    limits: { ...REMOTE_LIMITS, ...limits },
  });
  await group.open();
  const door = await openDoor(group);
  cleanup.push(
    () => group.close(),
    () => door.close(),
  );
  return { group, door, log };
}

async function openThree(options: Options = {}) {
  const services = ['one', 'two', 'three'].map((name) => new NamedService(name));
  const [one, two, three] = services as [NamedService, NamedService, NamedService];
  return { one, two, three, services, ...(await openGroup(services, options)) };
}

const get = async (door: Door) => (await ask(door, { path: '/auth/x' })).text;

async function connect(door: Door): Promise<WebSocket> {
  const session = new WebSocket(`ws://127.0.0.1:${door.port}/chat`, {
    headers: { authorization: 'Bearer any' },
  });
  await once(session, 'open');
  return session;
}

const connectMany = (door: Door, count: number) =>
  Promise.all(Array.from({ length: count }, () => connect(door)));

const sizes = (services: readonly NamedService[]) => services.map(({ sessions }) => sessions.size);

test('300 WebSockets are 100 at each, also when they come at once', async () => {
  const { services, door } = await openThree();
  await connectMany(door, 300);
  expect(sizes(services)).toEqual([100, 100, 100]);
});

test('requests go where the fewest are under way', async () => {
  const { one, two, three, services, door } = await openThree({ limits: { responseTimeoutMs: 5_000 } });
  for (const service of services) service.manners = 'holds';
  const held = services.map(() => get(door));
  while (services.some(({ seen }) => seen.length === 0)) await new Promise(setImmediate);
  two.answerHeld();
  two.manners = 'answers';
  expect(await Promise.race(held)).toBe('two');
  for (let n = 0; n < 10; n += 1) expect(await get(door)).toBe('two');
  for (const service of [one, three]) service.answerHeld();
  expect((await Promise.all(held)).sort()).toEqual(['one', 'three', 'two']);
});

describe('one of three that is killed', () => {
  test('is missed by nobody who comes later: reads, writes and WebSockets go to the others', async () => {
    const { two, door, log } = await openThree();
    await two.stop();
    const reads = await Promise.all(Array.from({ length: 60 }, () => get(door)));
    const writes = await Promise.all(
      Array.from({ length: 60 }, (_, n) => ask(door, { method: 'POST', path: '/auth/x', body: `body ${n}` })),
    );
    await connectMany(door, 60);
    expect(new Set([...reads, ...writes.map(({ text }) => text)])).toEqual(new Set(['one', 'three']));
    expect(log.text).not.toMatch(/"upstream failed"/);
    expect(log.text.match(/an address of an upstream is ejected/g)).toHaveLength(1);
    expect(log.text).toMatch(/"state":"ejected","why":"connect ECONNREFUSED/);
  });

  test('gets nothing while checks fail, and its share when it is back', async () => {
    const { one, two, services, door, log } = await openThree({ checkMs: 10 });
    await connectMany(door, 60);
    await two.stop();
    await log.until(/is unhealthy/);
    await connectMany(door, 10);
    expect(one.sessions.size).toBe(25);
    await two.start();
    await log.until(/is healthy/);
    await connectMany(door, 25);
    expect(sizes(services)).toEqual([25, 25, 25]);
    // A line for each change, however many requests and checks there were.
    expect(log.text.match(/an address of an upstream is/g)).toHaveLength(2);
  });

  test('keeps those at the others', async () => {
    const { one, two, three, door } = await openThree();
    const sessions = await connectMany(door, 3);
    const closed = Promise.race(sessions.map((session) => once(session, 'close').then(() => session)));
    await two.stop();
    const lost = await closed;
    for (const session of sessions.filter((each) => each !== lost)) {
      session.send('hello');
      const [answer] = await once(session, 'message');
      expect([`${one.name}: hello`, `${three.name}: hello`]).toContain(String(answer));
    }
  });
});

describe('a request that was sent to a service that breaks', () => {
  /** The next request goes to the first of the two: the other has one under way. */
  async function openTwo(limits: Options['limits'] = {}) {
    const services = ['bad', 'good'].map((name) => new NamedService(name));
    const [bad, good] = services as [NamedService, NamedService];
    const opened = await openGroup(services, { limits: { responseTimeoutMs: 5_000, ...limits } });
    for (const service of services) service.manners = 'holds';
    const both = [get(opened.door), get(opened.door)];
    while (bad.seen.length + good.seen.length < 2) await new Promise(setImmediate);
    bad.answerHeld();
    await Promise.race(both);
    good.manners = 'answers';
    for (const { seen } of services) seen.splice(0);
    const end = async () => {
      good.answerHeld();
      await Promise.all(both);
    };
    return { ...opened, bad, good, end };
  }

  test.each(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])('is repeated at another: %s', async (method) => {
    const { bad, good, door, end } = await openTwo();
    bad.manners = 'breaks';
    expect((await ask(door, { method, path: '/auth/x' })).status).toBe(200);
    expect([bad.seen, good.seen]).toEqual([[method], [method]]);
    await end();
  });

  test.each([
    ['POST', 'a body'],
    ['POST', ''],
    ['PATCH', 'a body'],
    ['PUT', 'a body'],
  ])('is done once at most: %s with "%s"', async (method, body) => {
    const { bad, good, door, end } = await openTwo();
    bad.manners = 'breaks';
    const answer = await ask(door, { method, path: '/auth/x', body, headers: { Origin: PAGE } });
    expect(answer.json()).toMatchObject({ statusCode: 502, code: 'upstream-unavailable' });
    expect([bad.seen, good.seen]).toEqual([[`${method} ${body}`.trim()], []]);
    await end();
  });

  test('is not repeated when its answer had begun: the client sees it break', async () => {
    const { bad, good, door, end } = await openTwo();
    bad.manners = 'breaks-in-answer';
    await expect(get(door)).rejects.toThrow('aborted');
    expect(good.seen).toEqual([]);
    await end();
  });

  test('is not repeated when it had all its time: 504', async () => {
    const { bad, good, door, end } = await openTwo({ responseTimeoutMs: 1_100 });
    bad.manners = 'holds';
    expect((await ask(door, { path: '/auth/x' })).status).toBe(504);
    expect(good.seen).toEqual([]);
    await end().catch(() => undefined);
  });
});

describe('an upgrade', () => {
  test('that a service breaks or declines goes to one that takes it', async () => {
    const { one, two, three, door } = await openThree();
    one.manners = 'breaks';
    two.manners = 'declines';
    await connectMany(door, 30);
    expect(three.sessions.size).toBe(30);
  });

  test('that all decline gets the last one’s own answer', async () => {
    const { services, door } = await openThree();
    for (const service of services) service.manners = 'declines';
    expect(await sendRaw(door, rawRequest('GET /chat HTTP/1.1', HANDSHAKE))).toMatch(
      /^HTTP\/1\.1 503[\s\S]*Retry-After: 7\r\n/,
    );
  });

  test('is refused when all have as many as they may: 503, and 1013 for a page', async () => {
    const { services, door } = await openThree({ limits: { maxTunnels: 2 } });
    await connectMany(door, 6);
    expect(sizes(services)).toEqual([2, 2, 2]);
    expect(await sendRaw(door, rawRequest('GET /chat HTTP/1.1', HANDSHAKE))).toMatch(
      /^HTTP\/1\.1 503[\s\S]*"overloaded"/,
    );
    const page = new WebSocket(`ws://127.0.0.1:${door.port}/chat`, ['v12.stomp', 'bearer.x'], {
      origin: PAGE,
    });
    const [code, reason] = await once(page, 'close');
    expect([code, String(reason)]).toEqual([1013, 'retry-after=2500']);
  });
});

test('services that refuse upgrades and say when to come back are there: none is left out for it', async () => {
  const { services, group, door, log } = await openThree();
  for (const service of services) service.manners = 'declines';
  for (let n = 0; n < 20; n += 1) {
    expect(await sendRaw(door, rawRequest('GET /chat HTTP/1.1', HANDSHAKE))).toMatch(/^HTTP\/1\.1 503/);
  }
  expect(group.countStates().healthy).toBe(3);
  for (const service of services) service.manners = 'answers';
  await connectMany(door, 6);
  expect(sizes(services)).toEqual([2, 2, 2]);
  expect(log.text).not.toContain('is ejected');
});

test('a service that answers 502 three times gets nothing for a while; the last one left always gets all', async () => {
  const { one, two, three, group, door, log } = await openThree();
  for (const service of [one, two, three]) service.manners = 'declines';
  while (group.countStates().ejected < 2) expect((await ask(door, { path: '/auth/x' })).status).toBe(502);
  for (let n = 0; n < 10; n += 1) await get(door);
  expect(group.countStates()).toEqual({ healthy: 1, ejected: 2, unhealthy: 0, leaving: 0 });
  expect(log.text.match(/is ejected/g)).toHaveLength(2);
  const last = group.members.find(({ state }) => state === 'healthy');
  const seen = [one, two, three].find(({ address }) => address === last?.name)?.seen.length ?? 0;
  await get(door);
  expect([one, two, three].find(({ address }) => address === last?.name)?.seen).toHaveLength(seen + 1);
});

test('a service that hangs takes connections and answers nothing: checks find it', async () => {
  const { one, door, log } = await openThree({ checkMs: 10, limits: { connectTimeoutMs: 100 } });
  one.manners = 'holds';
  await log.until(/no answer within 100 ms.*is unhealthy/);
  const answers = await Promise.all(Array.from({ length: 20 }, () => get(door)));
  expect(new Set(answers)).toEqual(new Set(['two', 'three']));
  one.manners = 'answers';
  await log.until(/is healthy/);
});

test('all away: each is asked and the client told so, readiness says it; the first that is back serves all', async () => {
  const { one, services, group, door, log } = await openThree({ checkMs: 10 });
  await expect(group.requireHealthy()).resolves.toBeUndefined();
  await Promise.all(services.map((service) => service.stop()));
  await log.until(/is unhealthy/, 3);
  await expect(group.requireHealthy()).rejects.toThrow(
    `no chat service can be had: ${one.address} is unhealthy`,
  );
  expect((await ask(door, { path: '/auth/x' })).status).toBe(502);
  await one.start();
  await log.until(/is healthy/);
  expect(await get(door)).toBe('one');
  await expect(group.requireHealthy()).resolves.toBeUndefined();
});

describe.skipIf(process.platform === 'darwin')('a name with several addresses', () => {
  /** Two services on one port, and a name whose addresses the test says. */
  async function openNamed() {
    const first = new NamedService('first', '127.0.0.1');
    await first.start();
    const second = new NamedService('second', '127.0.0.2', first.port);
    await first.stop();
    let addresses: string[] | Error = ['127.0.0.1', '127.0.0.2'];
    let lookedUp = () => {};
    const opened = await openGroup([first, second], {
      addresses: `http://chat.internal:${first.port}`,
      resolveMs: 10,
      lookup: async (host) => {
        expect(host).toBe('chat.internal');
        lookedUp();
        if (addresses instanceof Error) throw addresses;
        return addresses;
      },
    });
    const say = async (said: typeof addresses): Promise<void> => {
      addresses = said;
      // The second question from now on comes when the first was answered and acted on.
      for (let n = 0; n < 2; n += 1) {
        await new Promise<void>((resolve) => {
          lookedUp = resolve;
        });
      }
    };
    return { ...opened, first, second, say };
  }

  test('is as many as it has; one that goes gets nothing new and keeps what it has; one that comes joins', async () => {
    const { first, second, group, door, say } = await openNamed();
    const sessions = await connectMany(door, 10);
    expect(sizes([first, second])).toEqual([5, 5]);

    await say(['127.0.0.1']);
    await connectMany(door, 4);
    expect(sizes([first, second])).toEqual([9, 5]);
    expect(group.countStates()).toEqual({ healthy: 1, ejected: 0, unhealthy: 0, leaving: 1 });
    const answers = await Promise.all(
      sessions.map(async (session) => {
        session.send('x');
        return String((await once(session, 'message'))[0]);
      }),
    );
    expect(answers.filter((answer) => answer === 'second: x')).toHaveLength(5);

    await say(['127.0.0.1', '127.0.0.2']);
    await connectMany(door, 4);
    expect(sizes([first, second])).toEqual([9, 9]);
    await say(['127.0.0.1']);
    for (const session of second.sessions) session.close();
    while (group.members.length > 1) await new Promise(setImmediate);
    expect(group.members.map(({ name }) => name)).toEqual([first.address]);
  });

  test('keeps its addresses while nobody can look it up', async () => {
    const { door, log, say } = await openNamed();
    await say(new Error('queryA ETIMEOUT'));
    await connectMany(door, 2);
    await say(['127.0.0.1', '127.0.0.2']);
    await log.until(/is looked up again/);
    expect(log.text.match(/ETIMEOUT/g)).toHaveLength(1);
  });
});

test('a name without an address is 502, and serves when it has one', async () => {
  const service = new NamedService('late');
  await service.start();
  let addresses: string[] = [];
  const { group, door, log } = await openGroup([], {
    addresses: `http://chat.internal:${service.port}`,
    resolveMs: 10,
    lookup: async () => addresses,
  });
  cleanup.push(() => service.stop());
  expect((await ask(door, { path: '/auth/x' })).status).toBe(502);
  await expect(group.requireHealthy()).rejects.toThrow('its name has no address');
  addresses = ['127.0.0.1'];
  await log.until(/is looked up again/);
  expect(await get(door)).toBe('late');
});
