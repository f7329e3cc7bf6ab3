// The bounds of what a session holds, each at the limit and one past it: subscriptions, windows, transactions, REST bodies.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import { refusalsDuring } from './growth.ts';
import { frameText, type RawClient } from './raw-client.ts';

describe('what a session holds', () => {
  let chat: Chat;
  let roomId: string;
  beforeAll(async () => {
    chat = await openChat({
      limits: { unacknowledged: 100, transactions: 3, transactionFrames: 5, transactionOctets: 1_000 },
    });
    roomId = await chat.newRoom('ann');
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  test('L04 chat.subscriptions: 256 are accepted, one more is refused; those that were given back count no more', async () => {
    const destination = `/topic/chat/room/${roomId}`;
    const client = await chat.connect('ann');
    for (let n = 0; n < 256; n++) client.send('SUBSCRIBE', { destination, id: `${n}` });
    client.send('UNSUBSCRIBE', { id: '0' });
    client.send('SUBSCRIBE', { destination, id: '256', receipt: 'last' });
    await client.receipt('last');
    expect(chat.broker.subscriptions).toBe(256);
    expect(await chat.metric('maru_subscriptions')).toBe(256);
    const refusals = await refusalsDuring(chat, 'too-many-subscriptions', async () => {
      client.send('SUBSCRIBE', { destination, id: '257', receipt: 'r' });
      const refusal = await client.refusal();
      expect(refusal).toMatchObject({ code: 'too-many-subscriptions', close: 1008 });
      expect(refusal.error.headers.get('receipt-id')).toBe('r');
    });
    expect(refusals).toBe(1);
    await chat.empty();
    expect(chat.broker.subscriptions).toBe(0);
    expect(await chat.metric('maru_subscriptions')).toBe(0);
  });

  test('L04 A08 chat.unacknowledged: windows that come to the limit are given, one message more is refused; what was given back counts no more', async () => {
    const client = await chat.connect('ann');
    const subscribe = (id: string, prefetch: number, receipt: string) =>
      client.send('SUBSCRIBE', {
        destination: `/topic/chat/room/${roomId}`,
        id,
        ack: 'client',
        prefetch: String(prefetch),
        receipt,
      });
    subscribe('0', 60, 'a');
    await client.receipt('a');
    subscribe('1', 40, 'b');
    await client.receipt('b');
    client.send('UNSUBSCRIBE', { id: '1' });
    subscribe('2', 40, 'c');
    await client.receipt('c');
    const refusals = await refusalsDuring(chat, 'too-many-unacknowledged', async () => {
      subscribe('3', 1, 'd');
      expect(await client.refusal()).toMatchObject({ code: 'too-many-unacknowledged', close: 1008 });
    });
    expect(refusals).toBe(1);
  });

  test('L04 T07 chat.transactions: as many as the limit are open, one more is refused; those that ended count no more', async () => {
    const client = await chat.connect('ann');
    for (const transaction of ['a', 'b', 'c']) client.send('BEGIN', { transaction });
    client.send('ABORT', { transaction: 'a' });
    client.send('COMMIT', { transaction: 'b' });
    client.send('BEGIN', { transaction: 'd' });
    client.send('BEGIN', { transaction: 'e', receipt: 'e' });
    await client.receipt('e');
    const refusals = await refusalsDuring(chat, 'too-many-transactions', async () => {
      client.send('BEGIN', { transaction: 'f' });
      expect(await client.refusal()).toMatchObject({ code: 'too-many-transactions', close: 1008 });
    });
    expect(refusals).toBe(1);
  });

  /** A SEND in a transaction whose body has exactly so many octets. */
  const sendIn = (client: RawClient, transaction: string, octets: number, receipt: string) => {
    const body = JSON.stringify({ roomId, content: 'x' }).padEnd(octets);
    client.write(frameText('SEND', { destination: '/pub/send/message', transaction, receipt }, body));
    return client.receipt(receipt);
  };

  test('L04 T07 chat.transactionFrames: as many as the limit take effect, one more is refused and nothing does', async () => {
    const client = await chat.connect('ann');
    const before = (await chat.history(roomId)).length;
    client.send('BEGIN', { transaction: 't' });
    for (let n = 0; n < 5; n++) await sendIn(client, 't', 100, `${n}`);
    client.send('COMMIT', { transaction: 't', receipt: 'commit' });
    await client.receipt('commit');
    expect(await chat.history(roomId)).toHaveLength(before + 5);
    client.send('BEGIN', { transaction: 'u' });
    for (let n = 0; n < 5; n++) await sendIn(client, 'u', 100, `${n}`);
    const refusals = await refusalsDuring(chat, 'transaction-too-large', async () => {
      sendIn(client, 'u', 100, 'more').catch(() => undefined);
      expect(await client.closed).toMatchObject({ code: 1009 });
    });
    expect(refusals).toBe(1);
    expect(await chat.history(roomId)).toHaveLength(before + 5);
  });

  test('L04 T07 chat.transactionOctets: bodies that come to the limit, in all transactions, are kept, one octet more is refused', async () => {
    const client = await chat.connect('ann');
    for (const transaction of ['t', 'u']) client.send('BEGIN', { transaction });
    await sendIn(client, 't', 500, '0');
    await sendIn(client, 'u', 400, '1');
    await sendIn(client, 'u', 100, '2');
    client.send('ABORT', { transaction: 'u' });
    client.send('BEGIN', { transaction: 'v' });
    await sendIn(client, 'v', 400, '3');
    const refusals = await refusalsDuring(chat, 'transaction-too-large', async () => {
      sendIn(client, 'v', 101, '4').catch(() => undefined);
      expect(await client.closed).toMatchObject({ code: 1009 });
    });
    expect(refusals).toBe(1);
  });

  test('L04 T07 chat.transactionOctets counts user headers too, of a repeated one the first', async () => {
    const client = await chat.connect('ann');
    client.send('BEGIN', { transaction: 't' });
    const head = 'SEND\ndestination:/pub/send/message\ntransaction:t\nreceipt:r\n';
    const body = JSON.stringify({ roomId, content: 'x' }).padEnd(400);
    client.write(`${head}n:${'x'.repeat(599)}\nn:${'y'.repeat(599)}\n\n${body}\0`);
    await client.receipt('r');
    client.write(`${head}n:\n\n${JSON.stringify({ roomId, content: 'x' })}\0`);
    expect(await client.refusal()).toMatchObject({ code: 'transaction-too-large', close: 1009 });
  });
});

test('chat.bodyOctets: a REST call with a body of the limit is answered, one octet more is refused', async () => {
  const chat = await openChat({ bodyOctets: 1_000 });
  const body = JSON.stringify({ name: 'Room', visibility: 'public' });
  const post = (octets: number) =>
    chat.call('ann', 'POST', '/api/rooms', body.padEnd(octets), { 'content-type': 'application/json' });
  expect((await post(1_000)).status).toBe(201);
  const refusals = await refusalsDuring(chat, 'payload-too-large', async () => {
    expect(await post(1_001)).toMatchObject({ status: 413, body: { code: 'payload-too-large' } });
  });
  expect(refusals).toBe(1);
  await chat.close();
});
