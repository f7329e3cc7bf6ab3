// The end of a gateway of its own as its clients see it: told by the service behind it when to come back, in waves.
import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Room } from '@maru/contract';
import { pino } from 'pino';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { freePorts } from '../../../../e2e/free-port.ts';
import { UpstreamGroup } from '../../src/gateway/upstream-group.ts';
import { createMaru, type GivenSettings, type Role } from '../../src/index.ts';
import { Counts } from '../../src/telemetry/counts.ts';
import { createSigningKey, openTestIssuer } from '../identity/test-issuer.ts';
import { type Close, RawClient } from '../session/raw-client.ts';
import { HANDSHAKE, LogText, openDoor, PAGE, rawRequest, sendRaw } from './door.ts';
import { NamedService } from './named-service.ts';
import { REMOTE_LIMITS } from './service.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step();
});

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

/** The most of these moments that lie within so many milliseconds of each other. */
function mostWithin(moments: readonly number[], ms: number): number {
  return Math.max(...moments.map((from) => moments.filter((at) => at >= from && at < from + ms).length));
}

async function start(roles: readonly Role[], settings: GivenSettings) {
  const log = new LogText();
  const maru = createMaru({ settings: { ...settings, operations: { port: 0 } }, roles, log: pino(log) });
  cleanup.push(() => maru.close());
  const { operations } = await maru.start();
  return { log, end: () => maru.close(), operationsUrl: `http://127.0.0.1:${operations?.port}` };
}

/** A chat service and two gateways before it, each in a Maru of its own; whoever bears a token of another issuer gets in. */
async function openApart(drainPerSecond: number) {
  const folder = await mkdtemp(join(tmpdir(), 'maru-drain-'));
  cleanup.push(() => rm(folder, { recursive: true }));
  const key = await createSigningKey('k1');
  const issuer = await openTestIssuer('https://idp.example.com', [key]);
  cleanup.push(() => issuer.close());
  const [chat = 0, one = 0, two = 0, nobody = 0] = await freePorts(4);
  const settings: GivenSettings = {
    dataDir: join(folder, 'data'),
    chat: { port: chat, drainPerSecond },
    tokens: { issuers: [{ issuer: issuer.issuer, jwksUrl: issuer.jwksUrl, audience: issuer.audience }] },
  };
  const upstreams = {
    chatUpstream: `http://127.0.0.1:${chat}`,
    identityUpstream: `http://127.0.0.1:${nobody}`,
  };
  await start(['chat'], settings);
  const gateway = async (port: number) => ({
    port,
    ...(await start(['gateway'], { ...settings, gateway: { port, ...upstreams } })),
  });
  const connect = async (port: number, name: string) => {
    const token = await issuer.sign(key, { sub: name, name });
    const client = await RawClient.open(`ws://127.0.0.1:${port}/chat`, {
      headers: { Authorization: `Bearer ${token}` },
    });
    cleanup.push(() => client.terminate());
    await client.connect(token);
    return Object.assign(client, { token });
  };
  return { chat, one: await gateway(one), two: await gateway(two), connect };
}

/** How and when each ended, from now on. */
function endsOf(clients: readonly RawClient[]): Promise<(Close & { readonly at: number })[]> {
  const began = performance.now();
  return Promise.all(
    clients.map(async ({ closed }) => ({ ...(await closed), at: performance.now() - began })),
  );
}

