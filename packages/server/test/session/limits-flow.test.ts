// The bounds of what a session sends: frames in flight, writes that wait for the database, frames and octets a second.
import { EventEmitter, once } from 'node:events';
import { setTimeout as silence } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { mapDestination } from '../../src/handlers/application-handler.ts';
import { type Chat, openChat } from './chat-fixture.ts';
import { growthOf, reaches, refusalsDuring } from './growth.ts';
import { frameText, sendText } from './raw-client.ts';
import { RawSocket, wireFrame } from './raw-socket.ts';

const IN_FLIGHT = 'maru_reads_paused_total{reason="in-flight"}';

describe('limits of what is under way', () => {
  const chats: Chat[] = [];
  afterEach(async () => {
    await Promise.all(chats.splice(0).map((chat) => chat.close()));
  });
  const open = async (...args: Parameters<typeof openChat>) => {
    const chat = await openChat(...args);
    chats.push(chat);
    return chat;
  };

  test('5,000 SENDs sent without reading a receipt are stored once, in order, and receipted in order', async () => {
    const chat = await open({ limits: { inFlight: 64 } });
    const roomId = await chat.newRoom('ann', 'bob');
    const [client, reader] = [await chat.connect('ann'), await chat.connect('bob')];
    await reader.subscribe(roomId, '0');
    client.webSocket.pause();
    for (let n = 0; n < 5_000; n += 50) {
      client.write(
        Array.from({ length: 50 }, (_, index) => sendText(roomId, `${n + index}`, `${n + index}`)).join(''),
      );
    }
    await reader.messages(5_000);
    client.webSocket.resume();
    for (let n = 0; n < 5_000; n++) await client.receipt(`${n}`);
    expect(await chat.history(roomId)).toEqual(Array.from({ length: 5_000 }, (_, n) => `${n}`));
  });

  /** A destination whose handler waits until it is let go. */
  function gated() {
    const gate = Promise.withResolvers<void>();
    let begun = 0;
    const seen = new EventEmitter();
    const mapping = mapDestination({
      destination: '/pub/test/slow',
      isConcurrent: true,
      schema: z.object({ pad: z.string() }),
      handle: async () => {
        begun += 1;
        seen.emit('begun');
        await gate.promise;
        return [];
      },
    });
    const until = async (count: number) => {
      while (begun < count) await once(seen, 'begun');
    };
    return { mapping, open: gate.resolve, until, begun: () => begun };
  }
  const slowSend = (n: number, octets: number) =>
    frameText(
      'SEND',
      { destination: '/pub/test/slow', receipt: `${n}` },
      JSON.stringify({ pad: 'x'.repeat(octets) }),
    );

  test('chat.inFlight: with as many frames in flight the session is read, one more pauses it until an answer has left', async () => {
    const gate = gated();
    const chat = await open({ limits: { inFlight: 10 }, mappings: [gate.mapping] });
    const client = await chat.connect('ann');
    const atLimit = await growthOf(chat, IN_FLIGHT, async () => {
      for (let n = 0; n < 10; n++) client.write(slowSend(n, 1));
      await gate.until(10);
      // It is read: a ping is answered.
      client.webSocket.ping();
      await once(client.webSocket, 'pong');
    });
    const pastIt = await growthOf(chat, IN_FLIGHT, async () => {
      client.write(slowSend(10, 1));
      await reaches(chat, IN_FLIGHT, 1);
      gate.open();
      for (let n = 0; n <= 10; n++) await client.receipt(`${n}`);
    });
    expect([atLimit, pastIt]).toEqual([0, 1]);
  });

  test('past chat.inFlight nothing more is begun and the socket is not read, nor is what isn’t read counted as unfinished', async () => {
    const gate = gated();
    const chat = await open({
      limits: { inFlight: 10 },
      mappings: [gate.mapping],
      timing: { unfinishedFrameMs: 200, tickMs: 10 },
    });
    const client = await chat.connect('ann');
    const count = 1_000;
    for (let n = 0; n < count; n++) client.write(slowSend(n, 30_000));
    await gate.until(10);
    // Silence is what is measured: nothing more may be begun, nor the frame that is not read count as unfinished.
    await silence(500);
    expect(gate.begun()).toBe(10);
    expect(client.webSocket.bufferedAmount).toBeGreaterThan(10_000_000);
    expect(client.frames).toEqual([]);
    gate.open();
    for (let n = 0; n < count; n++) await client.receipt(`${n}`);
    expect(gate.begun()).toBe(count);
  });

  test('chat.answerMs: a frame answered in time is receipted, one that takes longer ends the session', async () => {
    const gate = gated();
    const chat = await open({ timing: { answerMs: 400, tickMs: 10 }, mappings: [gate.mapping] });
    const late = await chat.connect('ann');
    const refusals = await refusalsDuring(chat, 'answer-timeout', async () => {
      const from = performance.now();
      late.write(slowSend(1, 1));
      expect(await late.refusal()).toMatchObject({ code: 'answer-timeout', close: 1011 });
      expect(performance.now() - from).toBeGreaterThan(350);
    });
    const inTime = await chat.connect('ann');
    inTime.write(slowSend(2, 1));
    await gate.until(2);
    // Silence is what is measured: less than the limit.
    await silence(200);
    gate.open();
    await inTime.receipt('2');
    expect(refusals).toBe(1);
  });

  test('chat.appendQueue: as many writes as fit are stored, one more is refused as overloaded', async () => {
    const chat = await open({ queueLimit: 8 });
    const roomId = await chat.newRoom('ann');
    const sends = (count: number) =>
      Array.from({ length: count }, (_, n) => sendText(roomId, `${n}`, `${n}`)).join('');
    const client = await chat.connect('ann');
    // In one message, so that nothing is stored between them.
    client.write(sends(8));
    for (let n = 0; n < 8; n++) await client.receipt(`${n}`);
    const refusals = await refusalsDuring(chat, 'overloaded', async () => {
      client.write(sends(9));
      expect(await client.refusal()).toMatchObject({
        code: 'overloaded',
        close: 1013,
        reason: 'retry-after=1500',
      });
    });
    expect(refusals).toBe(1);
    expect(await chat.history(roomId)).toHaveLength(16);
    expect(await chat.metric('maru_append_pending')).toBe(0);
  });

  test('past chat.appendQueue: when the database has too much to do the SEND is refused as overloaded, and what was receipted is stored', async () => {
    const chat = await open({ queueLimit: 8, limits: { inFlight: 1_000 } });
    const roomId = await chat.newRoom('ann');
    const client = await chat.connect('ann');
    client.write(Array.from({ length: 500 }, (_, n) => sendText(roomId, `${n}`, `${n}`)).join(''));
    const refusal = await client.refusal().catch((error: Error) => error);
    expect(refusal).toMatchObject({ code: 'overloaded', close: 1013, reason: 'retry-after=1500' });
    const receipt = 'error' in refusal ? Number(refusal.error.headers.get('receipt-id')) : 0;
    const stored = await chat.history(roomId);
    expect(stored.slice(0, receipt)).toEqual(Array.from({ length: receipt }, (_, n) => `${n}`));
  });
});

