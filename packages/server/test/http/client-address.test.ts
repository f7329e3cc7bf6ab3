// Whose request it is, asked over real connections: behind trusted hops and behind none.
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createClientAddress } from '../../src/http/client-address.ts';

/** The address that a request with these X-Forwarded-For lines is taken to come from. */
async function addressSeen(
  trusted: readonly string[],
  forwarded: readonly string[],
  listen: { host: string; port: number } | { path: string } = { host: '127.0.0.1', port: 0 },
): Promise<string> {
  const addressOf = createClientAddress(trusted);
  const server = createServer((req, res) => res.end(addressOf(req))).listen(listen);
  await once(server, 'listening');
  const { port } = 'path' in listen ? { port: 0 } : (server.address() as AddressInfo);
  const target = 'path' in listen ? { socketPath: listen.path } : { host: listen.host, port };
  const headers = forwarded.length === 0 ? {} : { 'X-Forwarded-For': [...forwarded] };
  try {
    return await new Promise((resolve, reject) => {
      request({ ...target, headers, agent: false }, (res) => {
        res.setEncoding('utf8').once('data', resolve);
      })
        .on('error', reject)
        .end();
    });
  } finally {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}

const LOOPBACK = ['127.0.0.0/8', '::1'];

test.each([
  ['nobody forwarded it', [], '127.0.0.1'],
  ['a gateway did', ['203.0.113.9'], '203.0.113.9'],
  ['the client made one up before the gateway', ['6.6.6.6, 203.0.113.9'], '203.0.113.9'],
  ['in a line of its own', ['6.6.6.6', '203.0.113.9'], '203.0.113.9'],
  ['a second trusted hop stands between', ['203.0.113.9, 127.0.0.2'], '203.0.113.9'],
  ['only trusted hops are named', ['127.0.0.3, 127.0.0.2'], '127.0.0.3'],
  ['what stands there is no address', ['6.6.6.6, unknown'], '127.0.0.1'],
  ['it is IPv6', ['2001:db8::1'], '2001:db8::1'],
])('through a trusted hop, when %s', async (_, forwarded, address) => {
  expect(await addressSeen(LOOPBACK, forwarded)).toBe(address);
});

test('TR02 from anybody else the header means nothing', async () => {
  expect(await addressSeen(['10.0.0.0/8'], ['203.0.113.9'])).toBe('127.0.0.1');
  expect(await addressSeen([], ['203.0.113.9, 127.0.0.1'])).toBe('127.0.0.1');
});

test('a Unix socket is a trusted hop', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'maru-address-'));
  const listen = { path: join(folder, 'chat.sock') };
  expect(await addressSeen([], ['203.0.113.9'], listen)).toBe('203.0.113.9');
  expect(await addressSeen([], [], listen)).toBe('unknown');
  await rm(folder, { recursive: true });
});
