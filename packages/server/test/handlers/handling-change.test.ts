// What a team's handler does to messages and tells a room: as its sender may, with all else it asks for or not at all.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type MessageChange, mapDestination } from '../../src/handlers/application-handler.ts';
import { defineHandlers } from '../../src/handlers/handler-module.ts';
import { type Chat, openChat } from '../session/chat-fixture.ts';
import { bodyOf, headersOf, type RawClient } from '../session/raw-client.ts';
import { Rest } from './rest.ts';

const late = Promise.withResolvers<void>();

const module = defineHandlers({
  topics: [{ destination: '/topic/heard' }],
  destinations: [
    /** A vote: whoever votes reacts, and says so. */
    mapDestination({
      destination: '/pub/vote',
      schema: z.strictObject({ roomId: z.string(), messageId: z.string(), emoji: z.string() }),
      handle: ({ body, append, change, publish, signal, principal: { userId } }) => {
        const { roomId } = body;
        append({ roomId, content: `I vote ${body.emoji}`, replyTo: body.messageId });
        change({ kind: 'react', ...body });
        publish('/topic/heard', { body: 'voted' });
        signal({ type: 'read', roomId, userId, seq: 1 });
      },
    }),
    /** Whatever the body says, as a module in JavaScript may do it. */
    mapDestination({
      destination: '/pub/change',
      schema: z.strictObject({ changes: z.array(z.unknown()) }),
      handle: ({ body: { changes }, change }) => {
        for (const each of changes) change(each as MessageChange);
      },
    }),
    mapDestination({
      destination: '/pub/forgetful',
      schema: z.strictObject({ roomId: z.string(), messageId: z.string() }),
      handle: ({ body: { roomId, messageId }, change, signal }) => {
        void late.promise.then(() => {
          change({ kind: 'delete', roomId, messageId });
          signal({ type: 'typing', roomId, userId: 'ann', userName: 'Ann' });
        });
      },
    }),
    mapDestination({
      destination: '/pub/catch-up',
      schema: z.strictObject({ roomId: z.string() }),
      handle: async ({ body: { roomId }, markRead }) => {
        const { readSeq, moved } = await markRead(roomId, Number.MAX_SAFE_INTEGER);
        return { 'read-seq': `${readSeq}`, moved: `${moved}` };
      },
    }),
  ],
});

