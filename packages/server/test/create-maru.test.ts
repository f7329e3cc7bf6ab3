// Maru in somebody's program: how it starts and ends there, and what it says about wrong settings.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePort } from '../../../e2e/free-port.ts';
import {
  ConfigError,
  createLog,
  createMaru,
  type GivenSettings,
  type Maru,
  type Role,
} from '../src/index.ts';

let folder: string;
let settings: GivenSettings;
const created: Maru[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maru-embedded-'));
  settings = {
    dataDir: join(folder, 'data'),
    identity: { port: await freePort() },
    chat: { port: await freePort() },
    gateway: { port: await freePort() },
    operations: { port: 0 },
  };
});
afterEach(async () => {
  await Promise.all(created.splice(0).map((maru) => maru.close()));
  await rm(folder, { recursive: true });
});

function create(given: GivenSettings = settings): Maru {
  const maru = createMaru({
    settings: given,
    roles: ['identity', 'chat', 'gateway'],
    log: createLog('silent'),
  });
  created.push(maru);
  return maru;
}

describe('createMaru', () => {
  test('opens and writes nothing before start, and listens with start', async () => {
    const maru = create();
    expect(await readdir(folder)).toEqual([]);
    const listening = await maru.start();
    expect(listening).toEqual({
      operations: { hosts: ['127.0.0.1'], port: expect.any(Number) },
      identity: { hosts: ['127.0.0.1'], port: settings.identity?.port },
      chat: { hosts: ['127.0.0.1'], port: settings.chat?.port },
      gateway: { hosts: ['127.0.0.1', '::1'], port: settings.gateway?.port },
    });
    expect((await fetch(`http://127.0.0.1:${listening.gateway?.port}/auth/jwks`)).status).toBe(200);
  });

  test('is started once; another may follow on the same ports and data', async () => {
    const maru = create();
    await maru.start();
    await expect(maru.start()).rejects.toThrow('was started before');
    await maru.close();
    await maru.close();
    await expect(maru.start()).rejects.toThrow('was closed');
    await create().start();
  });

  test('closed before it starts it does nothing', async () => {
    const maru = create();
    await maru.close();
    await expect(maru.start()).rejects.toThrow('was closed');
    expect(await readdir(folder)).toEqual([]);
  });

  test('a start that fails leaves nothing running and nothing held', async () => {
    const holder = await listening(settings.gateway?.port ?? 0);
    await expect(create().start()).rejects.toThrow(/^gateway: port \d+ on 127\.0\.0\.1 is in use/);
    for (const port of [settings.identity?.port, settings.chat?.port]) await end(await listening(port ?? 0));
    await end(holder);
    await create().start();
  });

  test('wrong settings are all told at once, before anything is opened', () => {
    // As from a program without types.
    const wrong: object = { gateway: { port: 70_000, prot: 1 }, chat: { frameOctets: '64k' } };
    try {
      create(wrong);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(ConfigError);
      expect((error as ConfigError).problems).toEqual([
        expect.stringMatching(/^gateway\.port: /),
        'gateway.prot is no setting of Maru; did you mean gateway.port?',
        expect.stringMatching(/^chat\.frameOctets: /),
      ]);
    }
  });
});

test('roles that are none are refused, as from a program without types', () => {
  const wrong: string[][] = [[], ['chats']];
  for (const roles of wrong) {
    expect(() => createMaru({ settings, roles: roles as Role[] })).toThrow(
      /^roles: must be some of identity, /,
    );
  }
});

async function listening(port: number): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  expect((server.address() as AddressInfo).port).toBe(port);
  return server;
}

function end(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}
