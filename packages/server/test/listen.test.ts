// Opening listeners: several addresses on one port, and errors that say what to do.
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { createServer, get, Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { closeAll, ListenError, listenAll } from '../src/listen.ts';

/** A server on a machine that lacks the address: it answers as the operating system would. */
class AddressMissing extends Server {
  readonly #code: string;
  constructor(code: string) {
    super();
    this.#code = code;
  }
  override listen(): this {
    process.nextTick(() => this.emit('error', Object.assign(new Error(this.#code), { code: this.#code })));
    return this;
  }
}

describe('listening', () => {
  const opened: Server[] = [];
  afterEach(() => closeAll(opened.splice(0)));

  const hello = () => createServer((_req, res) => res.end('hello'));
  const listen = async (hosts: readonly string[], port = 0, create: () => Server = hello) => {
    const { servers, port: bound } = await listenAll('gateway', hosts, port, create);
    opened.push(...servers);
    return { servers, port: bound };
  };
  const textAt = (host: string, port: number) =>
    new Promise<string>((resolve, reject) => {
      get({ host, port }, (res) => res.setEncoding('utf8').on('data', resolve)).on('error', reject);
    });

  test('port 0 takes a free port, the same for all addresses', async () => {
    const { servers, port } = await listen(['127.0.0.1', '127.0.0.2', '127.0.0.3']);
    expect(servers.map((server) => (server.address() as AddressInfo).port)).toEqual([port, port, port]);
    expect(
      await Promise.all(['127.0.0.1', '127.0.0.2', '127.0.0.3'].map((host) => textAt(host, port))),
    ).toEqual(['hello', 'hello', 'hello']);
  });

  test('a busy port is told with its role, address and setting, and nothing is left listening', async () => {
    const { port } = await listen(['127.0.0.2']);
    const failing = listenAll('gateway', ['127.0.0.1', '127.0.0.2'], port, hello);
    await expect(failing).rejects.toThrow(ListenError);
    await expect(failing).rejects.toThrow(
      `gateway: port ${port} on 127.0.0.2 is in use by another process; set gateway.port or gateway.host (MARU_GATEWAY_PORT=…), or stop the other process`,
    );
    await expect(textAt('127.0.0.1', port)).rejects.toThrow('ECONNREFUSED');
  });

  test('an address that the machine has not is told', async () => {
    await expect(listenAll('chat', ['192.0.2.1'], 0, hello)).rejects.toThrow(
      /^chat: port 0 on 192\.0\.2\.1 is not an address of this machine; set chat\.port/,
    );
  });

  test.each(['EADDRNOTAVAIL', 'EAFNOSUPPORT'])(
    'a machine without ::1 (%s) listens on the rest',
    async (code) => {
      let asked = 0;
      const create = () => {
        asked += 1;
        return asked === 1 ? hello() : new AddressMissing(code);
      };
      const { servers, port } = await listen(['127.0.0.1', '::1'], 0, create);
      expect([servers.length, asked]).toEqual([1, 2]);
      expect(await textAt('127.0.0.1', port)).toBe('hello');
    },
  );

  test('::1 alone must be there, and no other address may be missing', async () => {
    const missing = () => new AddressMissing('EADDRNOTAVAIL');
    await expect(listenAll('web', ['::1'], 0, missing)).rejects.toThrow(ListenError);
    let asked = 0;
    const second = () => {
      asked += 1;
      return asked === 1 ? hello() : missing();
    };
    await expect(listenAll('web', ['127.0.0.1', '::2'], 0, second)).rejects.toThrow(ListenError);
  });

  test('a busy ::1 is an error, not left out', async () => {
    let asked = 0;
    const create = () => {
      asked += 1;
      return asked === 1 ? hello() : new AddressMissing('EADDRINUSE');
    };
    await expect(listenAll('web', ['127.0.0.1', '::1'], 0, create)).rejects.toThrow(
      'in use by another process',
    );
  });

  test('a Unix socket is listened on by its path', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'maru-listen-'));
    const path = join(folder, 'chat.sock');
    await listen([`unix:${path}`]);
    expect((await stat(path)).isSocket()).toBe(true);
    const answer = await new Promise<string>((resolve) => {
      get({ socketPath: path }, (res) => res.setEncoding('utf8').on('data', resolve));
    });
    expect(answer).toBe('hello');
    await expect(listenAll('chat', [`unix:${path}`], 0, hello)).rejects.toThrow(
      `chat: ${path} is in use by another process`,
    );
    await closeAll(opened.splice(0));
    await rm(folder, { recursive: true });
  });

  test('closing cuts what is open, also a request that is not finished', async () => {
    const { servers, port } = await listen(['127.0.0.1']);
    const socket = connect(port, '127.0.0.1');
    const cut = new Promise((resolve) => socket.on('close', resolve).on('error', () => undefined));
    await new Promise<void>((resolve) => socket.write('GET / HTTP/1.1\r\nHost: x\r\n', () => resolve()));
    await closeAll(servers);
    await cut;
    await expect(textAt('127.0.0.1', port)).rejects.toThrow('ECONNREFUSED');
  });
});
