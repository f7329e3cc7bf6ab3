// Upgrades through the gateway, with each kind of upstream: handshake, token, bytes, close codes, ends.
import { once } from 'node:events';
import { MaruError } from '@maru/contract';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import {
  type Door,
  defaultRoutes,
  HANDSHAKE,
  openDoor,
  PAGE,
  RawClient,
  rawRequest,
  sendRaw,
} from './door.ts';
import { openService, type Service, type ServiceOptions, UPSTREAM_KINDS } from './service.ts';

const LINE = 'GET /chat?room=1 HTTP/1.1';
const RFC_ACCEPT = 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=';
const MASKED_HELLO = Buffer.from('818537fa213d7f9f4d5158', 'hex');
const HELLO = Buffer.from('810548656c6c6f', 'hex');

describe.each(UPSTREAM_KINDS)('an upgrade to an upstream %s', (kind) => {
  let service: Service;
  let door: Door;

  async function open(
    options: ServiceOptions = {},
    filter: Parameters<typeof defaultRoutes>[1] = 'presence',
    doorOptions: Parameters<typeof openDoor>[1] = {},
  ): Promise<void> {
    service = await openService(kind, options);
    door = await openDoor(defaultRoutes(service.upstream, filter), doorOptions);
  }

  function dial(protocols: string[] = ['v12.stomp'], headers: Record<string, string> = {}): WebSocket {
    return new WebSocket(`ws://127.0.0.1:${door.port}/chat`, protocols, {
      headers: { Authorization: 'Bearer good', ...headers },
      perMessageDeflate: false,
    });
  }

  const shake = (headers: Record<string, string | string[] | undefined>) =>
    rawRequest(LINE, { ...HANDSHAKE, ...headers });

  async function shaken(headers: Record<string, string | string[] | undefined>): Promise<string> {
    const client = new RawClient(door.port);
    client.socket.write(shake(headers));
    const answer = await client.until((text) => text.includes('\r\n\r\n'));
    client.socket.destroy();
    return answer;
  }

  afterEach(async () => {
    await door.close();
    expect(await door.sockets.left()).toBe(0);
    expect(await service.sockets.left()).toBe(0);
    await service.close();
  });

  test('the upstream’s 101 comes back with its key, protocol and no CORS header (HS03, HS05, CO09)', async () => {
    await open();
    const answer = await shaken({
      Origin: PAGE,
      'Sec-WebSocket-Protocol': 'v10.stomp, v11.stomp, v12.stomp',
    });
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(answer).toContain(`\r\nSec-WebSocket-Accept: ${RFC_ACCEPT}\r\n`);
    expect(answer).toContain('\r\nSec-WebSocket-Protocol: v12.stomp\r\n');
    expect(answer).not.toMatch(/access-control|vary/i);
    expect(service.seen[0]).toMatchObject({
      url: '/chat?room=1',
      headers: { origin: PAGE, host: 'chat.test' },
    });
  });

  test('no protocol is answered where none is agreed, no extension where none is spoken (HS04, HS08)', async () => {
    await open();
    const answer = await shaken({
      'Sec-WebSocket-Protocol': 'x',
      'Sec-WebSocket-Extensions': 'permessage-deflate; unknown=1',
    });
    expect(answer).toMatch(/^HTTP\/1\.1 101 /);
    expect(answer).not.toMatch(/sec-websocket-(?:protocol|extensions)/i);
    // HS09: bytes are tunnelled, so that the offer goes through whole.
    expect(service.seen[0]?.headers['sec-websocket-extensions']).toBe('permessage-deflate; unknown=1');
  });

  describe('the token', () => {
    const none = { Authorization: undefined };

    test.each([
      ['nothing', {}, ''],
      ['another scheme', { Authorization: 'Basic x' }, ''],
      ['an empty one', { Authorization: 'Bearer' }, ''],
      ['an empty subprotocol', { 'Sec-WebSocket-Protocol': 'v12.stomp, bearer.' }, ''],
      ['one in the query', {}, '?access_token=good&token=good'],
    ])('%s is 401 Token is missing, before the upstream (TK01, TK06)', async (_, headers, query) => {
      await open();
      const line = `GET /chat${query} HTTP/1.1`;
      const answer = await sendRaw(
        door,
        rawRequest(line, { ...HANDSHAKE, ...none, Origin: PAGE, ...headers }),
      );
      expect(answer).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n/);
      expect(answer).toContain('\r\nWWW-Authenticate: Bearer\r\n');
      expect(answer).toContain('"code":"token-missing","error":"Unauthorized","message":"Token is missing"');
      expect(answer).not.toMatch(/access-control/i);
      expect(service.seen).toEqual([]);
    });

    test('of the subprotocol becomes Authorization and is nowhere else (TK03, TK04)', async () => {
      await open();
      const answer = await shaken({
        ...none,
        'Sec-WebSocket-Protocol': 'v12.stomp, bearer.a.SECRET.c, v11.stomp',
      });
      expect(answer).toMatch(/^HTTP\/1\.1 101 /);
      expect(answer).toContain('Sec-WebSocket-Protocol: v12.stomp\r\n');
      expect(answer + door.log.text).not.toContain('SECRET');
      const [seen] = service.seen;
      expect(seen?.headers).toMatchObject({
        authorization: 'Bearer a.SECRET.c',
        'sec-websocket-protocol': 'v12.stomp, v11.stomp',
      });
      expect(JSON.stringify(seen?.rawHeaders)).not.toMatch(/bearer\./i);
    });

    test('of the subprotocol is found in any line and case, also where it stands alone', async () => {
      await open();
      expect(await shaken({ ...none, 'Sec-WebSocket-Protocol': ['v12.stomp', 'Bearer.one'] })).toContain(
        ' 101 ',
      );
      expect(await shaken({ ...none, 'Sec-WebSocket-Protocol': 'bearer.two' })).toContain(' 101 ');
      expect(
        service.seen.map((req) => [req.headers.authorization, req.headers['sec-websocket-protocol']]),
      ).toEqual([
        ['Bearer one', 'v12.stomp'],
        ['Bearer two', undefined],
      ]);
    });

    test('of the header wins, and the subprotocol is removed all the same', async () => {
      await open();
      await shaken({ 'Sec-WebSocket-Protocol': 'bearer.other, v12.stomp' });
      expect(service.seen[0]?.headers).toMatchObject({
        authorization: 'Bearer good',
        'sec-websocket-protocol': 'v12.stomp',
      });
      expect(JSON.stringify(service.seen[0]?.rawHeaders)).not.toContain('other');
    });

    test('may come later where the filter is deferred', async () => {
      await open({}, 'deferred');
      expect(await shaken(none)).toContain(' 101 ');
      expect(service.seen[0]?.headers.authorization).toBeUndefined();
    });

    test('must be good where the filter verifies', async () => {
      await open({}, 'verify');
      expect(await shaken({})).toContain(' 101 ');
      const answer = await sendRaw(door, shake({ Authorization: 'Bearer old' }));
      expect(answer).toMatch(
        /^HTTP\/1\.1 401[\s\S]*WWW-Authenticate: Bearer error="invalid_token"[\s\S]*expired/,
      );
      expect(service.seen.length).toBe(1);
    });

    test('of a refused upgrade is in no log line', async () => {
      await open({}, 'verify', { verify: () => Promise.reject(new MaruError('token-invalid')) });
      const protocol = { 'Sec-WebSocket-Protocol': 'v12.stomp, bearer.SECRET' };
      const line = 'GET /chat?access_token=SECRET HTTP/1.1';
      const answer = await sendRaw(door, rawRequest(line, { ...HANDSHAKE, ...none, ...protocol }));
      expect(answer).toMatch(/^HTTP\/1\.1 401/);
      expect(door.log.text).toContain('token-invalid');
      expect(answer + door.log.text).not.toContain('SECRET');
    });
  });

  test('who the client is, is told by the gateway alone (TK21, TR02)', async () => {
    await open();
    await shaken({ 'X-User-Id': 'root', 'X-Forwarded-For': '6.6.6.6', Forwarded: 'for=6.6.6.6' });
    const [seen] = service.seen;
    expect(seen?.headers).toMatchObject({ 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'chat.test' });
    expect(JSON.stringify(seen?.rawHeaders)).not.toMatch(/root|6\.6\.6\.6/);
  });

  test('Connection: upgrade, authorization does not drop the token (HS10)', async () => {
    await open();
    expect(await shaken({ Connection: 'Upgrade, Authorization, Sec-WebSocket-Protocol' })).toContain(' 101 ');
    expect(service.seen[0]?.headers.authorization).toBe('Bearer good');
  });

  test.each([401, 403, 404, 503])('the upstream’s %i is the client’s (HS06)', async (status) => {
    await open({
      onUpgrade: (_req, socket) => {
        socket.end(
          `HTTP/1.1 ${status} Said\r\nContent-Length: 4\r\nX-Kept: 1\r\nConnection: close\r\n\r\nbody`,
        );
      },
    });
    const answer = await sendRaw(door, shake({ Origin: PAGE }));
    expect(answer).toMatch(
      new RegExp(`^HTTP/1\\.1 ${status} Said\r\n[\\s\\S]*X-Kept: 1\r\n[\\s\\S]*\r\n\r\nbody$`),
    );
    expect(answer).not.toMatch(/ 101 |access-control/i);
  });

  test('bytes right behind the handshake arrive once, after the 101 (HS11)', async () => {
    await open();
    const client = new RawClient(door.port);
    client.socket.write(Buffer.concat([Buffer.from(shake({})), MASKED_HELLO]));
    await client.until((text) => text.includes('Hello'));
    client.socket.write(MASKED_HELLO);
    await client.until((text) => text.split('Hello').length === 3);
    const frames = client.received.subarray(client.received.indexOf('\r\n\r\n') + 4);
    expect(frames).toEqual(Buffer.concat([HELLO, HELLO]));
    client.socket.destroy();
  });

  test('bytes that the upstream sends with its 101 arrive', async () => {
    await open({ onSession: (session) => session.send('welcome') });
    const session = dial();
    expect(String((await once(session, 'message'))[0])).toBe('welcome');
    session.terminate();
  });

  test('ten megabytes arrive unchanged, there and back', async () => {
    await open();
    const session = dial();
    await once(session, 'open');
    const sent = Buffer.alloc(10 * 1024 * 1024);
    for (let i = 0; i < sent.length; i += 4) sent.writeUInt32LE((i * 2654435761) >>> 0, i);
    session.send(sent);
    const [received] = await once(session, 'message');
    expect(sent.equals(received)).toBe(true);
    session.terminate();
  });

  test.each([1000, 1008, 1012, 1013, 3000, 4999])(
    'close code %i passes both ways with its reason (FR07)',
    async (code) => {
      await open({
        onSession: (session) => session.on('message', () => session.close(code, '이유 retry-after=5')),
      });
      const ended = dial();
      ended.once('open', () => ended.send('end'));
      const [seenCode, seenReason] = await once(ended, 'close');
      expect([seenCode, String(seenReason)]).toEqual([code, '이유 retry-after=5']);

      const ending = dial();
      await once(ending, 'open');
      const upstreamEnd = [...service.sessions].map((session) => once(session, 'close'));
      ending.close(code, '이유');
      const ends = await Promise.all(upstreamEnd);
      expect(ends.map(([seen, reason]) => [seen, String(reason)])).toContainEqual([code, '이유']);
    },
  );

  test('a client that vanishes ends the session upstream, and the reverse', async () => {
    await open();
    const gone = dial();
    await once(gone, 'open');
    const [upstream] = service.sessions;
    if (upstream === undefined) throw new Error('no session');
    gone.terminate();
    expect((await once(upstream, 'close'))[0]).toBe(1006);
    const left = dial();
    await once(left, 'open');
    for (const session of service.sessions) session.terminate();
    expect((await once(left, 'close'))[0]).toBe(1006);
  });

  test('two hundred kills on each side leave no socket (FR10)', async () => {
    await open();
    for (const kill of ['client', 'upstream', 'client before the answer', 'client half'] as const) {
      const clients = Array.from({ length: 200 }, () => new RawClient(door.port));
      await Promise.all(
        clients.map(async (client, i) => {
          client.socket.write(shake({}));
          if (kill === 'client before the answer') {
            await once(client.socket, 'connect');
            client.socket.destroy();
            return;
          }
          await client.until((text) => text.includes('\r\n\r\n'));
          if (kill === 'client half') client.socket.end();
          else if (kill === 'client') i % 2 === 0 ? client.socket.destroy() : client.socket.resetAndDestroy();
        }),
      );
      if (kill === 'upstream') for (const session of service.sessions) session.terminate();
      await Promise.all(clients.map((client) => client.ended()));
      expect(await door.sockets.left()).toBe(0);
      expect(await service.sockets.left()).toBe(0);
    }
    expect(service.sessions.size).toBe(0);
  });

  test('a reader that stops holds the sender back', async () => {
    const CHUNK = Buffer.alloc(64 * 1024);
    const COUNT = 1024;
    await open();
    const client = new RawClient(door.port);
    client.socket.write(shake({}));
    await client.until((text) => text.includes('\r\n\r\n'));
    client.socket.pause();
    const [session] = service.sessions;
    if (session === undefined) throw new Error('no session');
    for (let i = 0; i < COUNT; i += 1) session.send(CHUNK);
    // As much goes to one that reads, through the same gateway: time enough for what isn't held back.
    const reader = dial();
    await once(reader, 'open');
    let read = 0;
    const allRead = new Promise<void>((resolve) => {
      reader.on('message', () => {
        read += 1;
        if (read === COUNT) resolve();
      });
    });
    const [, other] = service.sessions;
    for (let i = 0; i < COUNT; i += 1) other?.send(CHUNK);
    await allRead;
    // Of 64 MiB, all but what kernel buffers on the way hold waits at the sender.
    expect(session.bufferedAmount).toBeGreaterThan(32 * 1024 * 1024);
    client.socket.destroy();
    session.terminate();
    reader.terminate();
  });

  test('closing the gateway ends what is open', async () => {
    await open();
    const session = dial();
    await once(session, 'open');
    await door.close();
    if (session.readyState !== WebSocket.CLOSED) await once(session, 'close');
    expect(session.readyState).toBe(WebSocket.CLOSED);
  });
});

test('an in-process upstream gets the very socket, and nobody else listens to its bytes', async () => {
  const handed: unknown[] = [];
  const upstream = {
    handleRequest: () => {},
    handleUpgrade: (_req: unknown, socket: import('node:stream').Duplex, head: Buffer) => {
      handed.push(socket.listenerCount('data'), socket.listenerCount('error'), head.length);
      socket.end('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n');
    },
  };
  const door = await openDoor(upstream);
  await sendRaw(door, Buffer.concat([Buffer.from(rawRequest(LINE, HANDSHAKE)), MASKED_HELLO]));
  expect(handed).toEqual([0, 0, MASKED_HELLO.length]);
  await door.close();
});
