// The page's server over real HTTP: what it serves, with which headers, and what it refuses.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createLog } from '../../src/telemetry/log.ts';
import { createWebPage, type WebPage } from '../../src/web/web-page.ts';

let folder: string;
let page: WebPage;
let server: Server;
let port: number;
const log = createLog('silent');

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'maru-web-'));
  await mkdir(path.join(folder, 'dist', 'assets'), { recursive: true });
  await writeFile(path.join(folder, 'secret.txt'), 'not for you');
  await writeFile(path.join(folder, 'dist', '.hidden'), 'not for you');
  await writeFile(path.join(folder, 'dist', 'index.html'), '<!doctype html><title>Maru</title>');
  await writeFile(path.join(folder, 'dist', 'favicon.svg'), '<svg xmlns="http://www.w3.org/2000/svg"/>');
  await writeFile(path.join(folder, 'dist', 'assets', 'index-a1b2c3.js'), 'export {};');
  page = await createWebPage({
    distDir: path.join(folder, 'dist'),
    gatewayUrl: 'https://chat.example.com',
    pageUrl: 'http://127.0.0.1:5500',
    log,
  });
  server = createServer((req, res) => page.upstream.handleRequest(req, res));
  server.on('upgrade', (req, socket, head) => page.upstream.handleUpgrade(req, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  port = (server.address() as AddressInfo).port;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await page.close();
  await rm(folder, { recursive: true });
});

const get = (where: string, init?: RequestInit) => fetch(`http://127.0.0.1:${port}${where}`, init);

/** A request as it is on the wire, for paths that fetch would tidy up. */
function raw(request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(request);
  return text(socket);
}

describe('web page', () => {
  test('the page is served under a policy that lets it talk to itself and the gateway only', async () => {
    const response = await get('/');
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(await response.text()).toContain('<title>Maru</title>');
    const policy = response.headers.get('content-security-policy')?.split('; ');
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("connect-src 'self' https://chat.example.com wss://chat.example.com");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy?.join()).not.toContain('unsafe');
  });

  test('the page asks each time, hashed assets never again', async () => {
    expect((await get('/')).headers.get('cache-control')).toBe('no-cache');
    expect((await get('/favicon.svg')).headers.get('cache-control')).toBe('no-cache');
    const asset = await get('/assets/index-a1b2c3.js');
    expect(asset.headers.get('content-type')).toMatch(/^(text|application)\/javascript; charset=utf-8$/);
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
  });

  test('an unchanged page is not sent again', async () => {
    const etag = (await get('/')).headers.get('etag') ?? '';
    // By hand: fetch itself adds a Cache-Control that forbids the short answer.
    const answer = await raw(
      `GET / HTTP/1.1\r\nHost: maru\r\nConnection: close\r\nIf-None-Match: ${etag}\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 304 /);
  });

  test('the page learns where the gateway is', async () => {
    const response = await get('/config.json');
    expect(await response.json()).toEqual({ gatewayUrl: 'https://chat.example.com' });
    expect(response.headers.get('cache-control')).toBe('no-store');
  });

  test('an unknown address is told so, and every answer has the headers of safety', async () => {
    const unknown = await get('/rooms/1');
    expect(unknown.status).toBe(404);
    expect(await unknown.text()).toContain('There is nothing at this address');
    expect((await get('/', { method: 'POST' })).status).toBe(404);
    for (const where of ['/', '/config.json', '/assets/index-a1b2c3.js', '/nowhere']) {
      const { headers } = await get(where);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
      expect(headers.get('access-control-allow-origin')).toBeNull();
    }
  });

  test.each([
    '/../secret.txt',
    '/%2e%2e/secret.txt',
    '/assets/..%2f..%2fsecret.txt',
    '/.hidden',
    '/%00',
    '/%',
  ])('nothing outside the page is served: %s', async (where) => {
    const answer = await raw(`GET ${where} HTTP/1.1\r\nHost: maru\r\nConnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 40[034] /);
    expect(answer).not.toContain('not for you');
  });

  test('an upgrade is refused and the socket closed', async () => {
    const upgrade = 'Connection: Upgrade\r\nUpgrade: websocket\r\n';
    const answer = await raw(`GET /chat HTTP/1.1\r\nHost: maru\r\n${upgrade}\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 404 Not Found\r\n/);
  });

  test('whoever comes by the name localhost is sent to the origin that may sign in', async () => {
    const answer = await raw('GET /rooms HTTP/1.1\r\nHost: localhost:5500\r\nConnection: close\r\n\r\n');
    expect(answer).toMatch(/^HTTP\/1\.1 302 Found\r\n/);
    expect(answer).toMatch(/^location: http:\/\/127\.0\.0\.1:5500\/\r$/m);
    const other = await raw('GET / HTTP/1.1\r\nHost: chat.example.com\r\nConnection: close\r\n\r\n');
    expect(other).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  });

  test('a page that was not built is said to be so, with what builds it', async () => {
    const missing = {
      distDir: path.join(folder, 'nowhere'),
      gatewayUrl: 'http://localhost:1',
      pageUrl: 'http://127.0.0.1:5500',
      log,
    };
    await expect(createWebPage(missing)).rejects.toThrow(/not built.*nowhere.*npm start/);
  });
});