describe('a handler of a team', () => {
  let chat: Chat;
  let rest: Rest;
  let roomId: string;
  let messageId: string;
  beforeAll(async () => {
    chat = await openChat({ handlers: module });
    rest = new Rest(chat);
    await rest.meet('ann', 'bob');
  });
  beforeEach(async () => {
    roomId = await chat.newRoom('ann', 'bob');
    messageId = await rest.said('bob', roomId, 'Cake or pie?');
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  const listen = async (user: string): Promise<RawClient> => {
    const client = await chat.connect(user);
    client.send('SUBSCRIBE', { destination: '/user/queue/errors', id: 'errors' });
    client.send('SUBSCRIBE', { destination: '/topic/heard', id: 'heard', receipt: 'ready' });
    await client.receipt('ready');
    return client;
  };
  const send = (client: RawClient, destination: string, body: object) =>
    client.send('SEND', { destination, receipt: 'r' }, JSON.stringify(body));

  test('appends, changes, publishes and signals as one; its RECEIPT names the last entry', async () => {
    const [ann, bob] = [await listen('ann'), await chat.connect('bob')];
    bob.send('SUBSCRIBE', { destination: `/topic/rooms/${roomId}`, id: 's', receipt: 's' });
    await bob.receipt('s');
    send(ann, '/pub/vote', { roomId, messageId, emoji: '🍰' });
    const receipt = headersOf(await ann.receipt('r'));
    const entries = (await chat.store.listEntries(roomId, 3, 10)).map(({ entry }) => entry);
    expect(entries).toMatchObject([
      { type: 'message.created', senderId: 'ann', replyTo: messageId },
      { type: 'reaction.added', userId: 'ann', emoji: '🍰', messageId },
    ]);
    expect(receipt.seq).toBe(String(entries[1]?.seq));
    expect(Buffer.from((await ann.expect('MESSAGE')).body).toString()).toBe('voted');
    let told = bodyOf(await bob.expect('MESSAGE'));
    while (told.type !== 'read') told = bodyOf(await bob.expect('MESSAGE'));
    expect(told).toEqual({ type: 'read', roomId, userId: 'ann', seq: 1 });
  });

  test('that is refused one of them has none', async () => {
    const ann = await listen('ann');
    send(ann, '/pub/vote', { roomId, messageId: 'none', emoji: '🍰' });
    const { code } = bodyOf(await ann.expect('MESSAGE'));
    expect(code).toBe('invalid-body');
    const { head } = await rest.room('ann', roomId);
    await rest.call('bob', 'DELETE', `/api/rooms/${roomId}/messages/${messageId}`);
    send(ann, '/pub/vote', { roomId, messageId, emoji: '🍰' });
    expect(bodyOf(await ann.expect('MESSAGE'))).toMatchObject({ code: 'message-not-found' });
    expect((await rest.room('ann', roomId)).head).toBe(head + 1);
    await ann.settled();
    expect(ann.frames).toEqual([]);
  });

  test('changes only what its sender may', async () => {
    const ann = await listen('ann');
    send(ann, '/pub/change', { changes: [{ kind: 'edit', roomId, messageId, content: 'Pie!' }] });
    expect(bodyOf(await ann.expect('MESSAGE'))).toMatchObject({ code: 'access-denied' });
    expect(await chat.history(roomId)).toEqual(['Cake or pie?']);
  });

  test.each([
    [{ kind: 'edit', content: '' }],
    [{ kind: 'edit', content: 'x', sender: { userId: 'bob' } }],
    [{ kind: 'erase' }],
    [{ kind: 'react', emoji: 'no emoji' }],
    [{ kind: 'message', content: 'x' }],
    [{}],
  ])('that asks for the change %j is refused as a client would be', async (change) => {
    const bob = await listen('bob');
    const before = (await rest.room('bob', roomId)).head;
    const wanted = [
      { kind: 'delete', roomId, messageId },
      { roomId, messageId, ...change },
    ];
    send(bob, '/pub/change', { changes: wanted });
    expect(bodyOf(await bob.expect('MESSAGE'))).toMatchObject({ code: 'invalid-body' });
    expect((await rest.room('bob', roomId)).head).toBe(before);
  });

  test('that changes and signals when it is done already is logged; nothing comes of it', async () => {
    const bob = await listen('bob');
    send(bob, '/pub/forgetful', { roomId, messageId });
    await bob.receipt('r');
    late.resolve();
    await late.promise;
    send(bob, '/pub/catch-up', { roomId });
    await bob.receipt('r');
    const logged = chat.log.filter(({ msg }) => String(msg).includes('after the handler was done'));
    expect(logged).toMatchObject([
      { level: 50, destination: '/pub/forgetful', msg: expect.stringMatching(/^change /) },
      { level: 50, destination: '/pub/forgetful', msg: expect.stringMatching(/^signal /) },
    ]);
    expect(await chat.history(roomId)).toEqual(['Cake or pie?']);
  });

  test('moves the read marker of its sender and learns where it stands', async () => {
    const ann = await listen('ann');
    send(ann, '/pub/catch-up', { roomId });
    expect(headersOf(await ann.receipt('r'))).toEqual({ 'receipt-id': 'r', 'read-seq': '3', moved: 'true' });
    send(ann, '/pub/catch-up', { roomId });
    expect(headersOf(await ann.receipt('r'))).toMatchObject({ 'read-seq': '3', moved: 'false' });
    expect(await rest.room('ann', roomId)).toMatchObject({ readSeq: 3, unread: 0 });
  });
});
