// What leaves a session's socket: in order beside ws's own frames, bounded, nothing after a Close.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { flushed, frameOf, type Line, Lines, stall, textFrame } from './outbound-line.ts';

describe('outbound queue', () => {
  let lines: Lines;
  const open = (limit?: number): Promise<Line> => lines.open(limit);

  beforeEach(async () => {
    lines = new Lines();
    await lines.listen();
  });
  afterEach(() => lines.close());

  const closing = (client: WebSocket) =>
    new Promise<[number, string]>((resolve) =>
      client.once('close', (code, reason) => resolve([code, String(reason)])),
    );

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

  test('exactly the limit may wait for a client that does not read; with one octet more it is full', async () => {
    const limit = 32 * 1_048_576;
    for (const over of [0, 1]) {
      const line = await open(limit);
      await stall(line);
      line.queue.enqueue(Buffer.alloc(limit - line.queue.octets + over));
      await flushed();
      expect(line.queue.isFull).toBe(over === 1);
      expect(line.told).toEqual(over === 1 ? ['full'] : []);
      expect(line.room).toEqual(over === 1 ? [false] : []);
      line.client.terminate();
    }
  });

  test('it says once that it is full, and once that it is not when the client has read on', async () => {
    const line = await open(4 * 1_048_576);
    await stall(line);
    while (!line.queue.isFull) {
      line.queue.enqueue(textFrame(Buffer.alloc(60_000)));
      await flushed();
    }
    line.queue.enqueue(frameOf('an answer that must go'));
    await flushed();
    expect([line.told, line.room]).toEqual([['full'], [false]]);
    const last = new Promise((resolve) =>
      line.client.on('message', (data) => String(data) === 'an answer that must go' && resolve(null)),
    );
    line.client.resume();
    await last;
    while (line.queue.isFull) await flushed();
    expect([line.told, line.room]).toEqual([
      ['full', 'resume'],
      [false, true],
    ]);
  });

  test('what may be lost is dropped while it is full, but for the newest of each kind', async () => {
    const line = await open(1_048_576);
    await stall(line);
    while (!line.queue.isFull) {
      line.queue.enqueue(textFrame(Buffer.alloc(60_000)));
      await flushed();
    }
    for (const [text, kind] of [
      ['plain', undefined],
      ['ann 1', 'ann'],
      ['bob 1', 'bob'],
      ['ann 2', 'ann'],
    ] as const) {
      line.queue.offer(frameOf(text), kind);
    }
    expect(line.counts.ephemeralDropped).toBe(2);
    const heard: string[] = [];
    const last = new Promise((resolve) =>
      line.client.on('message', (data) => {
        if ((data as Buffer).length < 100) heard.push(String(data));
        if (heard.length === 2) resolve(null);
      }),
    );
    line.client.resume();
    await last;
    expect(heard).toEqual(['bob 1', 'ann 2']);
    line.queue.offer(frameOf('plain again'), undefined);
    while (heard.length < 3) await flushed();
    expect(heard.at(-1)).toBe('plain again');
    expect(line.counts.ephemeralDropped).toBe(2);
  });

  test('what is kept of what may be lost is bounded', async () => {
    const line = await open(1_048_576);
    await stall(line);
    while (!line.queue.isFull) {
      line.queue.enqueue(textFrame(Buffer.alloc(60_000)));
      await flushed();
    }
    for (let n = 0; n < 1_025; n++) line.queue.offer(frameOf('x'), `kind ${n}`);
    expect(line.counts.ephemeralDropped).toBe(1);
    line.queue.offer(Buffer.alloc(262_144), 'kind 0');
    // The older one of its kind was replaced, and there was no place for it.
    expect(line.counts.ephemeralDropped).toBe(3);
  });

  test('whoever found no room within a turn is told when the turn has brought it', async () => {
    const line = await open(100_000);
    line.queue.enqueue(textFrame(Buffer.alloc(200_000)));
    expect(line.queue.isFull).toBe(true);
    while (line.told.length === 0) await flushed();
    expect(line.told.at(-1)).toBe('resume');
  });

  test('a burst larger than the limit reaches a client that reads', async () => {
    const { queue, client } = await open(100_000);
    let octets = 0;
    const all = new Promise<void>((resolve) => {
      client.on('message', (data) => {
        octets += (data as Buffer).length;
        if (octets === 200_000) resolve();
      });
    });
    queue.enqueue(textFrame(Buffer.alloc(200_000)));
    await all;
    while (queue.isFull) await flushed();
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
