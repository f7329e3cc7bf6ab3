// What leaves a session's socket: in order beside ws's own frames, bounded, nothing after a Close.
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Turn } from '../../src/broker/turn.ts';
import { encodeDataFrame, OPCODES } from '../../src/broker/websocket-frame.ts';
import { OutboundQueue } from '../../src/session/outbound-queue.ts';

type Line = {
  queue: OutboundQueue;
  server: WebSocket;
  socket: Socket;
  client: WebSocket;
  overflows: number[];
};

const textFrame = (payload: Buffer) => encodeDataFrame(payload, OPCODES.text);
const frameOf = (text: string) => textFrame(Buffer.from(text));

describe('outbound queue', () => {
  const http = createServer();
  const webSockets = new WebSocketServer({ noServer: true });
  let turn: Turn;

  beforeEach(async () => {
    turn = new Turn();
    await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  });
  afterEach(async () => {
    http.removeAllListeners('upgrade');
    http.closeAllConnections();
    for (const client of webSockets.clients) client.terminate();
    await new Promise((resolve) => http.close(resolve));
  });

  /** Both ends of one WebSocket; the server's end writes through a queue with this limit. */
  async function open(limit = 1_048_576): Promise<Line> {
    const overflows: number[] = [];
    const accepted = new Promise<Omit<Line, 'client'>>((resolve) => {
      http.once('upgrade', (req, socket: Socket, head) => {
        webSockets.handleUpgrade(req, socket, head, (server) => {
          const onOverflow = () => overflows.push(queue.octets);
          const queue = new OutboundQueue({ socket, webSocket: server, turn, limit, onOverflow });
          server.on('error', () => undefined);
          resolve({ queue, server, socket, overflows });
        });
      });
    });
    const { port } = http.address() as AddressInfo;
    const client = new WebSocket(`ws://127.0.0.1:${port}`, { perMessageDeflate: false });
    const [line] = await Promise.all([accepted, new Promise((resolve) => client.once('open', resolve))]);
    return { ...line, client };
  }

  const closing = (client: WebSocket) =>
    new Promise<[number, string]>((resolve) =>
      client.once('close', (code, reason) => resolve([code, String(reason)])),
    );

  /** A client that reads nothing, and a socket that the kernel takes nothing more from. */
  async function stall({ queue, socket, client }: Line): Promise<void> {
    client.pause();
    while (socket.writableLength === 0) {
      queue.enqueue(textFrame(Buffer.alloc(60_000)));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  const flushed = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));

  test('50,000 messages mixed with pings arrive in order, none lost, and the Close is clean', async () => {
    const { queue, server, client } = await open(64 * 1_048_576);
    const received: string[] = [];
    let pings = 0;
    client.on('message', (data) => received.push(String(data)));
    client.on('ping', () => {
      pings += 1;
    });
    const closed = closing(client);
    for (let n = 0; n < 50_000; n++) {
      queue.enqueue(frameOf(`${n}${n % 1_000 === 0 ? 'x'.repeat(70_000) : ''}`));
      if (n % 500 === 0) {
        queue.flush();
        server.ping();
      }
      if (n % 777 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    queue.finish(frameOf('last'));
    server.close(1000, 'done');
    expect(await closed).toEqual([1000, 'done']);
    expect(received.length).toBe(50_001);
    expect(received.every((text, n) => n === 50_000 || text.startsWith(`${n}`))).toBe(true);
    expect(received.map((text) => text.replace(/x+$/, ''))).toEqual([
      ...Array.from({ length: 50_000 }, (_, n) => String(n)),
      'last',
    ]);
    expect(pings).toBe(100);
  });

  test('what one turn brings leaves in one write', async () => {
    const { queue, socket, client } = await open();
    const received = new Promise<void>((resolve) => {
      let count = 0;
      client.on('message', () => {
        count += 1;
        if (count === 100) resolve();
      });
    });
    let writes = 0;
    const write = socket.write.bind(socket);
    socket.write = ((chunk: Buffer) => {
      writes += 1;
      return write(chunk);
    }) as typeof socket.write;
    for (let n = 0; n < 100; n++) queue.enqueue(frameOf(String(n)));
    expect(writes).toBe(0);
    await received;
    expect(writes).toBe(1);
  });

  test('exactly the limit may wait for a client that does not read; one octet more ends it', async () => {
    const limit = 32 * 1_048_576;
    for (const over of [0, 1]) {
      const line = await open(limit);
      await stall(line);
      const room = limit - line.queue.octets;
      line.queue.enqueue(Buffer.alloc(room + over));
      await flushed();
      expect(line.overflows.length).toBe(over);
      expect(line.queue.octets).toBeLessThanOrEqual(limit);
      line.client.terminate();
    }
  });

  test('a client that does not read is reported once, and what comes after is not kept', async () => {
    const line = await open(4 * 1_048_576);
    await stall(line);
    for (let n = 0; n < 2_000 && line.overflows.length === 0; n++) {
      line.queue.enqueue(textFrame(Buffer.alloc(60_000)));
      if (n % 10 === 0) await flushed();
    }
    const kept = line.queue.octets;
    for (let n = 0; n < 1_000; n++) line.queue.enqueue(textFrame(Buffer.alloc(60_000)));
    await flushed();
    expect(line.overflows.length).toBe(1);
    expect(line.queue.octets).toBe(kept);
    expect(kept).toBeLessThanOrEqual(4 * 1_048_576);
  });

  test('a flood within one turn does not heap up before the limit is looked at', async () => {
    const line = await open(1_048_576);
    await stall(line);
    for (let n = 0; n < 1_000; n++) {
      line.queue.enqueue(textFrame(Buffer.alloc(60_000)));
      expect(line.queue.octets).toBeLessThanOrEqual(1_048_576 + 60_010);
    }
    expect(line.overflows.length).toBe(1);
  });

  test('a burst larger than the limit reaches a client that reads', async () => {
    const { queue, client, overflows } = await open(100_000);
    let octets = 0;
    const all = new Promise<void>((resolve) => {
      client.on('message', (data) => {
        octets += (data as Buffer).length;
        if (octets === 200_000) resolve();
      });
    });
    queue.enqueue(textFrame(Buffer.alloc(200_000)));
    await all;
    expect(overflows).toEqual([]);
  });

  test('nothing is written after our own Close', async () => {
    const { queue, server, socket, client } = await open();
    const received: string[] = [];
    client.on('message', (data) => received.push(String(data)));
    const closed = closing(client);
    queue.enqueue(frameOf('before'));
    queue.flush();
    server.close(1000);
    const { bytesWritten } = socket;
    queue.enqueue(frameOf('after'));
    await flushed();
    queue.finish(frameOf('last'));
    expect(socket.bytesWritten).toBe(bytesWritten);
    await closed;
    expect(received).toEqual(['before']);
  });

  test("nothing is written after the client's Close", async () => {
    const { queue, server, socket, client } = await open();
    const received: string[] = [];
    client.on('message', (data) => received.push(String(data)));
    const closed = closing(client);
    const serverClosed = closing(server);
    client.close(1000, 'bye');
    while (server.readyState === WebSocket.OPEN) await flushed();
    const { bytesWritten } = socket;
    queue.enqueue(frameOf('late'));
    await flushed();
    queue.finish(frameOf('last'));
    expect(socket.bytesWritten).toBe(bytesWritten);
    expect((await closed)[0]).toBe(1000);
    await serverClosed;
    expect(received).toEqual([]);
  });

  test('the last frame goes out whatever waits before it', async () => {
    const { queue, server, client } = await open();
    const received: string[] = [];
    client.on('message', (data) => received.push(String(data)));
    const closed = closing(client);
    queue.enqueue(frameOf('1'));
    queue.enqueue(frameOf('2'));
    queue.finish(frameOf('last'));
    server.close(1008, 'access-denied');
    expect(await closed).toEqual([1008, 'access-denied']);
    expect(received).toEqual(['1', '2', 'last']);
  });
});
