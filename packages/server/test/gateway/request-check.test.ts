// Requests that two servers could read differently, as bytes.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Door, HANDSHAKE, openDoor, RawClient, rawRequest, sendRaw } from './door.ts';
import { openService, type Service } from './service.ts';

let service: Service;
let door: Door;

beforeAll(async () => {
  service = await openService('over TCP');
  door = await openDoor(service.upstream, { limits: { headersTimeoutMs: 400, requestTimeoutMs: 800 } });
});

afterAll(async () => {
  await door.close();
  await service.close();
});

function body(answer: string): Record<string, unknown> {
  return JSON.parse(answer.slice(answer.indexOf('\r\n\r\n') + 4));
}

const CHUNKED = 'Transfer-Encoding: chunked\r\n';
const NO_BODY = '\r\n0\r\n\r\n';

describe('an ambiguous request is 400 in the common shape, and the connection is closed', () => {
  test.each([
    ['two Hosts', 'GET /auth/x HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n'],
    ['no Host', 'GET /auth/x HTTP/1.1\r\n\r\n'],
    ['an empty Host', 'GET /auth/x HTTP/1.1\r\nHost:\r\n\r\n'],
    ['a Host with a path', 'GET /auth/x HTTP/1.1\r\nHost: a/b\r\n\r\n'],
    ['a Host with a user', 'GET /auth/x HTTP/1.1\r\nHost: u@a\r\n\r\n'],
    [
      'two Authorization headers (TK01)',
      'GET /auth/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer good\r\nAuthorization: Bearer good\r\n\r\n',
    ],
    ['CL before TE', `POST /auth/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n${CHUNKED}${NO_BODY}`],
    ['TE before CL', `POST /auth/x HTTP/1.1\r\nHost: a\r\n${CHUNKED}Content-Length: 5\r\n${NO_BODY}`],
    ['TE twice', `POST /auth/x HTTP/1.1\r\nHost: a\r\n${CHUNKED}${CHUNKED}${NO_BODY}`],
    ['TE identity', 'POST /auth/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n'],
    [
      'TE gzip, chunked',
      `POST /auth/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n${NO_BODY}`,
    ],
    [
      'TE chunked, identity',
      `POST /auth/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, identity\r\n${NO_BODY}`,
    ],
    ['TE xchunked', `POST /auth/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n${NO_BODY}`],
    ['TE in HTTP/1.0', `POST /auth/x HTTP/1.0\r\nHost: a\r\n${CHUNKED}${NO_BODY}`],
    [
      'two Content-Lengths',
      'POST /auth/x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n',
    ],
    ['a Content-Length list', 'POST /auth/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello'],
    ['a signed Content-Length', 'POST /auth/x HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello'],
    ['obs-fold', 'GET /auth/x HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n'],
    ['bare LF in the request line', 'GET /auth/x HTTP/1.1\nHost: a\r\n\r\n'],
    ['bare LF in a header', 'GET /auth/x HTTP/1.1\r\nX-A: b\nHost: a\r\n\r\n'],
    ['bare LF at the end', 'GET /auth/x HTTP/1.1\r\nHost: a\r\n\n'],
    ['bare CR', 'GET /auth/x HTTP/1.1\r\nHost: a\r\nX-A: b\rc\r\n\r\n'],
    ['NUL', 'GET /auth/x HTTP/1.1\r\nHost: a\r\nX-A: b\0c\r\n\r\n'],
    ['a space before the colon', 'GET /auth/x HTTP/1.1\r\nHost : a\r\n\r\n'],
    ['absolute form', 'GET http://evil.example/auth/x HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['asterisk form', 'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['..', 'GET /auth/../api/x HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['%2f', 'GET /auth%2fx HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['%00', 'GET /auth/%00 HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['//', 'GET //auth/x HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['an unknown Expect', 'POST /auth/x HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n'],
    ['an unknown method', 'BREW /auth/x HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['HTTP/2 without its frames', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ])('%s', async (_, bytes) => {
    const answer = await sendRaw(door, bytes);
    expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
    expect(answer.match(/HTTP\/1\.1/g)).toHaveLength(1);
    expect(answer).toMatch(/\r\nConnection: close\r\n/i);
    expect(body(answer)).toMatchObject({ statusCode: 400, code: 'invalid-request', error: 'Bad Request' });
    expect(service.seen).toEqual([]);
  });
});

test.each(['TRACE', 'PROPFIND'])('%s is 405 and names what is served', async (method) => {
  const answer = await sendRaw(door, `${method} /auth/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  expect(answer).toMatch(/^HTTP\/1\.1 405[\s\S]*Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n/);
});

test('CONNECT is 405 and closed', async () => {
  expect(await sendRaw(door, 'CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n')).toMatch(/^HTTP\/1\.1 405/);
});

test('a body that breaks its chunking ends in 400 or a cut, never in a second request', async () => {
  const smuggled = 'GET /auth/smuggled HTTP/1.1\r\nHost: a\r\n\r\n';
  const answer = await sendRaw(
    door,
    `POST /auth/x HTTP/1.1\r\nHost: a\r\n${CHUNKED}\r\n1\na\n0\n\n${smuggled}`,
  );
  expect(answer).toMatch(/^HTTP\/1\.1 400/);
  expect(service.seen.every((req) => req.url !== '/auth/smuggled')).toBe(true);
  service.seen.length = 0;
});

test('HTTP/1.0 without a Host is served', async () => {
  expect(await sendRaw(door, 'GET /healthz HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1\.1 200/);
});

describe('a bad upgrade is 400, never 101 (HS01, HS12)', () => {
  const line = 'GET /chat HTTP/1.1';
  test.each([
    ['POST', 'POST /chat HTTP/1.1', {}],
    ['HTTP/1.0', 'GET /chat HTTP/1.0', {}],
    ['no Host', line, { Host: undefined }],
    ['two Hosts', line, { Host: ['a', 'a'] }],
    ['two upgrades', line, { Upgrade: ['websocket', 'websocket'] }],
    ['another upgrade beside', line, { Upgrade: 'websocket, h2c' }],
    ['no Connection', line, { Connection: 'keep-alive' }],
    ['no key', line, { 'Sec-WebSocket-Key': undefined }],
    ['a short key', line, { 'Sec-WebSocket-Key': 'c2hvcnQ=' }],
    ['a long key', line, { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZSE+' }],
    [
      'two keys',
      line,
      { 'Sec-WebSocket-Key': [HANDSHAKE['Sec-WebSocket-Key'], HANDSHAKE['Sec-WebSocket-Key']] },
    ],
    ['no version', line, { 'Sec-WebSocket-Version': undefined }],
    ['Content-Length', line, { 'Content-Length': '5' }],
    ['Content-Length of nothing', line, { 'Content-Length': '0' }],
    ['Transfer-Encoding', line, { 'Transfer-Encoding': 'chunked' }],
    ['both', line, { 'Content-Length': '0', 'Transfer-Encoding': 'chunked' }],
    ['Expect', line, { Expect: '100-continue' }],
    ['two Authorization headers', line, { Authorization: ['Bearer good', 'Bearer good'] }],
    ['two bearer subprotocols', line, { 'Sec-WebSocket-Protocol': 'bearer.a, bearer.b' }],
    ['an HTTP route', 'GET /api/rooms HTTP/1.1', {}],
    ['a path with ..', 'GET /api/../chat HTTP/1.1', {}],
  ])('%s', async (_, requestLine, headers) => {
    const answer = await sendRaw(door, rawRequest(requestLine, { ...HANDSHAKE, ...headers }));
    expect(answer).toMatch(/^HTTP\/1\.1 400/);
    expect(body(answer)).toMatchObject({ code: 'invalid-request' });
    expect(answer).not.toMatch(/access-control/i);
    expect(service.seen).toEqual([]);
  });

  test.each(['8', '12', '14', '13, 13', 'x'])('version %s is 426 and names 13 (HS02)', async (version) => {
    const answer = await sendRaw(door, rawRequest(line, { ...HANDSHAKE, 'Sec-WebSocket-Version': version }));
    expect(answer).toMatch(/^HTTP\/1\.1 426[\s\S]*\r\nSec-WebSocket-Version: 13\r\n/);
  });

  test('a trailing slash or an unknown path is 404, never a redirect (HS07)', async () => {
    for (const path of ['/chat/', '/', '/ws']) {
      expect(await sendRaw(door, rawRequest(`GET ${path} HTTP/1.1`, HANDSHAKE))).toMatch(/^HTTP\/1\.1 404/);
    }
  });

  test('an upgrade behind an unanswered request is cut', async () => {
    const get = 'GET /auth/x HTTP/1.1\r\nHost: a\r\n\r\n';
    expect(await sendRaw(door, get + rawRequest(line, HANDSHAKE))).toBe('');
    service.seen.length = 0;
  });
});

test('an offer of h2c is ignored, as it may be', async () => {
  const headers = {
    Host: 'a',
    Connection: 'Upgrade, HTTP2-Settings, close',
    Upgrade: 'h2c',
    'HTTP2-Settings': 'AAA',
  };
  const answer = await sendRaw(door, rawRequest('GET /auth/x HTTP/1.1', headers));
  expect(answer).toMatch(/^HTTP\/1\.1 200/);
  expect(answer).not.toMatch(/"(?:upgrade|http2-settings)":/i);
  service.seen.length = 0;
});

test('Connection can not name away what the upstream decides by (HS10)', async () => {
  const headers = {
    Host: 'a',
    Connection: 'close, Authorization, X-Forwarded-For, X-Gone, Cookie',
    Authorization: 'Bearer good',
    Cookie: 'a=b',
    'X-Gone': '1',
    'X-Kept': '1',
    'Proxy-Authorization': 'Basic x',
    TE: 'trailers',
    'Keep-Alive': 'timeout=5',
  };
  const answer = await sendRaw(door, rawRequest('GET /api/rooms HTTP/1.1', headers));
  const told = JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1));
  expect(told.headers).toMatchObject({
    authorization: 'Bearer good',
    cookie: 'a=b',
    'x-forwarded-for': '127.0.0.1',
    'x-kept': '1',
  });
  for (const name of ['x-gone', 'proxy-authorization', 'te']) expect(told.headers[name]).toBeUndefined();
  service.seen.length = 0;
});

test('a head of the limit passes, one octet more is 431 (HS13)', async () => {
  const fits = async (octets: number) => {
    const head = `GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: \r\n\r\n`;
    return sendRaw(door, head.replace('X: ', `X: ${'a'.repeat(octets - head.length)}`));
  };
  let [passing, failing] = [1024, 18 * 1024];
  while (failing - passing > 1) {
    const middle = (passing + failing) >> 1;
    if ((await fits(middle)).startsWith('HTTP/1.1 200')) passing = middle;
    else failing = middle;
  }
  // Node counts the head without some of its punctuation.
  expect(passing).toBeGreaterThanOrEqual(16 * 1024 - 1);
  expect(passing).toBeLessThan(16 * 1024 + 64);
  const answer = await fits(failing);
  expect(answer).toMatch(/^HTTP\/1\.1 431 Request Header Fields Too Large\r\n/);
  expect(body(answer)).toMatchObject({ statusCode: 431 });
});

test('a head that never ends is 408, and closed (HS13)', async () => {
  const answer = await sendRaw(door, 'GET /auth/x HTTP/1.1\r\nHost: a\r\n');
  expect(answer).toMatch(/^HTTP\/1\.1 408/);
  expect(body(answer)).toMatchObject({ code: 'request-timeout' });
});

test('a body that never ends is 408 and closed', async () => {
  const answer = await sendRaw(door, 'POST /auth/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhe');
  expect(answer).toMatch(/^HTTP\/1\.1 408/);
  service.seen.length = 0;
});

test('what the parser refuses behind an answer under way cuts the connection', async () => {
  const client = new RawClient(door.port);
  client.socket.write('GET /auth/x HTTP/1.1\r\nHost: a\r\n\r\nGET /auth/y HTTP/1.1\nHost: a\n\n');
  expect((await client.ended()).match(/HTTP\/1\.1/g)?.length ?? 0).toBeLessThanOrEqual(1);
});
