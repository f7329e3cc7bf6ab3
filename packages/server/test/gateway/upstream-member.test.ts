// A upstream in another process that is down, slow, overloaded or speaks nonsense: never a hang, and a browser learns when to retry.
import { once } from 'node:events';
import { createServer as createTcpServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as moment } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { readUpgradeAnswer } from '../../src/gateway/upgrade-answer.ts';
import { acceptKey } from '../../src/http/retry-later.ts';
import {
  ask,
  type Door,
  HANDSHAKE,
  LogText,
  openDoor,
  PAGE,
  RawClient,
  rawRequest,
  sendRaw,
} from './door.ts';
import { OpenSockets } from './open-sockets.ts';
import { openService, portOf, REMOTE_LIMITS, remoteTo, type ServiceOptions } from './service.ts';

const LINE = 'GET /chat HTTP/1.1';
const cleanup: (() => unknown)[] = [];

afterEach(async () => {
  for (const step of cleanup.splice(0).reverse()) await step();
});

async function openTo(target: Parameters<typeof remoteTo>[0], options: ServiceOptions = {}) {
  const log = new LogText();
  const upstream = await remoteTo(target, { log, ...options });
  const door = await openDoor(upstream);
  cleanup.push(
    () => upstream.close(),
    () => door.close(),
  );
  return { door, log };
}

/** A TCP server that does with each connection what it is told. */
async function openTcp(onConnection: (socket: Socket) => void): Promise<Server & { sockets: OpenSockets }> {
  const server = createTcpServer({ allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {});
    onConnection(socket);
  });
  const sockets = new OpenSockets(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanup.push(() => {
    sockets.destroy();
    return new Promise((resolve) => server.close(resolve));
  });
  return Object.assign(server, { sockets });
}

async function openToTcp(onConnection: (socket: Socket) => void, limits: ServiceOptions['limits'] = {}) {
  const server = await openTcp(onConnection);
  return { server, ...(await openTo({ host: '127.0.0.1', port: portOf(server) }, { limits })) };
}

