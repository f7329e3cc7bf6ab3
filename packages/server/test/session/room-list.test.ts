// `/user/queue/rooms`: how a person's list of rooms changes, told to that person alone.
import { type RoomListEvent, roomListEventSchema, USER_DESTINATIONS } from '@maru/contract';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import { bodyOf, headersOf, type RawClient } from './raw-client.ts';

const INTERVAL_MS = 200;

describe('room list', () => {
  let chat: Chat;
  beforeAll(async () => {
    chat = await openChat({ roomListIntervalMs: INTERVAL_MS });
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  const listen = async (user: string, id = 'rooms'): Promise<RawClient> => {
    const client = await chat.connect(user);
    await subscribe(client, id);
    return client;
  };
  const subscribe = async (client: RawClient, id: string) => {
    client.send('SUBSCRIBE', { destination: USER_DESTINATIONS.rooms, id, receipt: id });
    await client.receipt(id);
  };
  const nextEvent = async (client: RawClient): Promise<RoomListEvent> =>
    roomListEventSchema.parse(bodyOf(await client.expect('MESSAGE')));

  /** The next one that tells of the room up to an entry. */
  const eventAt = async (client: RawClient, head: number): Promise<RoomListEvent> => {
    for (;;) {
      const event = await nextEvent(client);
      if (event.type === 'room.updated' && event.head >= head) return event;
    }
  };

  test('a room that one makes, joins, is added to or leaves comes and goes', async () => {
    const ann = await listen('ann');
    const bob = await listen('bob');
    const roomId = await chat.newPrivateRoom('ann');
    expect(await nextEvent(ann)).toMatchObject({
      type: 'room.added',
      roomId,
      room: { name: 'Hidden', role: 'owner', lastMessage: null },
    });
    await chat.call('bob', 'GET', '/api/me');
    await chat.call('ann', 'POST', `/api/rooms/${roomId}/members`, { userId: 'bob' });
    expect(await nextEvent(bob)).toMatchObject({
      type: 'room.added',
      roomId,
      room: { role: 'member', memberCount: 2, readSeq: 2, unread: 0 },
    });
    await chat.call('ann', 'DELETE', `/api/rooms/${roomId}/members/bob`);
    expect(await nextEvent(bob)).toEqual({ type: 'room.removed', roomId });
    const shown = (await chat.call('ann', 'POST', `/api/rooms/${roomId}/messages`, { content: 'alone' }))
      .body;
    expect(await eventAt(ann, 4)).toEqual({
      type: 'room.updated',
      roomId,
      name: 'Hidden',
      head: 4,
      lastMessage: shown,
      readSeq: 4,
      unread: 0,
      unreadMentions: 0,
    });
    // What bob would hear of it would have come before the answer to this.
    bob.send('DISCONNECT', { receipt: 'bye' });
    expect((await bob.next()).command).toBe('RECEIPT');
  });

  test('its MESSAGE has the destination, an id of its own and JSON of an exact length', async () => {
    const ann = await listen('ann', 'list-1');
    const roomId = await chat.newRoom('ann');
    const message = await ann.expect('MESSAGE');
    expect(headersOf(message)).toEqual({
      subscription: 'list-1',
      destination: '/user/queue/rooms',
      'message-id': expect.stringMatching(/^[A-Za-z0-9_-]+$/),
      'content-type': 'application/json',
      'content-length': String(message.body.length),
    });
    expect(bodyOf(message)).toMatchObject({ type: 'room.added', roomId });
  });

  test('a burst of messages is told at most once an interval and room, the last one in any case', async () => {
    const roomId = await chat.newRoom('ann', 'bob');
    const other = await chat.newRoom('ann', 'bob');
    const bob = await listen('bob');
    const ann = await chat.connect('ann');
    const from = performance.now();
    for (let n = 0; n < 500; n += 1) ann.say(roomId, `${n}`, `${n}`);
    ann.say(other, 'meanwhile', 'meanwhile');
    for (let n = 0; n < 500; n += 1) await ann.receipt(`${n}`);
    const events: RoomListEvent[] = [];
    const isLast = (event?: RoomListEvent) =>
      event?.type === 'room.updated' && event.lastMessage?.content === '499';
    while (!isLast(events.at(-1))) events.push(await nextEvent(bob));
    const intervals = Math.ceil((performance.now() - from) / INTERVAL_MS);
    const ofRoom = events.filter((event) => event.roomId === roomId);
    expect(ofRoom.length).toBeLessThanOrEqual(intervals + 1);
    expect(ofRoom.length).toBeGreaterThanOrEqual(1);
    expect(events.filter((event) => event.roomId === other)).toHaveLength(1);
    const heads = ofRoom.map((event) => (event.type === 'room.updated' ? event.head : 0));
    expect(heads).toEqual(heads.toSorted((a, b) => a - b));
    expect(events.at(-1)).toMatchObject({ readSeq: 2, unread: 500, unreadMentions: 0 });
  });

  test('what is left to read is counted, also of mentions, until it is read: by SEND, by PUT, by an answer', async () => {
    const roomId = await chat.newRoom('ann', 'bob');
    const bob = await listen('bob');
    const mention = { content: 'bob?', mentions: ['bob'] };
    const said = async (user: string, body: object) =>
      ((await chat.call(user, 'POST', `/api/rooms/${roomId}/messages`, body)).body as { seq: number }).seq;
    for (const unread of [1, 2]) {
      expect(await eventAt(bob, await said('ann', mention))).toMatchObject({
        readSeq: 2,
        unread,
        unreadMentions: unread,
      });
    }
    bob.send('SEND', { destination: '/pub/read', receipt: 'r' }, JSON.stringify({ roomId, seq: 3 }));
    await bob.receipt('r');
    expect(await nextEvent(bob)).toMatchObject({ readSeq: 3, unread: 1, unreadMentions: 1 });
    await chat.call('bob', 'PUT', `/api/rooms/${roomId}/read`, { seq: 4 });
    expect(await nextEvent(bob)).toMatchObject({ readSeq: 4, unread: 0, unreadMentions: 0 });
    expect(await eventAt(bob, await said('ann', mention))).toMatchObject({ unread: 1, unreadMentions: 1 });
    expect(await eventAt(bob, await said('bob', { content: 'yes' }))).toMatchObject({
      readSeq: 6,
      unread: 0,
      unreadMentions: 0,
    });
  });

  test('a renamed room comes with its name, a deleted one goes', async () => {
    const roomId = await chat.newRoom('ann', 'bob');
    const bob = await listen('bob');
    await chat.call('ann', 'PATCH', `/api/rooms/${roomId}`, { name: 'Better' });
    expect(await nextEvent(bob)).toMatchObject({ type: 'room.updated', roomId, name: 'Better', head: 3 });
    await chat.call('ann', 'DELETE', `/api/rooms/${roomId}`);
    expect(await nextEvent(bob)).toEqual({ type: 'room.removed', roomId });
  });

  test('two sessions of a person, and two subscriptions of one, all hear it; after UNSUBSCRIBE none does', async () => {
    const one = await listen('ann', 'a');
    await subscribe(one, 'b');
    const two = await listen('ann');
    const roomId = await chat.newRoom('ann');
    const heard = [await nextEvent(one), await nextEvent(one), await nextEvent(two)];
    expect(heard.map((event) => event.roomId)).toEqual([roomId, roomId, roomId]);
    one.send('UNSUBSCRIBE', { id: 'a', receipt: 'r' });
    await one.receipt('r');
    const next = await chat.newRoom('ann');
    expect(await nextEvent(two)).toMatchObject({ roomId: next });
    expect(headersOf(await one.expect('MESSAGE')).subscription).toBe('b');
    expect(one.frames).toEqual([]);
    for (const client of [one, two]) await client.settled();
    expect(chat.broker.subscriptions).toBe(0);
  });

  test('whoever is removed while the list is being read hears nothing of the room afterwards, 300 times', async () => {
    const owner = await chat.connect('ann');
    await chat.call('eve', 'GET', '/api/me');
    for (let n = 0; n < 300; n += 1) {
      const roomId = await chat.newRoom('ann', 'eve');
      const eve = await chat.connect('eve');
      const removed = chat.store.leave(roomId, 'eve');
      await subscribe(eve, 'rooms');
      await removed;
      owner.say(roomId, 'without eve', 'said');
      await owner.receipt('said');
      eve.send('DISCONNECT', { receipt: 'bye' });
      for (let frame = await eve.next(); frame.command === 'MESSAGE'; frame = await eve.next()) {
        expect(bodyOf(frame)).toEqual({ type: 'room.removed', roomId });
      }
    }
  });
});
