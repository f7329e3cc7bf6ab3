// Too much of what is allowed: Pings, fragments, connections, half frames. Memory stays flat, and others notice nothing.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import { bodyOf, frameText, type RawClient, sendText } from './raw-client.ts';
import { RawSocket, wireFrame } from './raw-socket.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** What is in use, this process's clients and all. */
function octetsInUse(): number {
  collectGarbage();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

describe('floods', () => {
  let chat: Chat;
  let roomId: string;
  let witness: RawClient;
  const sockets: RawSocket[] = [];
  beforeAll(async () => {
    chat = await openChat({
      limits: { outboundOctets: 65_536 },
      endpoint: { connectsPerSecond: 100_000 },
      sessionsPerUser: 2_000,
      timing: { connectMs: 2_000, unfinishedFrameMs: 2_000, closeMs: 200, noProgressMs: 500, tickMs: 20 },
    });
    roomId = await chat.newRoom('ann', 'bob');
  });
  beforeEach(async () => {
    witness = await chat.connect('bob');
    await witness.subscribe(roomId, '0');
  });
  afterEach(async () => {
    witness.say(roomId, 'unaffected', 'witness');
    await witness.receipt('witness');
    expect(bodyOf(await witness.expect('MESSAGE')).content).toBe('unaffected');
    for (const { socket } of sockets.splice(0)) socket.destroy();
    await chat.hangUp();
    expect([chat.broker.subscriptions, chat.clock.size]).toEqual([0, 0]);
  });
  afterAll(() => chat.close());

  const upgrade = async () => {
    const socket = RawSocket.upgrade(chat.port);
    sockets.push(socket);
    await socket.head;
    return socket;
  };
  const session = async () => {
    const socket = await RawSocket.session(chat.port, await chat.token('ann'));
    sockets.push(socket);
    return socket;
  };

  test('FR09 100,000 Pings are each answered with their own data, in order', async () => {
    const patient = await openChat();
    const socket = await RawSocket.session(patient.port, await patient.token('ann'));
    for (let n = 0; n < 100_000; n += 1_000) {
      const pings = Array.from({ length: 1_000 }, (_, index) => {
        const data = Buffer.alloc(4);
        data.writeUInt32BE(n + index);
        return wireFrame(data, { opcode: 9 });
      });
      await socket.flood(Buffer.concat(pings));
      await socket.count(n + 1_000);
    }
    const numbers = socket.frames.map(({ opcode, payload }) =>
      opcode === 10 ? payload.readUInt32BE(0) : -1,
    );
    expect(numbers.findIndex((number, index) => number !== index)).toBe(-1);
    expect(numbers.length).toBe(100_000);
    socket.socket.destroy();
    await patient.close();
  });

  test('FR09 FR11 whoever sends Pings and never reads a Pong is told so and closed with 1013; nothing heaps up', async () => {
    const socket = await session();
    const before = octetsInUse();
    socket.socket.pause();
    const pings = Buffer.concat(Array(1_000).fill(wireFrame('x'.repeat(125), { opcode: 9 })));
    // Kernel buffers hold some megabytes before anything waits in the process.
    let most = 0;
    const refused = chat.refused.length;
    for (let n = 0; chat.refused.length === refused; n++) {
      expect(n).toBeLessThan(1_000);
      await Promise.race([socket.flood(pings), chat.empty(1)]);
      most = Math.max(most, chat.endpoint.outboundOctets.most);
    }
    expect(chat.refused.slice(refused)).toEqual(['too-slow']);
    expect(most).toBeLessThan(1_048_576);
    expect(octetsInUse() - before).toBeLessThan(20_000_000);
    socket.socket.resume();
    await socket.closed;
  });

  test('FR05 100 clients with 1,023 fragments and no last one hold less than 300 KiB each', async () => {
    const before = octetsInUse();
    const many = Buffer.concat([
      wireFrame('x', { fin: false }),
      ...Array(1_022).fill(wireFrame('x', { opcode: 0, fin: false })),
    ]);
    const all = await Promise.all(
      Array.from({ length: 100 }, async () => {
        const socket = await upgrade();
        await socket.flood(Buffer.concat([many, wireFrame('read', { opcode: 9 })]));
        await socket.next(10);
        return socket;
      }),
    );
    expect((octetsInUse() - before) / 100).toBeLessThan(300 * 1_024);
    // Which deadline they meet first is chance: both say that nothing came to its end.
    for (const socket of all) expect(await socket.text()).toMatch(/code:(connect|frame)-timeout\n/);
  });

  test('FR14 500 sockets that say nothing are all told and closed', async () => {
    const all = await Promise.all(Array.from({ length: 500 }, upgrade));
    expect(chat.endpoint.sessions).toBe(501);
    for (const socket of all) {
      expect(await socket.text()).toContain('code:connect-timeout\n');
      expect(await socket.closeCode()).toBe(1008);
    }
    await chat.empty(1);
  });

  test('FR10 of 1,000 clients that vanish at any moment nothing is left', async () => {
    const connect = `CONNECT\naccept-version:1.2\nhost:x\nAuthorization:Bearer ${await chat.token('ann')}\n\n\0`;
    const subscribe = frameText('SUBSCRIBE', {
      destination: `/topic/chat/room/${roomId}`,
      id: '0',
      receipt: 'r',
    });
    const octets = Buffer.concat([
      wireFrame(connect),
      wireFrame(subscribe),
      wireFrame(frameText('BEGIN', { transaction: 't' })),
      wireFrame(`${sendText(roomId, 'never sent').replace('\n', '\ntransaction:t\n')}`),
      wireFrame('', { opcode: 9 }),
      wireFrame('SEND\n', { fin: false }),
    ]);
    const vanish = async (n: number) => {
      const socket = RawSocket.upgrade(chat.port);
      // Some before the 101, some in the middle of a frame, some when all was answered.
      if (n % 10 > 0) await socket.head;
      const part = (n % 100) / 99;
      socket.socket.write(octets.subarray(0, octets.length * part));
      if (n % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      if (n % 7 === 0 && part === 1) expect(await socket.text()).toMatch(/^CONNECTED/);
      if (n % 2 === 0) socket.socket.resetAndDestroy();
      else socket.socket.destroy();
      await socket.closed;
    };
    for (let n = 0; n < 1_000; n += 50) {
      await Promise.all(Array.from({ length: 50 }, (_, index) => vanish(n + index)));
    }
    await chat.empty(1);
    expect(chat.broker.subscriptions).toBe(1);
    expect(chat.clock.size).toBe(1);
    expect(await chat.history(roomId)).not.toContain('never sent');
    expect(chat.log.filter(({ level }) => Number(level) >= 40)).toEqual([]);
  });
});
