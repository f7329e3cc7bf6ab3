// What the log tells of sessions: who came from where, what became of it and why; two lines each, no body, no stack.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type Chat, openChat, PAGE } from './chat-fixture.ts';
import { frameText, type RawClient, sendText } from './raw-client.ts';
import { type FrameParts, RawSocket } from './raw-socket.ts';

const line = {
  level: z.literal(30),
  time: z.number(),
  pid: z.number(),
  hostname: z.string(),
  session: z.string().min(10),
  address: z.literal('127.0.0.1'),
  origin: z.literal(PAGE).optional(),
};
const connectedLine = z.strictObject({
  ...line,
  msg: z.literal('session connected'),
  user: z.string(),
  version: z.enum(['1.0', '1.1', '1.2']),
});
const closedLine = z.strictObject({
  ...line,
  msg: z.literal('session closed'),
  user: z.string().optional(),
  code: z.number().int().min(1000).max(4999),
  reason: z.string().optional(),
  denied: z.record(z.string(), z.number().int().positive()).optional(),
  ms: z.number().int().nonnegative(),
  bytesIn: z.number().int().positive(),
  bytesOut: z.number().int().nonnegative(),
});

describe('TR06 the log of sessions', () => {
  let chat: Chat;
  let roomId: string;
  beforeAll(async () => {
    chat = await openChat({ timing: { connectMs: 500, unfinishedFrameMs: 150, tickMs: 10, closeMs: 200 } });
    roomId = await chat.newRoom('ann');
  });
  beforeEach(() => {
    chat.log.length = 0;
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  /** The lines that a service at its usual level writes. */
  const lines = () => chat.log.filter(({ level }) => Number(level) >= 30);
  const closed = async () => {
    await chat.empty();
    return closedLine.parse(lines().at(-1));
  };

  test('a session has a line when it is connected and one when it is closed: user, address, origin, code, octets', async () => {
    const client = await chat.open({ headers: { origin: PAGE } });
    await client.connect(await chat.token('ann'));
    client.say(roomId, 'hello', 'r');
    await client.receipt('r');
    await client.settled();
    await chat.empty();
    const [first, last, ...more] = lines();
    const connected = connectedLine.parse(first);
    const end = closedLine.parse(last);
    expect(more).toEqual([]);
    expect(connected).toMatchObject({ user: 'ann', version: '1.2', origin: PAGE });
    expect(end).toMatchObject({ session: connected.session, user: 'ann', code: 1000, origin: PAGE });
    expect(end.reason).toBe(undefined);
    expect(end.bytesIn).toBeGreaterThan(300);
    expect(end.bytesOut).toBeGreaterThan(300);
  });

  test('a client that vanishes or says goodbye in its own words has its code', async () => {
    const [gone, leaving] = [await chat.connect('ann'), await chat.connect('ann')];
    gone.terminate();
    expect(await chat.empty(1)).toBe(undefined);
    expect(closedLine.parse(lines().at(-1))).toMatchObject({ code: 1006, user: 'ann' });
    leaving.webSocket.close(4_000, 'bye');
    expect(await closed()).toMatchObject({ code: 4_000, user: 'ann' });
  });

  const refusals: [string, string, number, (client: RawClient) => void][] = [
    ['no token', 'token-missing', 1008, (client) => client.write('CONNECT\naccept-version:1.2\n\n\0')],
    [
      'a bad token',
      'token-invalid',
      1008,
      (client) => client.write('CONNECT\naccept-version:1.2\nAuthorization:Bearer x\n\n\0'),
    ],
    ['silence', 'connect-timeout', 1008, () => undefined],
    ['half a frame', 'frame-timeout', 1002, (client) => client.write('CONN')],
    ['a malformed frame', 'unknown-command', 1002, (client) => client.write('HELLO\n\n\0')],
    [
      'a frame too large',
      'frame-too-large',
      1009,
      (client) => client.write(`CONNECT\n${`h:${'v'.repeat(1_000)}\n`.repeat(20)}`),
    ],
  ];
  test.each(refusals)(
    '%s before CONNECT is a line with the reason %s and the close code',
    async (_what, reason, code, act) => {
      const client = await chat.open();
      act(client);
      const refusal = await client.refusal();
      const end = await closed();
      expect(end).toMatchObject({ reason, code });
      expect(end.user).toBe(undefined);
      expect(refusal).toMatchObject({ code: reason, close: code });
      expect(lines().length).toBe(1);
    },
  );

  test('a denial is a line with its reason and its user, and the body is not in it', async () => {
    for (const [reason, frame] of [
      ['access-denied', frameText('SEND', { destination: '/topic/x' }, 'body-of-it')],
      ['not-a-member', sendText(await chat.newRoom('bob'), 'body-of-it')],
      ['invalid-body', frameText('SEND', { destination: '/pub/send/message' }, '{"body-of-it":1}')],
      ['pattern-not-allowed', frameText('SUBSCRIBE', { destination: '/topic/**', id: '0' })],
      ['too-many-headers', `SEND\n${'h:v\n'.repeat(40)}\n\0`],
    ] as const) {
      chat.log.length = 0;
      const client = await chat.connect('ann');
      client.write(frame);
      await client.closed;
      expect(await closed()).toMatchObject({ reason, user: 'ann' });
      expect(lines().length).toBe(2);
      expect(JSON.stringify(chat.log)).not.toContain('body-of-it');
    }
  });

  test('soft denials are told in one line when the session ends, with how many there were of each', async () => {
    const client = await chat.connect('ann');
    client.send('SUBSCRIBE', { destination: '/user/queue/errors', id: 'e', receipt: 'e' });
    await client.receipt('e');
    for (let n = 0; n < 100; n++) client.send('SEND', { destination: '/pub/none' }, 'body-of-it');
    client.send('SUBSCRIBE', { destination: '/topic/**', id: '1' });
    await client.messages(101);
    await client.settled();
    expect(await closed()).toMatchObject({
      code: 1000,
      denied: { 'unknown-destination': 100, 'pattern-not-allowed': 1 },
    });
    expect(lines().length).toBe(2);
    expect(JSON.stringify(chat.log)).not.toContain('body-of-it');
  });

  const faults: [string, number, string, Buffer | string, FrameParts][] = [
    ['FR01 an unmasked frame', 1002, 'malformed-frame', 'x', { masked: false }],
    ['FR02 a reserved opcode', 1002, 'malformed-frame', 'x', { opcode: 3 }],
    ['FR02 a long length', 1002, 'malformed-frame', 'x', { length: { form: 16, value: 1n } }],
    ['FR04 text that is not UTF-8', 1007, 'invalid-utf8', Buffer.from([0xff]), {}],
    ['FR05 2^40 octets', 1009, 'frame-too-large', '', { length: { form: 64, value: 2n ** 40n } }],
    ['FR05 2^60 octets', 1009, 'frame-too-large', '', { length: { form: 64, value: 2n ** 60n } }],
    ['FR07 a Close with 1005', 1002, 'malformed-frame', Buffer.from([0x03, 0xed]), { opcode: 8 }],
  ];
  test.each(faults)(
    '%s: one line with the close code that was sent, %i, and no stack',
    async (_what, code, reason, payload, parts) => {
      const socket = RawSocket.upgrade(chat.port);
      await socket.head;
      socket.write(payload, parts);
      expect(await socket.closeCode()).toBe(code);
      expect(await closed()).toMatchObject({ code, reason });
      expect(lines().length).toBe(1);
      // At every level: bad input is no fault of ours that a stack would explain.
      expect(JSON.stringify(chat.log)).not.toMatch(/"stack"|\\n\s+at /);
    },
  );

  test('1,000 bad clients are no more than two lines each, and none is a warning', async () => {
    for (let n = 0; n < 1_000; n += 50) {
      await Promise.all(
        Array.from({ length: 50 }, async (_, index) => {
          const socket = RawSocket.upgrade(chat.port);
          await socket.head;
          socket.write('HELLO\n\n\0', { masked: index % 2 === 0 });
          await socket.closeCode();
        }),
      );
    }
    await chat.empty();
    expect(lines().length).toBe(1_000);
    expect(chat.log.every(({ level }) => Number(level) <= 30)).toBe(true);
  });
});