describe('the rate of what a session sends', () => {
  const RATE = 'maru_reads_paused_total{reason="rate"}';

  /** CONNECT and so many SENDs behind it, in one WebSocket message. */
  const burst = async (chat: Chat, roomId: string, sends: number) =>
    frameText('CONNECT', {
      'accept-version': '1.2',
      host: 'maru',
      Authorization: `Bearer ${await chat.token('ann')}`,
    }) + Array.from({ length: sends }, (_, n) => sendText(roomId, `${n}`, `${n}`)).join('');

  test('FR12 chat.framesPerSecond: a second’s worth is read at once, one frame more pauses it; nothing is refused or lost', async () => {
    const chat = await openChat({ limits: { framesPerSecond: 50 }, timing: { tickMs: 10 } });
    const roomId = await chat.newRoom('ann');
    const pauses = [];
    for (const frames of [50, 51]) {
      const sent = await burst(chat, roomId, frames - 1);
      const growth = await growthOf(chat, RATE, async () => {
        const client = await chat.open();
        client.write(sent);
        await client.expect('CONNECTED');
        for (let n = 0; n < frames - 1; n++) await client.receipt(`${n}`);
      });
      pauses.push(growth);
    }
    expect(pauses).toEqual([0, 1]);
    expect(await chat.history(roomId)).toHaveLength(49 + 50);
    await chat.close();
  });

  test('FR12 past it a session gets the rate and no more, its silence is no fault, and its neighbour is served at once', async () => {
    const chat = await openChat({
      limits: { framesPerSecond: 200 },
      timing: { tickMs: 10, heartBeatMs: 100, unfinishedFrameMs: 100 },
    });
    const roomId = await chat.newRoom('ann', 'bob');
    const [client, neighbour] = [
      await chat.connect('ann', { 'heart-beat': '100,0' }),
      await chat.connect('bob'),
    ];
    const began = performance.now();
    // A WebSocket message each, far more than the buffers of a socket that nobody reads.
    const count = 600;
    for (let n = 0; n < count; n++) client.say(roomId, `${n} ${'x'.repeat(10_000)}`, `${n}`);
    neighbour.say(roomId, 'and me', 'r');
    await neighbour.receipt('r');
    while ((await chat.metric(RATE)) === 0) expect(client.frames.length).toBeLessThan(count);
    for (let n = 0; n < count; n++) await client.receipt(`${n}`);
    // 200 at once, then 200 a second.
    expect(performance.now() - began).toBeGreaterThan(1_800);
    expect(await chat.metric(RATE)).toBeGreaterThan(1);
    const stored = (await chat.history(roomId)).filter((content) => content !== 'and me');
    expect(stored.map((content) => Number.parseInt(content, 10))).toEqual(
      Array.from({ length: count }, (_, n) => n),
    );
    await chat.close();
  });

  test('FR09 FR12 pings count as frames, and each is answered', async () => {
    const chat = await openChat({ limits: { framesPerSecond: 50 }, timing: { tickMs: 10 } });
    const socket = RawSocket.upgrade(chat.port);
    await socket.head;
    const pings = (count: number) =>
      Buffer.concat(Array.from({ length: count }, () => wireFrame('', { opcode: 9 })));
    const answered = async (count: number) => {
      for (let n = 0; n < count; n++) await socket.next(10);
    };
    const atLimit = await growthOf(chat, RATE, async () => {
      socket.socket.write(pings(50));
      await answered(50);
    });
    const pastIt = await growthOf(chat, RATE, async () => {
      socket.socket.write(pings(100));
      await answered(100);
    });
    expect(atLimit).toBe(0);
    expect(pastIt).toBeGreaterThan(0);
    socket.socket.destroy();
    await chat.close();
  });

  test('FR12 chat.octetsPerSecond: a second’s worth is read at once, one octet more pauses it; nothing is refused or lost', async () => {
    const limit = 20_000;
    const chat = await openChat({ limits: { octetsPerSecond: limit }, timing: { tickMs: 10 } });
    const roomId = await chat.newRoom('ann');
    const pauses = [];
    for (const octets of [limit, limit + 1]) {
      const sent = await burst(chat, roomId, 3);
      // The head and the mask of a WebSocket frame of this size are 8 octets.
      const message = sent.padEnd(octets - 8, '\n');
      const growth = await growthOf(chat, RATE, async () => {
        const socket = RawSocket.upgrade(chat.port);
        await socket.head;
        socket.write(message);
        expect(await socket.text()).toMatch(/^CONNECTED\n/);
        for (let n = 0; n < 3; n++)
          expect(await socket.text()).toMatch(new RegExp(`^RECEIPT\nreceipt-id:${n}\n`));
        socket.socket.destroy();
      });
      pauses.push(growth);
    }
    expect(pauses[0]).toBe(0);
    expect(pauses[1]).toBeGreaterThan(0);
    await chat.close();
  });

  test('a session that is held up can still say goodbye, and be sent away', async () => {
    const chat = await openChat({ limits: { framesPerSecond: 10 }, timing: { tickMs: 10, closeMs: 60_000 } });
    const roomId = await chat.newRoom('ann');
    const [leaving, staying] = [await chat.connect('ann'), await chat.connect('ann')];
    for (const client of [leaving, staying]) {
      client.write(Array.from({ length: 20 }, (_, n) => sendText(roomId, `${n}`)).join(''));
    }
    await leaving.settled();
    await reaches(chat, RATE, 2);
    const closing = chat.endpoint.close();
    expect(await staying.closed).toMatchObject({ code: 1012 });
    await closing;
    await chat.close();
  });
});
