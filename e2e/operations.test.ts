// What an operator sees of the processes: health, readiness and metrics, on ports of their own; and the door when it is full.
import { once } from 'node:events';
import { connect } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { createRoom, type Person, signUp } from './people.ts';
import { RawStomp, refusalOf } from './raw-stomp.ts';
import { StompClient } from './stomp-client.ts';
import { describeTopologies, type Maru, type Role } from './topology.ts';

const ROLES: readonly Role[] = ['gateway', 'chat', 'identity', 'web'];

async function metricsOf(maru: Maru, role: Role): Promise<string> {
  return (await fetch(`${maru.operationsUrl(role)}/metrics`)).text();
}

/** The value of a series; 0 where there is none. */
async function metricOf(maru: Maru, role: Role, series: string): Promise<number> {
  const lines = (await metricsOf(maru, role)).split('\n');
  return Number(lines.find((line) => line.startsWith(`${series} `))?.slice(series.length) ?? 0);
}

async function readinessOf(maru: Maru, role: Role) {
  const response = await fetch(`${maru.operationsUrl(role)}/readyz`);
  return { status: response.status, ...((await response.json()) as { checks: object }) };
}

describeTopologies((maru) => {
  let ann: Person;
  beforeAll(async () => {
    ann = await signUp(maru, 'Ann');
  });

  it.each(ROLES)('the process of the %s lives, is ready and shows its metrics', async (role) => {
    expect((await fetch(`${maru.operationsUrl(role)}/healthz`)).status).toBe(200);
    // A gateway of its own watches over those behind it.
    const apart = { chat: { store: 'ok' }, gateway: { chat: 'ok', identity: 'ok' }, identity: {}, web: {} };
    const checks = maru.topology === 'together' ? { store: 'ok' } : apart[role];
    // All start at once: it may have begun before those behind it, and ask again in a second.
    await expect
      .poll(() => readinessOf(maru, role), { timeout: 10_000 })
      .toEqual({ status: 'ready', checks });
    const metrics = await metricsOf(maru, role);
    expect(metrics).toMatch(/^process_cpu_seconds_total \d/m);
    expect(/^maru_subscriptions \d/m.test(metrics)).toBe('store' in checks);
  });

  it('TR07 no port that is for clients says more than that it lives', async () => {
    const ports = ROLES.filter((role) => role !== 'chat' || maru.topology !== 'apart by a Unix socket');
    for (const role of ports) {
      for (const path of ['/metrics', '/readyz']) {
        const response = await fetch(`http://127.0.0.1:${maru.ports[role]}${path}`);
        expect([role, path, response.status]).toEqual([role, path, 404]);
        expect(await response.text()).not.toMatch(/maru_|"checks"/);
      }
    }
    const health = await fetch(`${maru.url}/healthz`);
    expect([health.status, await health.json()]).toEqual([200, { status: 'ok' }]);
  });

  it('what people do is counted', async () => {
    const roomId = await createRoom(maru, ann);
    const names = ['maru_frames_received_total', 'maru_messages_delivered_total'];
    const before = await Promise.all(names.map((name) => metricOf(maru, 'chat', name)));
    const client = await StompClient.connect(maru.chatUrl, ann.token);
    await client.subscribe(roomId);
    for (const content of ['one', 'two']) await client.send(roomId, content);
    expect(await metricOf(maru, 'chat', 'maru_sessions{state="connected"}')).toBe(1);
    expect(await metricOf(maru, 'chat', 'maru_subscriptions')).toBe(1);
    await client.disconnect();
    const after = await Promise.all(names.map((name) => metricOf(maru, 'chat', name)));
    // CONNECT, SUBSCRIBE, two SENDs, DISCONNECT.
    expect(after.map((value, index) => value - (before[index] ?? 0))).toEqual([5, 2]);
    expect(await metricOf(maru, 'chat', 'maru_session_closes_total{code="1000"}')).toBeGreaterThan(0);
  });

  it('a refusal is counted where it happens, once', async () => {
    const refused = 'maru_refusals_total{code="token-missing"}';
    const before = await metricOf(maru, 'gateway', refused);
    expect((await refusalOf(maru.chatUrl, {})).status).toBe(401);
    expect(await metricOf(maru, 'gateway', refused)).toBe(before + 1);
    const denied = 'maru_refusals_total{code="not-found"}';
    const beforeApi = await metricOf(maru, 'chat', denied);
    const headers = { authorization: `Bearer ${ann.token}` };
    expect((await fetch(`${maru.url}/api/nothing`, { headers })).status).toBe(404);
    expect(await metricOf(maru, 'chat', denied)).toBe(beforeApi + 1);
  });

  it('it is not ready any more from the moment it is told to end, while it still lives', async () => {
    // Nobody answers the Close here, so the end takes its time.
    const deaf = connect(maru.ports.gateway, '127.0.0.1');
    deaf.write(
      [
        'GET /chat HTTP/1.1',
        'Host: maru',
        'Upgrade: websocket',
        'Connection: Upgrade',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
        `Authorization: Bearer ${ann.token}`,
        '\r\n',
      ].join('\r\n'),
    );
    await once(deaf, 'data');
    const ended = maru.end('chat', 'SIGTERM');
    await once(deaf, 'data');
    expect(await readinessOf(maru, 'chat')).toMatchObject({ status: 'draining' });
    expect((await fetch(`${maru.operationsUrl('chat')}/readyz`)).status).toBe(503);
    expect((await fetch(`${maru.operationsUrl('chat')}/healthz`)).status).toBe(200);
    expect(await ended).toEqual({ code: 0, signal: null });
    deaf.destroy();
    await maru.restart();
    expect(await readinessOf(maru, 'chat')).toMatchObject({ status: 'ready' });
  });
});

describe('a full house', () => {
  describeTopologies(
    (maru) => {
      let ann: Person;
      beforeAll(async () => {
        ann = await signUp(maru, 'Ann');
      });

      it('tells a program by a status and a page by a close code when to come back, through the gateway too', async () => {
        const inside = [
          await RawStomp.connect(maru.chatUrl, ann.token),
          await RawStomp.connect(maru.chatUrl, ann.token),
        ];
        const headers = { authorization: `Bearer ${ann.token}` };
        const refusal = await refusalOf(maru.chatUrl, { headers });
        expect([refusal.status, refusal.headers['retry-after']]).toEqual([
          503,
          expect.stringMatching(/^[1-5]$/),
        ]);
        expect(JSON.parse(refusal.body)).toMatchObject({ code: 'overloaded' });
        const page = await RawStomp.open(maru.chatUrl, { headers: { ...headers, origin: maru.pageUrl } });
        expect(await page.came.next()).toMatchObject({
          command: 'close',
          code: 1013,
          reason: expect.stringMatching(/^retry-after=\d+$/),
        });
        expect(await metricOf(maru, 'chat', 'maru_refusals_total{code="overloaded"}')).toBe(2);
        for (const client of inside) client.drop();
      });
    },
    { 'chat.sessions': 2 },
  );
});