describe('a gateway that ends', () => {
  test('has 200 clients sent away at 400 a second, with 1012 and when to come back; those of others stay', async () => {
    const { chat, one, two, connect } = await openApart(400);
    const theirs = await Promise.all(range(200).map((n) => connect(one.port, `p${n}`)));
    const others = [await connect(two.port, 'other'), await connect(chat, 'direct')];
    const ends = endsOf(theirs);
    await one.end();
    const closes = await ends;
    expect(new Set(closes.map(({ code }) => code))).toEqual(new Set([1012]));
    for (const { reason } of closes) expect(reason).toMatch(/^retry-after=\d+$/);
    const moments = closes.map(({ at }) => at);
    expect(Math.max(...moments)).toBeGreaterThan(250);
    expect(mostWithin(moments, 100)).toBeLessThan(150);
    for (const client of others) await client.settled();
  });

  test('has what was begun answered before the Close: every message that is stored has its RECEIPT', async () => {
    const { one, two, connect } = await openApart(2_000);
    const ann = await connect(one.port, 'ann');
    const calling = { authorization: `Bearer ${ann.token}`, 'content-type': 'application/json' };
    const made = await fetch(`http://127.0.0.1:${two.port}/api/rooms`, {
      method: 'POST',
      headers: calling,
      body: JSON.stringify({ name: 'Room', visibility: 'public' }),
    });
    const { roomId } = (await made.json()) as Room;
    for (const n of range(150)) ann.say(roomId, `${n}`, `r${n}`);
    await ann.receipt('r0');
    await one.end();
    expect((await ann.closed).code).toBe(1012);
    const history = await fetch(`http://127.0.0.1:${two.port}/api/rooms/${roomId}/messages?limit=200`, {
      headers: calling,
    });
    const { messages } = (await history.json()) as { messages: { content: string }[] };
    const receipted = ['r0', ...ann.frames.map(({ headers }) => headers.get('receipt-id'))];
    expect(receipted).toEqual(messages.map(({ content }) => `r${content}`));
  });

  test('is red first; meanwhile requests are answered, and upgrades told to come back', async () => {
    const { one, connect } = await openApart(20);
    const clients = await Promise.all(range(30).map((n) => connect(one.port, `p${n}`)));
    const ended = one.end();
    await Promise.race(clients.map(({ closed }) => closed));
    expect((await fetch(`${one.operationsUrl}/readyz`)).status).toBe(503);
    const url = `http://127.0.0.1:${one.port}`;
    expect((await fetch(`${url}/healthz`)).status).toBe(503);
    const docs = await fetch(`${url}/api/openapi.json`);
    expect([docs.status, docs.headers.get('connection')]).toEqual([200, 'close']);
    const refused = await sendRaw(one, rawRequest('GET /chat HTTP/1.1', HANDSHAKE));
    expect(refused).toMatch(/^HTTP\/1\.1 503[\s\S]*Retry-After: \d+\r\n[\s\S]*"going-away"/);
    const page = new WebSocket(`${url}/chat`, ['v12.stomp', 'bearer.x'], { origin: PAGE });
    const [code, reason] = await new Promise<[number, Buffer]>((resolve) =>
      page.once('close', (...close) => resolve(close)),
    );
    expect([code, String(reason)]).toEqual([1013, expect.stringMatching(/^retry-after=\d+$/)]);
    await ended;
  });
});

describe('a chat service', () => {
  /** The answer to a question to send somebody away. */
  function leave(port: number, method: string, path: string, headers: Record<string, string>) {
    return new Promise<number | undefined>((resolve, reject) => {
      request({ port, host: '127.0.0.1', method, path, headers }, (res) =>
        res.resume().once('end', () => resolve(res.statusCode)),
      )
        .once('error', reject)
        .end();
    });
  }

  test('sends nobody away for a gateway that nobody came through, or for a question that is none', async () => {
    const { chat, one, connect } = await openApart(400);
    const client = await connect(one.port, 'ann');
    const id = { 'X-Gateway-Id': '00000000-0000-4000-8000-000000000000' };
    expect(await leave(chat, 'DELETE', '/sessions?perSecond=9', id)).toBe(204);
    expect(await leave(chat, 'GET', '/sessions?perSecond=9', id)).toBe(400);
    expect(await leave(chat, 'DELETE', '/sessions?perSecond=9', {})).toBe(400);
    for (const rate of ['', '?perSecond=0', '?perSecond=-1', '?perSecond=x', '?perSecond=Infinity']) {
      expect(await leave(chat, 'DELETE', `/sessions${rate}`, id)).toBe(400);
    }
    // Nor is there a way from outside.
    expect(await leave(one.port, 'DELETE', '/sessions?perSecond=9', id)).toBe(404);
    await client.settled();
  });
});

test('a service that knows nothing of gateways that end: its tunnels are cut, in waves', async () => {
  const service = new NamedService('one');
  await service.start();
  cleanup.push(() => service.stop());
  const log = new LogText();
  const group = new UpstreamGroup({
    name: 'chat',
    addresses: service.address,
    lookup: () => Promise.reject(new Error('no names here')),
    resolveMs: 60_000,
    limits: REMOTE_LIMITS,
    check: { everyMs: 0, path: '/healthz' },
    counts: new Counts(),
    log: pino(log),
  });
  await group.open();
  const door = await openDoor(group);
  cleanup.push(
    () => group.close(),
    () => door.close(),
  );
  const clients = await Promise.all(
    range(100).map(() =>
      RawClient.open(`ws://127.0.0.1:${door.port}/chat`, {
        // What a client calls itself by is not what the service hears.
        headers: { Authorization: 'Bearer x', 'X-Gateway-Id': 'mine' },
      }),
    ),
  );
  expect(service.gatewayIds.size).toBe(1);
  expect(service.gatewayIds.has('mine')).toBe(false);
  const ends = endsOf(clients);
  await group.drain(200);
  const closes = await ends;
  expect(new Set(closes.map(({ code }) => code))).toEqual(new Set([1006]));
  expect(
    mostWithin(
      closes.map(({ at }) => at),
      100,
    ),
  ).toBeLessThan(75);
  expect(log.text).toContain('it answered 200');
});
