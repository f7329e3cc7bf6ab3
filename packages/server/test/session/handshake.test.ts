// The WebSocket handshake: who may open one, what is answered, what is refused and how it is logged.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat, PAGE } from './chat-fixture.ts';
import { RawSocket, wireFrame } from './raw-socket.ts';

describe('handshake', () => {
  let chat: Chat;
  beforeAll(async () => {
    chat = await openChat();
  });
  afterAll(() => chat.close());

  const upgrade = async (...lines: string[]) => {
    const socket = RawSocket.upgrade(chat.port, lines);
    const head = await socket.head;
    socket.socket.destroy();
    return head;
  };
  const statusOf = (head: string) => Number(head.split(' ')[1]);

  test.each([[PAGE], ['https://one.example.com'], ['HTTPS://ONE.EXAMPLE.COM:443']])(
    'OR01 a page of %s may open a WebSocket',
    async (origin) => {
      expect(statusOf(await upgrade(`Origin: ${origin}`))).toBe(101);
    },
  );

  test.each([
    ['https://evil.example'],
    ['http://127.0.0.1:5501'],
    ['http://localhost:5500'],
    ['https://one.example.com.evil.io'],
    ['https://a.b.example.com'],
    ['null'],
    [''],
    [`${PAGE}/`],
    [`${PAGE}, ${PAGE}`],
  ])('OR01 OR02 OR03 a page of "%s" is answered 403, and the log says what was seen', async (origin) => {
    await chat.empty();
    chat.log.length = 0;
    const head = await upgrade(`Origin: ${origin}`);
    expect(statusOf(head)).toBe(403);
    expect(head).not.toMatch(/access-control/i);
    expect(chat.endpoint.sessions).toBe(0);
    expect(chat.log.map(({ msg, origin: seen }) => [msg, seen])).toEqual([['origin not allowed', origin]]);
  });

  test('OR03 two Origin headers are refused, though each were allowed', async () => {
    expect(statusOf(await upgrade(`Origin: ${PAGE}`, `Origin: ${PAGE}`))).toBe(403);
    expect(statusOf(await upgrade(`Origin: ${PAGE}`, 'Origin: https://evil.example'))).toBe(403);
  });

  test('OR05 neither Host nor X-Forwarded-Host makes an origin ours', async () => {
    const evil = 'Origin: https://evil.example';
    expect(statusOf(await upgrade(evil, 'X-Forwarded-Host: evil.example', 'X-Forwarded-Proto: https'))).toBe(
      403,
    );
    expect(statusOf(await upgrade(evil, 'Forwarded: host=evil.example;proto=https'))).toBe(403);
    const own = `Origin: http://127.0.0.1:${chat.port}`;
    expect(statusOf(await upgrade(own))).toBe(403);
  });

  test('OR04 without an Origin it is no browser; a cookie identifies nobody', async () => {
    const client = await chat.open({ headers: { cookie: `session=${await chat.token('ann')}` } });
    client.send('CONNECT', { 'accept-version': '1.2', host: 'x' });
    expect(await client.refusal()).toMatchObject({ code: 'token-missing', close: 1008 });
  });

  test.each([
    ['v12.stomp, v11.stomp, v10.stomp', 'v12.stomp'],
    ['v10.stomp, v11.stomp', 'v11.stomp'],
    ['v10.stomp', 'v10.stomp'],
    ['mqtt, v11.stomp', 'v11.stomp'],
    ['mqtt', undefined],
  ])('C13 HS04 the offer of "%s" is answered with %s', async (offer, answer) => {
    const head = await upgrade(`Sec-WebSocket-Protocol: ${offer}`);
    expect(statusOf(head)).toBe(101);
    expect(/^sec-websocket-protocol: (.*)$/im.exec(head)?.[1]).toBe(answer);
  });

  test('C13 no offer is answered with none', async () => {
    const head = await upgrade();
    expect(statusOf(head)).toBe(101);
    expect(head).not.toMatch(/sec-websocket-protocol/i);
  });

  test('C13 the subprotocol does not bind the STOMP version', async () => {
    const client = await chat.open({ protocols: ['v10.stomp'] });
    const connected = await client.connect(await chat.token('ann'));
    expect(client.webSocket.protocol).toBe('v10.stomp');
    expect(connected.headers.get('version')).toBe('1.2');
    client.terminate();
  });

  test('compression is never agreed on', async () => {
    const head = await upgrade('Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits');
    expect(statusOf(head)).toBe(101);
    expect(head).not.toMatch(/sec-websocket-extensions/i);
  });

  test.each([['/'], ['/chat/'], ['/Chat'], ['/api/rooms'], ['/chat/x']])(
    'no WebSocket is opened at %s',
    async (path) => {
      const socket = RawSocket.upgrade(chat.port, [], path);
      expect(statusOf(await socket.head)).toBe(404);
      await socket.closed;
    },
  );

  test('a query is let pass and means nothing', async () => {
    const socket = RawSocket.upgrade(chat.port, [], '/chat?access_token=x');
    expect(statusOf(await socket.head)).toBe(101);
    socket.socket.destroy();
  });

  test.each([
    ['version 8', 426, ['Sec-WebSocket-Version: 8']],
    ['version 14', 426, ['Sec-WebSocket-Version: 14']],
    ['no version', 426, []],
    ['no key', 400, ['Sec-WebSocket-Version: 13']],
    ['a key that is too short', 400, ['Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: YWJj']],
  ])('HS01 HS02 an upgrade with %s is answered %i', async (_what, status, lines) => {
    const key = status === 426 ? ['Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='] : [];
    const socket = new RawSocket(chat.port, [
      'GET /chat HTTP/1.1',
      'Host: x',
      'Upgrade: websocket',
      'Connection: Upgrade',
      ...key,
      ...lines,
    ]);
    const head = await socket.head;
    expect(statusOf(head)).toBe(status);
    if (status === 426) expect(head).toMatch(/sec-websocket-version: 13/i);
    await socket.closed;
  });

  test("HS03 the accept of the RFC's own key is the RFC's own", async () => {
    const socket = new RawSocket(chat.port, [
      'GET /chat HTTP/1.1',
      'Host: x',
      'Upgrade: websocket',
      'Connection: keep-alive, Upgrade',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
      'Sec-WebSocket-Version: 13',
    ]);
    expect(await socket.head).toMatch(/sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=/i);
    socket.socket.destroy();
  });

  test('HS11 what comes in one packet with the handshake is not lost', async () => {
    const socket = RawSocket.upgrade(chat.port);
    const connect = `CONNECT\naccept-version:1.2\nhost:x\nAuthorization:Bearer ${await chat.token('ann')}\n\n\0`;
    socket.socket.write(wireFrame(connect));
    expect(await socket.text()).toMatch(/^CONNECTED\n/);
    socket.socket.destroy();
  });

  test('after its end has begun the service sends all away with 1012 and answers upgrades with 503', async () => {
    const ending = await openChat();
    const clients = [await ending.connect('ann'), await ending.connect('bob'), await ending.open()];
    const closing = ending.endpoint.close();
    const late = RawSocket.upgrade(ending.port);
    expect(statusOf(await late.head)).toBe(503);
    for (const client of clients) {
      expect(await client.closed).toEqual({ code: 1012, reason: 'retry-after=1500' });
      expect(client.frames).toEqual([]);
    }
    await closing;
    expect(ending.endpoint.sessions).toBe(0);
    await ending.close();
  });

  test('a client that does not answer the Close does not hold up the end', async () => {
    const ending = await openChat({ timing: { closeMs: 100 } });
    const socket = RawSocket.upgrade(ending.port);
    await socket.head;
    await ending.endpoint.close();
    expect(await socket.closeCode()).toBe(1012);
    await ending.close();
  });
});