/** A port that nobody listens on. */
async function deadPort(): Promise<number> {
  const server = createTcpServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const shake = (headers: Record<string, string> = {}) => rawRequest(LINE, { ...HANDSHAKE, ...headers });

async function dialedClose(door: Door, protocols: string[]): Promise<[number, string, string]> {
  const session = new WebSocket(`ws://127.0.0.1:${door.port}/chat`, protocols, { origin: PAGE });
  const [code, reason] = await once(session, 'close');
  return [code, String(reason), session.protocol];
}

describe.each(['over TCP', 'over a Unix socket'])('an upstream that is down, %s', (kind) => {
  const target = async () =>
    kind === 'over TCP'
      ? { host: '127.0.0.1', port: await deadPort() }
      : { socketPath: join(tmpdir(), 'maru-nobody-listens.sock') };

  test('is 502 that a page can read, and a log line that says why', async () => {
    const { door, log } = await openTo(await target());
    const answer = await ask(door, { path: '/auth/x', headers: { Origin: PAGE } });
    expect(answer.json()).toMatchObject({ statusCode: 502, code: 'upstream-unavailable' });
    expect(answer.headers['access-control-allow-origin']).toBe(PAGE);
    expect(answer.text).not.toMatch(/ECONNREFUSED|ENOENT|sock/);
    expect(log.text).toMatch(/upstream-unavailable.*(?:ECONNREFUSED|ENOENT)/);
  });

  test('is 502 for an upgrade without an Origin', async () => {
    const { door } = await openTo(await target());
    const answer = await sendRaw(door, shake());
    expect(answer).toMatch(/^HTTP\/1\.1 502 Bad Gateway\r\n[\s\S]*"code":"upstream-unavailable"/);
    expect(answer).not.toMatch(/access-control/i);
  });

  test('is 101 and close 1013 for an upgrade of a page', async () => {
    const { door } = await openTo(await target());
    const close = await dialedClose(door, ['bearer.good', 'v12.stomp', 'v11.stomp']);
    expect(close).toEqual([1013, 'retry-after=2500', 'v12.stomp']);
    expect(await door.sockets.left()).toBe(0);
  });
});

test('the 1013 answer has the key of the RFC example and the first protocol that is no token (HS03)', async () => {
  expect(acceptKey('dGhlIHNhbXBsZSBub25jZQ==')).toBe('s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  const { door } = await openTo({ host: '127.0.0.1', port: await deadPort() });
  const client = new RawClient(door.port);
  client.socket.write(shake({ Origin: PAGE, 'Sec-WebSocket-Protocol': 'bearer.x, v12.stomp' }));
  await client.ended();
  const [head = '', frame = ''] = client.text.split('\r\n\r\n');
  expect(head).toMatch(/^HTTP\/1\.1 101 Switching Protocols\r\n/);
  expect(head).toContain('\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  expect(head).toContain('\r\nSec-WebSocket-Protocol: v12.stomp');
  expect(head).not.toMatch(/access-control|bearer/i);
  // FIN and Close, unmasked, 18 octets: 1013 and the reason.
  expect(frame).toBe(`\x88\x12\x03\xf5retry-after=2500`);
});

test('no protocol is made up for a page that offered none', async () => {
  const { door } = await openTo({ host: '127.0.0.1', port: await deadPort() });
  expect(await sendRaw(door, shake({ Origin: PAGE }))).not.toContain('Sec-WebSocket-Protocol');
});

describe('an upstream that is slow', () => {
  test('is 504 for a request', async () => {
    const { door } = await openToTcp((socket) => socket.resume());
    const answer = await ask(door, { path: '/auth/x', headers: { Origin: PAGE } });
    expect(answer.json()).toMatchObject({ statusCode: 504, code: 'upstream-timeout' });
    expect(answer.headers['access-control-allow-origin']).toBe(PAGE);
  });

  test('is 504 for an upgrade without an Origin, 1013 with one, and leaves no socket', async () => {
    const { door, server } = await openToTcp((socket) => socket.resume().on('end', () => socket.end()));
    expect(await sendRaw(door, shake())).toMatch(/^HTTP\/1\.1 504[\s\S]*"code":"upstream-timeout"/);
    expect((await dialedClose(door, ['v12.stomp', 'bearer.good'])).slice(0, 2)).toEqual([
      1013,
      'retry-after=2500',
    ]);
    expect(await server.sockets.left()).toBe(0);
    expect(await door.sockets.left()).toBe(0);
  });

  test('may take its time to refuse an upgrade byte by byte, but not longer', async () => {
    const { door } = await openToTcp((socket) => {
      socket.once('data', () => socket.write('HTTP/1.1 10'));
    });
    expect(await sendRaw(door, shake())).toMatch(/^HTTP\/1\.1 504/);
  });
});

describe('an upstream that speaks nonsense is 502', () => {
  test.each([
    ['not HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['another version', 'HTTP/2.0 101 x\r\n\r\n'],
    ['nothing but its end', ''],
    ['a head that breaks off', 'HTTP/1.1 101 x\r\nUpgr'],
  ])('%s', async (_, bytes) => {
    const { door } = await openToTcp((socket) => socket.once('data', () => socket.end(bytes)));
    expect(await sendRaw(door, shake())).toMatch(/^HTTP\/1\.1 502/);
    expect(await sendRaw(door, 'GET /auth/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 502/,
    );
  });

  test('a head of the limit is read, one octet more is refused', () => {
    const head = (octets: number) => {
      const text = 'HTTP/1.1 101 x\r\nX: \r\n\r\n';
      return Buffer.from(text.replace('X: ', `X: ${'a'.repeat(octets - text.length)}`));
    };
    expect(readUpgradeAnswer(head(16_384), 16_384)?.status).toBe(101);
    expect(() => readUpgradeAnswer(head(16_385), 16_384)).toThrow('longer than 16384 octets');
    expect(() => readUpgradeAnswer(head(20_000).subarray(0, 16_385), 16_384)).toThrow('longer');
    expect(readUpgradeAnswer(head(16_384).subarray(0, 16_383), 16_384)).toBeUndefined();
  });

  test('an endless head is refused at the limit', async () => {
    const { door } = await openToTcp((socket) => {
      socket.once('data', () => socket.write(`HTTP/1.1 101 x\r\nX: ${'a'.repeat(20_000)}`));
    });
    expect(await sendRaw(door, shake())).toMatch(/^HTTP\/1\.1 502/);
  });
});

test('a 101 in pieces, behind an interim answer and with frames behind it, is passed on whole', async () => {
  const head = 'HTTP/1.1 101 Web Socket Protocol Handshake\r\nUpgrade: websocket\r\nX-Kept:  1 \r\n';
  const { door } = await openToTcp((socket) => {
    socket.setNoDelay(true);
    socket.once('data', async () => {
      for (const piece of ['HTTP/1.1 103 Early\r\nX: 1\r', '\n\r\n', head, '\r', '\nframes']) {
        socket.write(piece);
        // Nobody says when the gateway has read a piece: a moment in which it surely has, lest two come as one.
        await moment(20);
      }
      socket.write(' and more');
    });
  });
  const client = new RawClient(door.port);
  client.socket.write(shake());
  await client.until((text) => text.endsWith('more'));
  expect(client.text).toBe(`${head}\r\nframes and more`);
  client.socket.destroy();
});

test('a refusal is passed on and closed, where its length is told, where it is not, and where the upstream stays', async () => {
  const answers = [
    'HTTP/1.1 403 No\r\nContent-Length: 2\r\nAccess-Control-Allow-Origin: *\r\nConnection: keep-alive\r\n\r\nno',
    'HTTP/1.1 403 No\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n',
    'HTTP/1.1 403 No\r\n\r\nno',
  ];
  let turn = 0;
  const { door, server } = await openToTcp((socket) => {
    socket.on('end', () => socket.end());
    socket.once('data', () => socket.write(answers[turn++] ?? ''));
  });
  for (const sent of answers) {
    const answer = await sendRaw(door, shake({ Origin: PAGE }));
    expect(answer).toMatch(/^HTTP\/1\.1 403 No\r\n/);
    expect(answer).toMatch(/\r\nConnection: close\r\n\r\n/);
    expect(answer).not.toMatch(/access-control|keep-alive/i);
    expect(answer.split('\r\n\r\n').slice(1)).toEqual(sent.split('\r\n\r\n').slice(1));
  }
  expect(await server.sockets.left()).toBe(0);
});

describe('an upstream under load', () => {
  test('serves as many tunnels as it may have, and refuses one more', async () => {
    const accept = 'HTTP/1.1 101 x\r\n\r\n';
    const { door } = await openToTcp((socket) => socket.once('data', () => socket.write(accept)), {
      maxTunnels: 2,
    });
    const open = [new RawClient(door.port), new RawClient(door.port)];
    for (const client of open) {
      client.socket.write(shake());
      await client.until((text) => text === accept);
    }
    expect(await sendRaw(door, shake())).toMatch(
      /^HTTP\/1\.1 503[\s\S]*Retry-After: 1\r\n[\s\S]*"overloaded"/,
    );
    expect((await dialedClose(door, ['v12.stomp', 'bearer.x']))[0]).toBe(1013);
    for (const client of open) client.socket.destroy();
  });

  test('serves as many requests as it may have, and refuses one more until one is done', async () => {
    const waiting: Socket[] = [];
    const { door, server } = await openToTcp((socket) => socket.on('data', () => waiting.push(socket)), {
      maxRequests: 2,
    });
    const first = [ask(door, { path: '/auth/a' }), ask(door, { path: '/auth/b' })];
    while (waiting.length < 2) await Promise.race([once(server, 'connection'), new Promise(setImmediate)]);
    const refused = await ask(door, { path: '/auth/c', headers: { Origin: PAGE } });
    expect([refused.status, refused.headers['retry-after']]).toEqual([503, '1']);
    expect(refused.headers['access-control-allow-origin']).toBe(PAGE);
    for (const socket of waiting.splice(0)) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    expect((await Promise.all(first)).map((answer) => answer.status)).toEqual([200, 200]);
    const next = ask(door, { path: '/auth/d' });
    while (waiting.length === 0) await new Promise(setImmediate);
    waiting[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    expect((await next).status).toBe(200);
  });

  test('a chunked body of the limit passes, one octet more is 413', async () => {
    const service = await openService('over TCP', { limits: { maxBodyOctets: 1000 } });
    const door = await openDoor(service.upstream);
    cleanup.push(
      () => service.close(),
      () => door.close(),
    );
    const post = (octets: number) => {
      const head = { Host: 'a', Connection: 'close', 'Transfer-Encoding': 'chunked' };
      const chunk = `${octets.toString(16)}\r\n${'x'.repeat(octets)}\r\n0\r\n\r\n`;
      return sendRaw(door, rawRequest('POST /auth/x HTTP/1.1', head) + chunk);
    };
    expect(await post(1000)).toMatch(/^HTTP\/1\.1 200/);
    expect(await post(1001)).toMatch(/^HTTP\/1\.1 413[\s\S]*"payload-too-large"/);
  });
});

describe('one end of a tunnel', () => {
  const accept = 'HTTP/1.1 101 x\r\n\r\n';

  test('that takes no bytes for too long loses the tunnel', async () => {
    const { door, server } = await openToTcp(
      (socket) => {
        const flood = () => {
          while (socket.write(Buffer.alloc(64 * 1024))) {}
        };
        socket.on('drain', flood).once('data', () => {
          socket.write(accept);
          flood();
        });
      },
      { stallTimeoutMs: 200 },
    );
    const client = new RawClient(door.port);
    client.socket.write(shake());
    await once(client.socket, 'data');
    client.socket.pause();
    expect(await door.sockets.left()).toBe(0);
    expect(await server.sockets.left()).toBe(0);
    client.socket.destroy();
  });

  test('that has ended still gets the other’s last bytes', async () => {
    const { door } = await openToTcp((socket) => {
      socket.once('data', () => socket.write(accept));
      socket.on('end', () => socket.end('last words'));
    });
    const client = new RawClient(door.port);
    client.socket.write(shake());
    await client.until((text) => text === accept);
    client.socket.end();
    expect(await client.ended()).toBe(`${accept}last words`);
  });

  test('does not stay when the other has gone and it will not close', async () => {
    const { door, server } = await openToTcp((socket) => socket.once('data', () => socket.write(accept)));
    const client = new RawClient(door.port);
    client.socket.write(shake());
    await client.until((text) => text === accept);
    const began = Date.now();
    client.socket.resetAndDestroy();
    const kept = server.sockets.first;
    if (kept === undefined) throw new Error('no connection');
    await once(kept.resume(), 'end');
    // The upstream never ends its own half: the gateway's is gone all the same.
    expect(await door.sockets.left()).toBe(0);
    // Only writing tells whether the other half is still there.
    const poke = setInterval(() => kept.write('x'), 20);
    expect(await server.sockets.left()).toBe(0);
    clearInterval(poke);
    expect(Date.now() - began).toBeLessThan(REMOTE_LIMITS.lingerMs + 2000);
  });
});
