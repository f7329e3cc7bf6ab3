// A gateway of its own before services of their own: what it says of them to whoever watches over it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../../../../e2e/free-port.ts';
import { createMaru, type GivenSettings, type Role } from '../../src/index.ts';
import { LogText } from './door.ts';

const cleanup: (() => unknown)[] = [];
afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step();
});

async function start(roles: readonly Role[], settings: GivenSettings) {
  const log = new LogText();
  const maru = createMaru({ settings: { ...settings, operations: { port: 0 } }, roles, log: pino(log) });
  cleanup.push(() => maru.close());
  const listening = await maru.start();
  const url = `http://127.0.0.1:${listening.operations?.port}`;
  return {
    log,
    maru,
    ready: async () => {
      const answer = await fetch(`${url}/readyz`);
      return [answer.status, await answer.json()];
    },
    metrics: async () => (await fetch(`${url}/metrics`)).text(),
  };
}

test('a gateway is ready while a chat service is, and says in a sentence why it isn’t', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'maru-apart-'));
  cleanup.push(() => rm(folder, { recursive: true }));
  const [chat = 0, nobody = 0, identity = 0, gateway = 0] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const settings: GivenSettings = {
    dataDir: join(folder, 'data'),
    chat: { port: chat },
    identity: { port: identity },
    gateway: {
      port: gateway,
      chatUpstream: `http://127.0.0.1:${chat}, http://127.0.0.1:${nobody}`,
      upstreamCheckMs: 20,
    },
  };
  const services = await start(['chat', 'identity'], settings);
  const door = await start(['gateway'], settings);
  await door.log.until(/is unhealthy/);
  expect(await door.ready()).toEqual([200, { status: 'ready', checks: { chat: 'ok', identity: 'ok' } }]);
  expect(await door.metrics()).toContain('maru_upstream_members{upstream="chat",state="healthy"} 1');
  expect(await (await fetch(`http://127.0.0.1:${chat}/healthz`)).json()).toEqual({ status: 'ok' });

  await services.maru.close();
  await door.log.until(/is unhealthy/, 3);
  expect(await door.ready()).toEqual([
    503,
    {
      status: 'failed',
      checks: {
        chat: `no chat service can be had: http://127.0.0.1:${chat} is unhealthy, http://127.0.0.1:${nobody} is unhealthy`,
        identity: `no identity service can be had: http://127.0.0.1:${identity} is unhealthy`,
      },
    },
  ]);
});
