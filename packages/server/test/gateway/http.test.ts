// HTTP through the gateway: routes, tokens, who the client is, streams and their ends, with each kind of upstream.
import { once } from 'node:events';
import { request } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { ask, type Door, HANDSHAKE, openDoor, PAGE, RawClient, rawRequest, sendRaw } from './door.ts';
import {
  openService,
  type Service,
  type ServiceOptions,
  type ToldRequest,
  UPSTREAM_KINDS,
} from './service.ts';

const GOOD = { Authorization: 'Bearer good' };

describe.each(UPSTREAM_KINDS)('HTTP to an upstream %s', (kind) => {
  let service: Service;
  let door: Door;

  async function open(
    serviceOptions: ServiceOptions = {},
    doorOptions: Parameters<typeof openDoor>[1] = {},
  ): Promise<void> {
    service = await openService(kind, serviceOptions);
    door = await openDoor(service.upstream, doorOptions);
  }

  async function told(headers: Record<string, string | string[]>): Promise<ToldRequest> {
    const answer = await ask(door, { path: '/api/rooms', headers: { ...GOOD, ...headers } });
    return answer.json() as ToldRequest;
  }

  afterEach(async () => {
    await door.close();
    await service.close();
  });

  test('a request reaches the upstream with its method, path, query and body', async () => {
    await open();
    const answer = await ask(door, {
      method: 'POST',
      path: '/api/rooms?a=%2F&b=//',
      headers: { ...GOOD, 'Content-Type': 'application/json' },
      body: '{"name":"방"}',
    });
    expect(answer.status).toBe(200);
    expect(answer.json()).toMatchObject({
      method: 'POST',
      url: '/api/rooms?a=%2F&b=//',
      body: '{"name":"방"}',
    });
  });

  test('status, headers and repeated Set-Cookie come back', async () => {
    await open({
      onRequest: (_req, res) => {
        res.setHeader('Set-Cookie', ['a=1', 'b=2']);
        res.writeHead(418, { 'X-Kept': 'yes', 'Content-Type': 'text/plain' });
        res.end('tea');
      },
    });
    const answer = await ask(door, { path: '/auth/x' });
    expect(answer).toMatchObject({ status: 418, text: 'tea' });
    expect(answer.headers).toMatchObject({ 'x-kept': 'yes', 'set-cookie': ['a=1', 'b=2'] });
  });

  test('a redirect of the upstream is passed on and not followed', async () => {
    await open({ onRequest: (_req, res) => res.writeHead(302, { Location: '/auth/y' }).end() });
    const answer = await ask(door, { path: '/auth/x' });
    expect([answer.status, answer.headers.location, service.seen.length]).toEqual([302, '/auth/y', 1]);
  });

  test('a HEAD gets the length and no body, a 204 neither', async () => {
    await open({
      onRequest: (req, res) => {
        if (req.method === 'HEAD') res.writeHead(200, { 'Content-Length': 1000 }).end();
        else res.writeHead(204).end();
      },
    });
    const head = await ask(door, { method: 'HEAD', path: '/auth/x' });
    expect([head.headers['content-length'], head.text]).toEqual(['1000', '']);
    expect(await ask(door, { method: 'DELETE', path: '/auth/x' })).toMatchObject({ status: 204, text: '' });
  });

  test('no route is 404, also for the operations of the process (TR07)', async () => {
    await open();
    for (const path of ['/', '/chat/', '/nowhere', '/metrics', '/readyz', '/healthz/x']) {
      expect((await ask(door, { path })).status).toBe(404);
    }
    expect(service.seen).toEqual([]);
  });

  test('/healthz is answered by the gateway itself, and says nothing more', async () => {
    await open();
    const answer = await ask(door, { path: '/healthz' });
    expect([answer.status, answer.json()]).toEqual([200, { status: 'ok' }]);
    expect((await ask(door, { path: '/healthz', method: 'POST' })).status).toBe(405);
    expect(service.seen).toEqual([]);
  });

  test('a plain GET on a WebSocket route is 426, names the version, and a page can read it', async () => {
    await open();
    const answer = await ask(door, { path: '/chat', headers: { Origin: PAGE } });
    expect(answer.status).toBe(426);
    expect(answer.headers).toMatchObject({
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'access-control-allow-origin': PAGE,
    });
  });

  test('a request id of the gateway is on the answer and at the upstream, never the client’s', async () => {
    await open();
    const answer = await ask(door, { path: '/auth/x', headers: { 'X-Request-Id': 'mine' } });
    const id = answer.headers['x-request-id'];
    expect(id).toMatch(/^[\w-]{16,}$/);
    expect((answer.json() as ToldRequest).headers['x-request-id']).toBe(id);
    const refused = await ask(door, { path: '/nowhere' });
    expect(refused.json()).toEqual({
      statusCode: 404,
      code: 'not-found',
      error: 'Not Found',
      message: 'There is nothing at this address',
      requestId: refused.headers['x-request-id'],
    });
  });

  describe('the token', () => {
    test.each([
      ['none', undefined, 'token-missing', 'Token is missing', 'Bearer'],
      ['another scheme', 'Basic Z29vZA==', 'token-missing', 'Token is missing', 'Bearer'],
      ['an empty one', 'Bearer ', 'token-missing', 'Token is missing', 'Bearer'],
      ['two in one', 'Bearer good good', 'token-missing', 'Token is missing', 'Bearer'],
      ['a bad one', 'Bearer bad', 'token-invalid', 'Token is invalid', 'Bearer error="invalid_token"'],
      ['an old one', 'Bearer old', 'token-expired', 'Token has expired', 'Bearer error="invalid_token"'],
    ])(
      '%s is 401 before the upstream is reached (TK01, TK06)',
      async (_, authorization, code, message, challenge) => {
        await open();
        const headers = {
          Origin: PAGE,
          ...(authorization !== undefined && { Authorization: authorization }),
        };
        const answer = await ask(door, { path: '/api/rooms', headers });
        expect(answer.json()).toMatchObject({ statusCode: 401, code, message });
        expect(answer.headers['www-authenticate']).toBe(challenge);
        // CO08: a page can read the status.
        expect(answer.headers['access-control-allow-origin']).toBe(PAGE);
        expect(service.seen).toEqual([]);
      },
    );

    test.each(['Bearer good', 'bearer good', 'BEARER  good'])(
      '%s passes, as it is (TK01)',
      async (authorization) => {
        await open();
        expect((await told({ Authorization: authorization })).headers.authorization).toBe(authorization);
      },
    );

    test('is not asked for on public paths and routes', async () => {
      await open();
      for (const path of ['/api/docs', '/api/docs/a', '/api/openapi.json', '/auth/token']) {
        expect((await ask(door, { path })).status).toBe(200);
      }
    });

    test('does not count in the query, and goes no further (TK02)', async () => {
      await open();
      const missing = await ask(door, { path: '/api/rooms?access_token=good&token=good' });
      expect([missing.status, service.seen.length]).toEqual([401, 0]);
      const answer = await ask(door, { path: '/api/rooms?a=1&access_token=good&b=?', headers: GOOD });
      expect((answer.json() as ToldRequest).url).toBe('/api/rooms?a=1&b=?');
    });

    test('is in no log line and no answer (TK02, TK20)', async () => {
      await open({}, { verify: () => Promise.reject(new Error('the key set is out of reach')) });
      const headers = { Authorization: 'Bearer SECRET-token', Cookie: 'session=SECRET-cookie' };
      const answer = await ask(door, { path: '/api/rooms?access_token=SECRET-query', headers });
      expect(answer.json()).toMatchObject({ statusCode: 500, message: 'Something went wrong on our side' });
      expect(answer.text).not.toMatch(/SECRET|key set/);
      expect(door.log.text).toContain('the key set is out of reach');
      expect(door.log.text).not.toContain('SECRET');
    });
  });

  describe('who the client is', () => {
    const FORGED = {
      'X-Forwarded-For': '6.6.6.6',
      'X-Forwarded-Proto': 'https',
      'X-Forwarded-Host': 'evil.example',
      'X-Forwarded-Port': '1',
      X_Forwarded_For: '6.6.6.6',
      Forwarded: 'for=6.6.6.6',
      'X-Real-IP': '6.6.6.6',
      'X-User-Id': 'root',
      'X-User-Roles': 'ROLE_ADMIN',
      X_User_Id: 'root',
    };

    test('is told by the gateway alone (TK21, TR02)', async () => {
      await open();
      const { headers, rawHeaders } = await told({ ...FORGED, Host: 'chat.test:19091' });
      expect(headers).toMatchObject({
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-proto': 'http',
        'x-forwarded-host': 'chat.test:19091',
        host: 'chat.test:19091',
      });
      expect(JSON.stringify([headers, rawHeaders])).not.toMatch(
        /6\.6\.6\.6|evil|root|ADMIN|x-forwarded-port/i,
      );
    });

    test.each(['127.0.0.1', '127.0.0.0/8'])(
      'may be told by the trusted proxy %s, but identity never',
      async (proxy) => {
        await open({}, { trustedProxies: [proxy] });
        const { headers } = await told(FORGED);
        expect(headers).toMatchObject({
          'x-forwarded-for': '6.6.6.6, 127.0.0.1',
          'x-forwarded-proto': 'https',
          'x-forwarded-host': 'evil.example',
          forwarded: 'for=6.6.6.6',
        });
        expect(JSON.stringify(headers)).not.toMatch(/root|ADMIN|x-real-ip/i);
      },
    );

    test('Origin reaches the upstream unmodified (OR06)', async () => {
      await open();
      expect((await told({ Origin: PAGE })).headers.origin).toBe(PAGE);
    });
  });

  test('a body that waits for 100 Continue is asked for only after the token', async () => {
    await open();
    const headers = { Host: 'x', Connection: 'close', Expect: '100-continue', 'Content-Length': '5' };
    const client = new RawClient(door.port);
    client.socket.write(rawRequest('POST /api/rooms HTTP/1.1', { ...headers, ...GOOD }));
    await client.until((text) => text.startsWith('HTTP/1.1 100'));
    client.socket.write('hello');
    expect(await client.ended()).toMatch(
      /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200[\s\S]*"body":"hello"/,
    );
    const refused = new RawClient(door.port);
    refused.socket.write(rawRequest('POST /api/rooms HTTP/1.1', headers));
    expect(await refused.ended()).toMatch(/^HTTP\/1\.1 401/);
  });

  test('a body of the limit passes, one octet more is 413 that the sender can read', async () => {
    await open({}, { limits: { maxBodyOctets: 100_000 } });
    const post = (octets: number) =>
      ask(door, {
        method: 'POST',
        path: '/auth/x',
        headers: { Origin: PAGE, 'Content-Length': String(octets) },
        body: 'x'.repeat(octets),
      });
    expect((await post(100_000)).status).toBe(200);
    const answer = await post(100_001);
    expect(answer.json()).toMatchObject({ statusCode: 413, code: 'payload-too-large' });
    expect(answer.headers['access-control-allow-origin']).toBe(PAGE);
    expect(answer.headers.connection).toBe('close');
    expect(service.seen.length).toBe(1);
  });

  test('an answer of the upstream before the body is whole reaches the client', async () => {
    await open({ onRequest: (_req, res) => res.writeHead(403, { 'Content-Length': 2 }).end('no') });
    const client = new RawClient(door.port);
    client.socket.write(rawRequest('POST /auth/x HTTP/1.1', { Host: 'x', 'Content-Length': '1000000' }));
    client.socket.write('x'.repeat(1000));
    expect(await client.until((text) => text.endsWith('no'))).toMatch(/^HTTP\/1\.1 403/);
    client.socket.destroy();
  });

  test('a streamed answer is passed on piece by piece', async () => {
    await open({
      onRequest: (req, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' });
        res.flushHeaders();
        req.once('data', () => res.write('one'));
        req.once('end', () => res.end('two'));
      },
    });
    const req = request({
      port: door.port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/auth/x',
      agent: false,
    });
    req.write('first');
    const [res] = await once(req, 'response');
    expect(String((await once(res, 'data'))[0])).toBe('one');
    req.end();
    expect(String((await once(res, 'data'))[0])).toBe('two');
  });

  test('a client that does not read holds the upstream back', async () => {
    const TOTAL = 64 * 1024 * 1024;
    const sent = new Map<string, number>();
    await open({
      onRequest: ({ url = '' }, res) => {
        res.writeHead(200, { 'Content-Length': TOTAL });
        const chunk = Buffer.alloc(64 * 1024);
        const push = () => {
          for (let octets = sent.get(url) ?? 0; octets < TOTAL; ) {
            octets += chunk.length;
            sent.set(url, octets);
            if (!res.write(chunk)) return res.once('drain', push);
          }
          return res.end();
        };
        push();
      },
    });
    const answerTo = async (path: string) => {
      const req = request({ port: door.port, host: '127.0.0.1', path, agent: false }).end();
      const [res] = await once(req, 'response');
      return async () => {
        let octets = 0;
        for await (const chunk of res) octets += chunk.length;
        return octets;
      };
    };
    const readLater = await answerTo('/auth/waiting');
    // As much goes to one that reads, through the same gateway: time enough for what isn't held back.
    const readNow = await answerTo('/auth/reading');
    expect(await readNow()).toBe(TOTAL);
    // Kernel buffers on the way hold some megabytes each; the rest was never asked for.
    expect(sent.get('/auth/waiting')).toBeLessThan(TOTAL / 2);
    expect(await readLater()).toBe(TOTAL);
  });

  test('a client that goes away ends the request at the upstream', async () => {
    let closed: Promise<unknown> | undefined;
    await open({
      onRequest: (_req, res) => {
        closed = once(res, 'close');
        res.writeHead(200);
        res.write('first');
      },
    });
    const client = new RawClient(door.port);
    client.socket.write('GET /auth/x HTTP/1.1\r\nHost: x\r\n\r\n');
    await client.until((text) => text.includes('first'));
    client.socket.destroy();
    await closed;
  });

  test('an upstream that breaks off ends the answer unfinished', async () => {
    await open({
      onRequest: (_req, res) => {
        res.writeHead(200, { 'Content-Length': 100 });
        res.write('first', () => res.destroy());
      },
    });
    const text = await (async () => {
      const client = new RawClient(door.port);
      client.socket.write('GET /auth/x HTTP/1.1\r\nHost: x\r\n\r\n');
      return client.ended();
    })();
    expect(text).toMatch(/^HTTP\/1\.1 200[\s\S]*first$/);
  });

  test('closing ends idle connections at once and waits for open answers as long as it may', async () => {
    let finish = () => {};
    await open({
      onRequest: (_req, res) => {
        res.writeHead(200);
        res.write('first');
        finish = () => res.end('last');
      },
    });
    const idle = new RawClient(door.port);
    idle.socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
    await idle.until((text) => text.includes('ok'));
    const busy = new RawClient(door.port);
    busy.socket.write('GET /auth/x HTTP/1.1\r\nHost: x\r\n\r\n');
    await busy.until((text) => text.includes('first'));
    const closed = door.close(10_000);
    await idle.ended();
    finish();
    expect(await busy.ended()).toContain('last');
    await closed;
  });
});

test('an upstream in the same process that throws is 500 without detail', async () => {
  const throws = () => {
    throw new Error('SQL at line 7');
  };
  const door = await openDoor({ handleRequest: throws, handleUpgrade: throws });
  const answer = await ask(door, { path: '/auth/x' });
  const refused = await sendRaw(door, rawRequest('GET /chat HTTP/1.1', HANDSHAKE));
  expect([answer.status, refused.slice(0, 12)]).toEqual([500, 'HTTP/1.1 500']);
  expect(answer.text + refused).not.toContain('SQL');
  await door.close();
});
