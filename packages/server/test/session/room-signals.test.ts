// `/topic/rooms/{roomId}`: typing, read markers and presence, as clients say and hear them.
import { type RoomSignal, roomSignalSchema } from '@maru/contract';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import { bodyOf, headersOf, type RawClient } from './raw-client.ts';

describe('room signals', () => {
  let chat: Chat;
  let roomId: string;
  beforeAll(async () => {
    chat = await openChat();
  });
  beforeEach(async () => {
    roomId = await chat.newRoom('ann', 'bob');
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  const subscribe = async (client: RawClient, id = 'signals', headers = {}) => {
    client.send('SUBSCRIBE', { destination: `/topic/rooms/${roomId}`, id, receipt: id, ...headers });
    await client.receipt(id);
  };
  /** A session that listens, and has heard who is there. */
  const listen = async (user: string): Promise<RawClient> => {
    const client = await chat.connect(user);
    await subscribe(client);
    expect((await nextSignal(client)).type).toBe('presence.list');
    return client;
  };
  const nextSignal = async (client: RawClient): Promise<RoomSignal> =>
    roomSignalSchema.parse(bodyOf(await client.expect('MESSAGE')));
  const send = async (client: RawClient, destination: string, body: object) => {
    client.send('SEND', { destination, receipt: 'sent' }, JSON.stringify(body));
    return client.receipt('sent');
  };
  const errorsOf = async (client: RawClient) => {
    client.send('SUBSCRIBE', { destination: '/user/queue/errors', id: 'errors', receipt: 'errors' });
    await client.receipt('errors');
  };

  test('people come and go by their subscriptions and their sessions', async () => {
    const ann = await listen('ann');
    const bob = await listen('bob');
    expect(await nextSignal(ann)).toEqual({ type: 'presence', roomId, userId: 'bob', online: true });
    bob.send('UNSUBSCRIBE', { id: 'signals' });
    expect(await nextSignal(ann)).toEqual({ type: 'presence', roomId, userId: 'bob', online: false });
    await subscribe(bob);
    expect(await nextSignal(bob)).toEqual({ type: 'presence.list', roomId, userIds: ['ann', 'bob'] });
    expect(await nextSignal(ann)).toMatchObject({ userId: 'bob', online: true });
    bob.terminate();
    expect(await nextSignal(ann)).toMatchObject({ userId: 'bob', online: false });
  });

  test('typing is heard once a second, by those who listen to the room alone, with a RECEIPT for each', async () => {
    const ann = await listen('ann');
    const bob = await chat.connect('bob');
    const from = performance.now();
    const body = JSON.stringify({ roomId });
    for (let n = 0; n < 50; n += 1) bob.send('SEND', { destination: '/pub/typing', receipt: `${n}` }, body);
    for (let n = 0; n < 50; n += 1) {
      expect(headersOf(await bob.receipt(`${n}`))).toEqual({ 'receipt-id': `${n}` });
    }
    const seconds = Math.ceil((performance.now() - from) / 1_000);
    expect(await nextSignal(ann)).toEqual({ type: 'typing', roomId, userId: 'bob', userName: 'Bob' });
    await ann.settled();
    expect(ann.frames.length).toBeLessThan(seconds);
    expect((await chat.call('ann', 'GET', `/api/rooms/${roomId}`)).body).toMatchObject({ head: 2 });
  });

  test('a read marker is heard where it is then, and not if it stays there', async () => {
    const ann = await listen('ann');
    const bob = await chat.connect('bob');
    ann.say(roomId, 'one', 'one');
    await ann.receipt('one');
    await send(bob, '/pub/read', { roomId, seq: 3 });
    expect(await nextSignal(ann)).toEqual({ type: 'read', roomId, userId: 'bob', seq: 3 });
    await send(bob, '/pub/read', { roomId, seq: 2 });
    await send(bob, '/pub/read', { roomId, seq: 1_000 });
    await ann.settled();
    expect(ann.frames).toEqual([]);
  });

  test.each([
    ['/pub/typing', {}, 'not-a-member'],
    ['/pub/read', { seq: 1 }, 'not-a-member'],
    ['/pub/typing', { roomId: 'none' }, 'not-a-member'],
    ['/pub/read', { seq: 1, roomId: 'none' }, 'room-not-found'],
    ['/pub/read', { seq: -1 }, 'invalid-body'],
    ['/pub/typing', { more: 1 }, 'invalid-body'],
  ])(
    'a SEND to %s of %j by who is no member is refused, and nobody hears of it',
    async (destination, body, code) => {
      const ann = await listen('ann');
      const eve = await chat.connect('eve');
      await errorsOf(eve);
      eve.send('SEND', { destination }, JSON.stringify({ roomId, ...body }));
      expect(bodyOf(await eve.expect('MESSAGE'))).toMatchObject({ code, destination });
      await ann.settled();
      expect(ann.frames).toEqual([]);
    },
  );

  test('who is no member cannot listen', async () => {
    const eve = await chat.connect('eve');
    await errorsOf(eve);
    eve.send('SUBSCRIBE', { destination: `/topic/rooms/${roomId}`, id: 's' });
    expect(bodyOf(await eve.expect('MESSAGE'))).toMatchObject({ code: 'not-a-member' });
    eve.send('SUBSCRIBE', { destination: '/topic/rooms/none', id: 's' });
    expect(bodyOf(await eve.expect('MESSAGE'))).toMatchObject({ code: 'room-not-found' });
  });

  test('who is removed is told that the subscription ended, and hears nothing after it', async () => {
    const ann = await listen('ann');
    const bob = await listen('bob');
    await errorsOf(bob);
    await chat.call('ann', 'DELETE', `/api/rooms/${roomId}/members/bob`);
    await send(ann, '/pub/typing', { roomId });
    expect(bodyOf(await bob.expect('MESSAGE'))).toMatchObject({
      code: 'subscription-ended',
      destination: `/topic/rooms/${roomId}`,
      subscription: 'signals',
    });
    bob.send('UNSUBSCRIBE', { id: 'signals', receipt: 'over' });
    await bob.receipt('over');
    expect(bob.frames).toEqual([]);
    const heard = [await nextSignal(ann), await nextSignal(ann), await nextSignal(ann)];
    expect(heard).toMatchObject([
      { type: 'presence', userId: 'bob', online: true },
      { type: 'presence', userId: 'bob', online: false },
      { type: 'typing', userId: 'ann' },
    ]);
  });

  test('a subscription that acknowledges has one signal on its way at a time, if it says so', async () => {
    const ann = await chat.connect('ann');
    await subscribe(ann, 'signals', { ack: 'client-individual', prefetch: '1' });
    const list = await ann.expect('MESSAGE');
    const bob = await listen('bob');
    await send(bob, '/pub/typing', { roomId });
    await errorsOf(ann);
    expect(ann.frames).toEqual([]);
    ann.send('ACK', { id: headersOf(list).ack ?? '' });
    const came = await ann.expect('MESSAGE');
    expect(bodyOf(came)).toMatchObject({ type: 'presence', userId: 'bob', online: true });
    ann.send('ACK', { id: headersOf(came).ack ?? '' });
    expect(bodyOf(await ann.expect('MESSAGE'))).toMatchObject({ type: 'typing', userId: 'bob' });
  });

  test('UNSUBSCRIBE and the end of a session leave nothing behind', async () => {
    const clients = [await listen('ann'), await listen('bob')];
    expect(chat.broker.subscriptions).toBe(2);
    for (const client of clients) {
      client.send('DISCONNECT', { receipt: 'bye' });
      await client.closed;
    }
    await chat.empty();
    expect(chat.broker.subscriptions).toBe(0);
  });
});
