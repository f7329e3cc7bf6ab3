// CORS is the gateway's alone: preflights, refusals, and what becomes of what an upstream says about it.
import { afterEach, describe, expect, test } from 'vitest';
import { type CorsOptions, createCors } from '../../src/gateway/cors.ts';
import { ask, type Door, openDoor, PAGE, rawRequest, sendRaw } from './door.ts';
import { openService, type Service, type ServiceOptions, UPSTREAM_KINDS } from './service.ts';

const PREFLIGHT = { Origin: PAGE, 'Access-Control-Request-Method': 'GET' };
const CORS: CorsOptions = {
  allowedOrigins: [PAGE, 'https://*.example.com', 'https://chat.example.org:8443'],
  allowedMethods: ['GET'],
  allowedHeaders: ['Authorization'],
  exposedHeaders: [],
  maxAgeSeconds: 60,
};

describe.each(UPSTREAM_KINDS)('CORS before an upstream %s', (kind) => {
  let service: Service;
  let door: Door;

  async function open(options: ServiceOptions = {}): Promise<void> {
    service = await openService(kind, options);
    door = await openDoor(service.upstream);
  }

  afterEach(async () => {
    await door.close();
    await service.close();
  });

  test('a preflight is 204 without a token and without the upstream (CO04, CO10)', async () => {
    await open();
    const headers = {
      ...PREFLIGHT,
      'Access-Control-Request-Method': 'PATCH',
      'Access-Control-Request-Headers': 'authorization, content-type,idempotency-key',
    };
    const answer = await ask(door, { method: 'OPTIONS', path: '/api/rooms', headers });
    expect([answer.status, answer.text]).toEqual([204, '']);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE, OPTIONS',
      'access-control-allow-headers': 'Authorization, Content-Type, Idempotency-Key',
      'access-control-max-age': '3600',
      vary: 'Origin',
    });
    expect(new Set(answer.cors).size).toBe(answer.cors.length);
    expect(service.seen).toEqual([]);
  });

  test.each([
    ['origin', { ...PREFLIGHT, Origin: 'http://evil.example' }],
    ['method', { ...PREFLIGHT, 'Access-Control-Request-Method': 'TRACE' }],
    ['method of another case', { ...PREFLIGHT, 'Access-Control-Request-Method': 'patch' }],
    ['header', { ...PREFLIGHT, 'Access-Control-Request-Headers': 'authorization, x-user-id' }],
  ])('a preflight whose %s is not allowed is 403 without Access-Control-* (CO07)', async (_, headers) => {
    await open();
    const answer = await ask(door, { method: 'OPTIONS', path: '/api/rooms', headers });
    expect([answer.status, answer.cors, answer.headers.vary]).toEqual([403, [], 'Origin']);
    expect(service.seen).toEqual([]);
  });

  test('an OPTIONS that is no preflight is routed (CO05)', async () => {
    await open();
    const plain = await ask(door, { method: 'OPTIONS', path: '/auth/x', headers: { Origin: PAGE } });
    expect([plain.status, service.seen.length]).toEqual([200, 1]);
    const noOrigin = { 'Access-Control-Request-Method': 'GET' };
    expect((await ask(door, { method: 'OPTIONS', path: '/auth/x', headers: noOrigin })).status).toBe(200);
    expect(service.seen.length).toBe(2);
  });

  test.each([
    ['another host', 'http://evil.example'],
    ['another scheme', 'https://127.0.0.1:5500'],
    ['another port', 'http://127.0.0.1:5501'],
    ['a longer host', 'http://127.0.0.1:5500.evil.example'],
    ['a slash', 'http://127.0.0.1:5500/'],
    ['null', 'null'],
    ['nothing', ''],
  ])('a request from %s is 403 without Access-Control-* and without the upstream', async (_, origin) => {
    await open();
    for (const path of ['/auth/x', '/healthz', '/nowhere', '/chat']) {
      const answer = await ask(door, { path, headers: { Origin: origin } });
      expect([answer.status, answer.cors, answer.headers.vary]).toEqual([403, [], 'Origin']);
      expect(answer.json()).toMatchObject({ code: 'cors-denied' });
    }
    expect(service.seen).toEqual([]);
  });

  test('two Origin headers are 403', async () => {
    await open();
    const bytes = rawRequest('GET /auth/x HTTP/1.1', {
      Host: 'x',
      Connection: 'close',
      Origin: [PAGE, PAGE],
    });
    const answer = await sendRaw(door, bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 403/);
    expect(answer).not.toMatch(/access-control/i);
  });

  test('the gateway’s own address is no origin of its own, nor does a forged host make one (OR05)', async () => {
    await open();
    const own = `http://127.0.0.1:${door.port}`;
    const forged = {
      Origin: 'http://evil.example',
      'X-Forwarded-Host': 'evil.example',
      Host: 'evil.example',
    };
    expect((await ask(door, { path: '/auth/x', headers: { Origin: own } })).status).toBe(403);
    expect((await ask(door, { path: '/auth/x', headers: forged })).status).toBe(403);
  });

  test.each([200, 204, 304, 404, 500])(
    'an upstream’s Access-Control-* is replaced on %i, once each (CO01, CO02)',
    async (status) => {
      await open({
        onRequest: (_req, res) => {
          res.setHeader('Access-Control-Allow-Origin', '*');
          res.setHeader('Access-Control-Allow-Private-Network', 'true');
          res.setHeader('Vary', 'Accept-Encoding');
          res.writeHead(status, {
            'access-control-allow-credentials': 'TRUE',
            'Access-Control-Max-Age': '1',
          });
          res.end();
        },
      });
      const answer = await ask(door, { path: '/auth/x', headers: { Origin: PAGE } });
      expect(answer.status).toBe(status);
      expect(answer.cors).toEqual([
        'access-control-allow-credentials',
        'access-control-allow-origin',
        'access-control-expose-headers',
      ]);
      expect(answer.headers).toMatchObject({
        'access-control-allow-origin': PAGE,
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': 'Retry-After, WWW-Authenticate, X-Request-Id, set-auth-token',
        vary: 'Accept-Encoding, Origin',
      });
      expect(answer.count('vary')).toBe(1);
    },
  );

  test('a head that the upstream never writes itself is ruled as well', async () => {
    await open({
      onRequest: (_req, res) => {
        res.setHeader('Access-Control-Allow-Origin', '*');
        res.end('implied');
      },
    });
    const answer = await ask(door, { path: '/auth/x' });
    expect([answer.text, answer.cors, answer.headers.vary]).toEqual(['implied', [], 'Origin']);
  });

  test('Vary: Origin is there without an Origin too, and not twice (CO06)', async () => {
    await open({
      onRequest: (_req, res) => res.writeHead(200, ['Vary', 'origin', 'X-A', '1', 'X-A', '2']).end(),
    });
    const answer = await ask(door, { path: '/auth/x' });
    expect([answer.headers.vary, answer.headers['x-a'], answer.cors]).toEqual(['origin', '1, 2', []]);
    expect((await ask(door, { path: '/healthz' })).headers.vary).toBe('Origin');
    expect((await ask(door, { path: '/nowhere' })).headers.vary).toBe('Origin');
  });

  test('errors of the gateway are readable for the page (CO08)', async () => {
    await open();
    for (const [path, status] of [
      ['/nowhere', 404],
      ['/api/rooms', 401],
      ['/api/../x', 400],
    ] as const) {
      const answer = await ask(door, { path, headers: { Origin: PAGE } });
      expect([answer.status, answer.headers['access-control-allow-origin']]).toEqual([status, PAGE]);
      expect(answer.count('access-control-allow-origin')).toBe(1);
    }
  });
});

