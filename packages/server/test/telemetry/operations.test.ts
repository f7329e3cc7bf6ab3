// The operations listener over real HTTP: health, readiness with its states, metrics.
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Metrics } from '../../src/telemetry/metrics.ts';
import { createOperations } from '../../src/telemetry/operations.ts';
import { Readiness } from '../../src/telemetry/readiness.ts';

let readiness: Readiness;
let metrics: Metrics;
let server: ReturnType<typeof createOperations>;
let url: string;

beforeEach(async () => {
  readiness = new Readiness();
  metrics = new Metrics();
  server = createOperations({ metrics, readiness }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

const readyz = async () => {
  const response = await fetch(`${url}/readyz`);
  return [response.status, await response.json()];
};

test('it lives from the first moment, and is ready when all has been opened, until it ends', async () => {
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
  expect(await readyz()).toEqual([503, { status: 'starting', checks: {} }]);
  readiness.ready();
  expect(await readyz()).toEqual([200, { status: 'ready', checks: {} }]);
  readiness.drain();
  expect(await readyz()).toEqual([503, { status: 'draining', checks: {} }]);
  expect((await fetch(`${url}/healthz`)).status).toBe(200);
});

test('a check that fails says why, and only for as long as it fails', async () => {
  let problem: string | null = 'the disk is full';
  readiness.watch('store', async () => {
    if (problem !== null) throw new Error(problem);
  });
  readiness.watch('clock', async () => undefined);
  readiness.ready();
  expect(await readyz()).toEqual([
    503,
    { status: 'failed', checks: { store: 'the disk is full', clock: 'ok' } },
  ]);
  problem = null;
  expect(await readyz()).toEqual([200, { status: 'ready', checks: { store: 'ok', clock: 'ok' } }]);
});

test('a part that never answers its check fails it', async () => {
  readiness.watch('store', () => new Promise(() => undefined));
  readiness.ready();
  expect(await readyz()).toEqual([503, { status: 'failed', checks: { store: 'no answer within 2000 ms' } }]);
});

test('what has failed stays failed', async () => {
  readiness.ready();
  readiness.fail();
  readiness.drain();
  expect(await readyz()).toEqual([503, { status: 'failed', checks: {} }]);
});

test('metrics are text for Prometheus, the same as HEAD, whatever the query', async () => {
  metrics.counts.nacks = 2;
  const response = await fetch(`${url}/metrics?name=all`);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain/);
  expect(await response.text()).toContain('\nmaru_nacks_total 2\n');
  const head = await fetch(`${url}/metrics`, { method: 'HEAD' });
  expect([head.status, await head.text()]).toEqual([200, '']);
});

test.each(['/', '/metrics/', '/toString', '//metrics'])('there is nothing at %s', async (path) => {
  const response = await fetch(url + path);
  expect(response.status).toBe(404);
  expect(await response.json()).toMatchObject({ code: 'not-found' });
});

test('it is for reading alone', async () => {
  const response = await fetch(`${url}/readyz`, { method: 'POST', body: 'ready' });
  expect(response.status).toBe(405);
  expect(response.headers.get('allow')).toBe('GET, HEAD');
});
