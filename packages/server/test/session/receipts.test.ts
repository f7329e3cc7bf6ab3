// RECEIPT, DISCONNECT, ERROR: what is answered, in which order, and what comes last.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { mapDestination } from '../../src/handlers/application-handler.ts';
import { type Chat, openChat } from './chat-fixture.ts';
import { bodyOf, frameText, headersOf, sendText } from './raw-client.ts';

/** Handled as long as `gate` is closed; resolves in the order in which `gates` are opened. */
const gates = new Map<string, PromiseWithResolvers<void>>();
const slow = mapDestination({
  destination: '/pub/test/slow',
  isConcurrent: true,
  schema: z.object({ gate: z.string() }),
  handle: async ({ body: { gate } }) => {
    const opened = Promise.withResolvers<void>();
    gates.set(gate, opened);
    await opened.promise;
    return [['gate', gate] as const];
  },
});
const broken = mapDestination({
  destination: '/pub/test/broken',
  schema: z.object({ how: z.enum(['throws', 'rejects']) }),
  handle: ({ body: { how } }) => {
    const error = new Error(`SQLITE_ERROR: no such table: secret_table_${how}`);
    if (how === 'throws') throw error;
    return Promise.reject(error);
  },
});

describe('answers', () => {
  let chat: Chat;
  let roomId: string;
  let destination: string;
  beforeAll(async () => {
    chat = await openChat({ mappings: [slow, broken] });
    roomId = await chat.newRoom('ann', 'bob');
    destination = `/topic/chat/room/${roomId}`;
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  const slowText = (gate: string, receipt?: string) =>
    frameText(
      'SEND',
      { destination: '/pub/test/slow', ...(receipt === undefined ? {} : { receipt }) },
      JSON.stringify({ gate }),
    );
  const waiting = async (count: number) => {
    while (gates.size < count) await new Promise((resolve) => setImmediate(resolve));
  };
  const open = (gate: string) => {
    gates.get(gate)?.resolve();
    gates.delete(gate);
  };

  test('R01 each frame of a session may ask for a receipt, and its value comes back as it was', async () => {
    const client = await chat.connect('ann');
    const receipt = 'a:b\\c\r\n영수증 😀';
    client.send('SUBSCRIBE', { destination, id: '0', receipt });
    await client.receipt(receipt);
    client.send(
      'SEND',
      { destination: '/pub/send/message', receipt },
      JSON.stringify({ roomId, content: 'x' }),
    );
    await client.receipt(receipt);
    client.send('UNSUBSCRIBE', { id: '0', receipt });
    await client.receipt(receipt);
    client.send('DISCONNECT', { receipt });
    await client.receipt(receipt);
    expect(await client.closed).toEqual({ code: 1000, reason: '' });
  });

  test('R01 a frame that asks for none gets none', async () => {
    const client = await chat.connect('ann');
    client.write(
      frameText('SUBSCRIBE', { destination, id: '0' }) +
        frameText('UNSUBSCRIBE', { id: '0' }) +
        sendText(roomId, 'quiet'),
    );
    client.send('DISCONNECT');
    expect((await client.closed).code).toBe(1000);
    expect(client.frames).toEqual([]);
    expect(await chat.history(roomId)).toContain('quiet');
  });

  test('R03 receipts leave in the order of the frames, however long each takes', async () => {
    const client = await chat.connect('ann');
    client.write(
      slowText('first', '1') +
        frameText('SUBSCRIBE', { destination, id: '0', receipt: '2' }) +
        sendText(roomId, 'fast', '3') +
        slowText('second', '4') +
        frameText('UNSUBSCRIBE', { id: '0', receipt: '5' }) +
        sendText(roomId, 'faster', '6') +
        frameText('DISCONNECT', { receipt: '7' }),
    );
    await waiting(2);
    open('second');
    while (!(await chat.history(roomId)).includes('faster'))
      await new Promise((resolve) => setImmediate(resolve));
    expect(client.frames.filter(({ command }) => command === 'RECEIPT')).toEqual([]);
    open('first');
    const ids = [];
    for (let n = 0; n < 7; ) {
      const frame = await client.next();
      if (frame.command !== 'RECEIPT') continue;
      ids.push(frame.headers.get('receipt-id'));
      n += 1;
    }
    expect(ids).toEqual(['1', '2', '3', '4', '5', '6', '7']);
    expect((await client.closed).code).toBe(1000);
  });

  test('R03 an ERROR waits for the receipts before it, and none comes after it', async () => {
    const client = await chat.connect('ann');
    client.write(
      slowText('before', '1') + sendText('no-such-room', 'x', '2') + sendText(roomId, 'behind', '3'),
    );
    await waiting(1);
    while (chat.store.pending > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(client.frames).toEqual([]);
    open('before');
    expect(headersOf(await client.expect('RECEIPT'))).toMatchObject({ 'receipt-id': '1', gate: 'before' });
    const refusal = await client.refusal();
    expect(refusal.code).toBe('room-not-found');
    expect(refusal.error.headers.get('receipt-id')).toBe('2');
  });

  test('R03 a malformed frame waits for the receipts before it', async () => {
    const client = await chat.connect('ann');
    client.write(`${slowText('malformed', '1')}HELLO\n\n\0`);
    await waiting(1);
    open('malformed');
    await client.receipt('1');
    expect(await client.refusal()).toMatchObject({ code: 'unknown-command', close: 1002 });
  });

  test('R04 R05 what came before DISCONNECT is done; its RECEIPT comes last, then the close', async () => {
    const client = await chat.connect('ann');
    const sends = Array.from({ length: 100 }, (_, n) => sendText(roomId, `before ${n}`));
    client.write(`${sends.join('')}${frameText('DISCONNECT', { receipt: 'bye' })}`);
    expect(headersOf(await client.next())).toEqual({ 'receipt-id': 'bye' });
    expect(await client.closed).toEqual({ code: 1000, reason: '' });
    const stored = (await chat.history(roomId)).filter((content) => content.startsWith('before '));
    expect(stored).toEqual(sends.map((_, n) => `before ${n}`));
  });

  test("R05 what is delivered before DISCONNECT's RECEIPT comes before it, the own last message too", async () => {
    for (let n = 0; n < 30; n += 1) {
      const client = await chat.connect('ann');
      client.write(
        frameText('SUBSCRIBE', { destination, id: '0' }) +
          sendText(roomId, `last ${n}`) +
          frameText('DISCONNECT', { receipt: 'bye' }),
      );
      const message = await client.next();
      expect([message.command, JSON.parse(Buffer.from(message.body).toString()).content]).toEqual([
        'MESSAGE',
        `last ${n}`,
      ]);
      expect(headersOf(await client.next())).toEqual({ 'receipt-id': 'bye' });
      expect((await client.closed).code).toBe(1000);
    }
  });

  test('R06 what comes after DISCONNECT, in one write with it or later, is not acted on', async () => {
    const client = await chat.connect('ann');
    client.write(
      slowText('leaving') +
        frameText('DISCONNECT', { receipt: 'bye' }) +
        sendText(roomId, 'too late') +
        'GARBAGE',
    );
    await waiting(1);
    client.say(roomId, 'later still', 'none');
    client.send('SUBSCRIBE', { destination, id: '0' });
    await new Promise((resolve) => client.webSocket.once('pong', resolve).ping());
    open('leaving');
    expect(headersOf(await client.next())).toEqual({ 'receipt-id': 'bye' });
    expect((await client.closed).code).toBe(1000);
    expect(client.frames).toEqual([]);
    const history = await chat.history(roomId);
    expect(history).not.toContain('too late');
    expect(history).not.toContain('later still');
    expect(chat.broker.subscriptions).toBe(0);
  });

  test('R06 a failure of what came before DISCONNECT is still told', async () => {
    const client = await chat.connect('ann');
    client.write(sendText('no-such-room', 'x', '1') + frameText('DISCONNECT', { receipt: '2' }));
    const refusal = await client.refusal();
    expect(refusal).toMatchObject({ code: 'room-not-found', close: 1008 });
    expect(refusal.error.headers.get('receipt-id')).toBe('1');
  });

  test('R08 R09 an ERROR has message, code, receipt-id and the same as JSON, each of its right length', async () => {
    const client = await chat.connect('ann');
    client.send('SEND', { destination: '/topic/x', receipt: 'r:1' }, '{}');
    const { error, close, reason } = await client.refusal();
    expect(headersOf(error)).toEqual({
      message: 'Access is denied',
      code: 'access-denied',
      'content-type': 'application/json',
      'receipt-id': 'r:1',
      'content-length': String(error.body.length),
    });
    expect(bodyOf(error)).toEqual({
      code: 'access-denied',
      message: 'Access is denied',
      destination: '/topic/x',
      receiptId: 'r:1',
    });
    expect([close, reason]).toEqual([1008, 'access-denied']);
  });

  test('R07 R10 the ERROR arrives before the close, 300 runs', async () => {
    for (let run = 0; run < 300; run += 10) {
      const refusals = await Promise.all(
        Array.from({ length: 10 }, async () => {
          const client = await chat.open();
          client.write(sendText(roomId, 'x'));
          return client.refusal();
        }),
      );
      expect(refusals.map(({ code, close }) => [code, close])).toEqual(
        Array(10).fill(['not-connected', 1002]),
      );
    }
  });

  test('R10 the ERROR also arrives at a client that is being flooded', async () => {
    const flooded = await chat.connect('ann');
    await flooded.subscribe(roomId, '0');
    const bob = await chat.connect('bob');
    for (let n = 0; n < 500; n++) bob.say(roomId, `flood ${n}`, n === 499 ? 'r' : undefined);
    await flooded.next();
    flooded.write('HELLO\n\n\0');
    expect(await flooded.refusal()).toMatchObject({ code: 'unknown-command', close: 1002 });
    await bob.receipt('r');
  });

  test.each(['throws', 'rejects'])(
    'an error of ours that %s shows no detail, and is in the log',
    async (how) => {
      chat.log.length = 0;
      const client = await chat.connect('ann');
      client.send('SEND', { destination: '/pub/test/broken', receipt: 'r' }, JSON.stringify({ how }));
      const { error, code, close, reason } = await client.refusal();
      expect([code, close, reason]).toEqual(['internal', 1011, 'internal']);
      expect(error.headers.get('receipt-id')).toBe('r');
      expect(`${JSON.stringify(headersOf(error))}${JSON.stringify(bodyOf(error))}`).not.toMatch(
        /sqlite|secret|\.ts/i,
      );
      const logged = chat.log.filter(({ level }) => Number(level) >= 50);
      expect(JSON.stringify(logged)).toContain(`no such table: secret_table_${how}`);
      expect(logged.length).toBe(1);
    },
  );

  test('CONNECT, SUBSCRIBE and SEND in one WebSocket message act in order', async () => {
    const client = await chat.open();
    const connect = `CONNECT\naccept-version:1.1,1.2\nhost:x\nAuthorization:Bearer ${await chat.token('ann')}\n\n\0`;
    client.write(
      connect +
        frameText('SUBSCRIBE', { destination, id: 'a:b', receipt: 's\nr' }) +
        sendText(roomId, 'at once', 'm'),
    );
    expect((await client.next()).command).toBe('CONNECTED');
    expect((await client.next()).headers.get('receipt-id')).toBe('s\nr');
    const rest = [await client.next(), await client.next()];
    expect(rest.map(({ command }) => command).sort()).toEqual(['MESSAGE', 'RECEIPT']);
    const message = rest.find(({ command }) => command === 'MESSAGE');
    expect(message?.headers.get('subscription')).toBe('a:b');
  });
});