describe('the list of origins', () => {
  const cors = createCors(CORS);

  test.each([
    [PAGE, true],
    ['HTTP://127.0.0.1:5500', true],
    ['https://chat.example.com', true],
    ['https://a-1.example.com', true],
    ['https://chat.example.org:8443', true],
    ['https://chat.example.org', false],
    ['https://example.com', false],
    ['https://.example.com', false],
    ['https://a.b.example.com', false],
    ['http://chat.example.com', false],
    ['https://chat.example.com:8443', false],
    ['https://evil.example?.example.com', false],
    ['https://evilexample.com', false],
    ['https://chat.example.com.evil.io', false],
  ])('holds for %s: %s', (origin, holds) => {
    const req = { method: 'GET', headers: { origin }, rawHeaders: ['Origin', origin] };
    expect(cors.judge(req)).toMatchObject(
      holds
        ? { kind: 'allowed', headers: { 'Access-Control-Allow-Origin': origin } }
        : { kind: 'denied', headers: {} },
    );
  });

  test.each([
    ['*'],
    ['null'],
    ['127.0.0.1:5500'],
    ['http://127.0.0.1:5500/'],
    ['https://*'],
    ['https://a*.example.com'],
    ['https://*example.com'],
  ])('refuses the entry %s at the start', (entry) => {
    expect(() => createCors({ ...CORS, allowedOrigins: [entry] })).toThrow(TypeError);
  });

  test.each(['allowedMethods', 'allowedHeaders', 'exposedHeaders'] as const)(
    'refuses * in %s at the start (CO03)',
    (list) => {
      expect(() => createCors({ ...CORS, [list]: ['*'] })).toThrow('credentials');
    },
  );
});
