// SEND to edit, delete and react, over a real socket: who may, what the RECEIPT says, what the room hears.
import {
  messageDeletedSchema,
  messageEditedSchema,
  reactionAddedSchema,
  reactionRemovedSchema,
} from '@maru/contract';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Chat, openChat } from '../session/chat-fixture.ts';
import { bodyOf, headersOf, type RawClient } from '../session/raw-client.ts';
import { Rest } from './rest.ts';

const [SAY, EDIT, DELETE, REACT] = [
  '/pub/send/message',
  '/pub/edit/message',
  '/pub/delete/message',
  '/pub/react/message',
];

describe('a change to a message, sent over STOMP', () => {
  let chat: Chat;
  let rest: Rest;
  let roomId: string;
  let messageId: string;
  beforeAll(async () => {
    chat = await openChat();
    rest = new Rest(chat);
    await rest.meet('ann', 'bob', 'carl', 'eve');
  });
  beforeEach(async () => {
    roomId = await chat.newRoom('ann', 'bob', 'carl');
    messageId = await rest.said('bob', roomId, 'as it was');
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  const send = (client: RawClient, destination: string, body: object, headers: Record<string, string> = {}) =>
    client.send('SEND', { destination, ...headers }, JSON.stringify({ roomId, ...body }));
  /** Sends with a receipt. @returns the headers of the RECEIPT */
  const receipted = async (client: RawClient, destination: string, body: object) => {
    send(client, destination, body, { receipt: 'r' });
    return headersOf(await client.receipt('r'));
  };
  /** The code of the soft refusal of a SEND; the session goes on. */
  const denial = async (client: RawClient, destination: string, body: object) => {
    send(client, destination, body, { receipt: 'r' });
    const told = bodyOf(await client.expect('MESSAGE'));
    expect(told).toMatchObject({ destination, receiptId: 'r' });
    return told.code;
  };
  const withErrors = async (user: string) => {
    const client = await chat.connect(user);
    client.send('SUBSCRIBE', { destination: '/user/queue/errors', id: 'errors', receipt: 'e' });
    await client.receipt('e');
    return client;
  };

  test('is heard as an entry of the room’s log, by the id and seq that its RECEIPT names', async () => {
    const client = await chat.connect('bob');
    await client.subscribe(roomId, '0');
    const about = { roomId, messageId, userId: 'bob', userName: 'Bob' };
    for (const [destination, body, schema, entry] of [
      [EDIT, { content: 'as it is' }, messageEditedSchema, { type: 'message.edited', content: 'as it is' }],
      [REACT, { emoji: '🎂' }, reactionAddedSchema, { type: 'reaction.added', emoji: '🎂' }],
      [
        REACT,
        { emoji: '🎂', remove: true },
        reactionRemovedSchema,
        { type: 'reaction.removed', emoji: '🎂' },
      ],
      [DELETE, {}, messageDeletedSchema, { type: 'message.deleted' }],
    ] as const) {
      const receipt = await receipted(client, destination, { messageId, ...body });
      const message = await client.expect('MESSAGE');
      const heard = schema.strict().parse(bodyOf(message));
      expect(heard).toMatchObject({ ...about, ...entry });
      expect(receipt).toEqual({
        'receipt-id': 'r',
        'message-id': message.headers.get('message-id'),
        seq: String(heard.seq),
      });
      expect(receipt['message-id']).toBe(`${message.headers.get('log-epoch')}-${heard.seq}`);
    }
  });

  test('that changes nothing has the RECEIPT of what made it so, and nobody hears it', async () => {
    const client = await chat.connect('bob');
    await client.subscribe(roomId, '0');
    for (const [destination, body] of [
      [EDIT, { content: 'other' }],
      [REACT, { emoji: '👍' }],
      [DELETE, {}],
    ] as const) {
      const first = await receipted(client, destination, { messageId, ...body });
      expect(await receipted(client, destination, { messageId, ...body })).toEqual(first);
    }
    // To what it was said with: the entry that made it so is the message itself.
    const said = await receipted(client, SAY, { content: 'mine' });
    expect(await receipted(client, EDIT, { messageId: said['message-id'], content: 'mine' })).toEqual(said);
    // No entry has made it so that a reaction isn't there.
    const none = { messageId: said['message-id'], emoji: '👍', remove: true };
    expect(await receipted(client, REACT, none)).toEqual({ 'receipt-id': 'r' });
    const types = (await client.messages(4)).map((message) => bodyOf(message).type);
    expect(types).toEqual(['message.edited', 'reaction.added', 'message.deleted', 'message.created']);
    await client.settled();
    expect(client.frames).toEqual([]);
  });

  test('AZ03 is refused to who may not, softly, and nothing comes of it', async () => {
    const before = (await rest.room('ann', roomId)).head;
    const [ann, carl, eve] = [await withErrors('ann'), await withErrors('carl'), await withErrors('eve')];
    expect(await denial(ann, EDIT, { messageId, content: 'x' })).toBe('access-denied');
    expect(await denial(carl, EDIT, { messageId, content: 'x' })).toBe('access-denied');
    expect(await denial(carl, DELETE, { messageId })).toBe('access-denied');
    for (const [destination, body] of [
      [EDIT, { content: 'x' }],
      [DELETE, {}],
      [REACT, { emoji: '👍' }],
    ] as const) {
      expect(await denial(eve, destination, { messageId, ...body })).toBe('not-a-member');
      expect(await denial(eve, destination, { roomId: 'none', messageId, ...body })).toBe('room-not-found');
      expect(await denial(ann, destination, { messageId: 'none', ...body })).toBe('message-not-found');
    }
    expect((await rest.room('ann', roomId)).head).toBe(before);
    expect(await receipted(ann, DELETE, { messageId })).toMatchObject({ seq: String(before + 1) });
  });

  test('of a room that is hidden from its sender is refused as one of no room at all', async () => {
    const hidden = await rest.hiddenRoom('ann');
    const secret = await rest.said('ann', hidden.roomId, 'secret');
    const eve = await withErrors('eve');
    for (const [destination, body] of [
      [EDIT, { content: 'x' }],
      [DELETE, {}],
      [REACT, { emoji: '👍' }],
    ] as const) {
      const there = await denial(eve, destination, { roomId: hidden.roomId, messageId: secret, ...body });
      expect(there).toBe('room-not-found');
    }
  });

  test.each([
    [EDIT, {}],
    [EDIT, { content: '' }],
    [EDIT, { content: 'x', mentions: [] }],
    [EDIT, { content: 'x', messageId: 'a b' }],
    [DELETE, { messageId: 5 }],
    [DELETE, { reason: 'x' }],
    [REACT, {}],
    [REACT, { emoji: 'x' }],
    [REACT, { emoji: '👍👍' }],
    [REACT, { emoji: '👍', remove: 'yes' }],
  ])('to %s with %j is refused as invalid-body', async (destination, body) => {
    const bob = await withErrors('bob');
    expect(await denial(bob, destination, { messageId, ...body })).toBe('invalid-body');
  });

  test('without errors to hear ends the session when it is refused', async () => {
    const bob = await chat.connect('bob');
    send(bob, EDIT, { messageId: 'none', content: 'x' }, { receipt: 'r' });
    const { code, close, error } = await bob.refusal();
    expect({ code, close, receipt: error.headers.get('receipt-id') }).toEqual({
      code: 'message-not-found',
      close: 1008,
      receipt: 'r',
    });
  });

  test('takes effect with all of its transaction, in the order of its frames', async () => {
    const bob = await chat.connect('bob');
    await bob.subscribe(roomId, '0');
    const transaction = 't';
    bob.send('BEGIN', { transaction });
    send(bob, EDIT, { messageId, content: 'edited' }, { transaction });
    send(bob, SAY, { content: 'said' }, { transaction });
    send(bob, REACT, { messageId, emoji: '👍' }, { transaction, receipt: 'accepted' });
    send(bob, DELETE, { messageId }, { transaction });
    expect(headersOf(await bob.receipt('accepted'))).toEqual({ 'receipt-id': 'accepted' });
    expect(await rest.logTypes(roomId)).not.toContain('message.edited');
    bob.send('COMMIT', { transaction, receipt: 'committed' });
    await bob.receipt('committed');
    const heard = (await bob.messages(4)).map(bodyOf);
    expect(heard.map(({ type }) => type)).toEqual([
      'message.edited',
      'message.created',
      'reaction.added',
      'message.deleted',
    ]);
    const [first] = heard;
    expect(heard.map(({ seq }) => Number(seq) - Number(first?.seq))).toEqual([0, 1, 2, 3]);
  });

  test('that the room refuses keeps all of its transaction from taking effect', async () => {
    const bob = await withErrors('bob');
    const before = await chat.store.listEntries(roomId, 0, 100);
    const transaction = 't';
    bob.send('BEGIN', { transaction });
    send(bob, SAY, { content: 'never' }, { transaction });
    send(bob, REACT, { messageId, emoji: '👍' }, { transaction });
    send(bob, EDIT, { messageId: 'none', content: 'x' }, { transaction });
    bob.send('COMMIT', { transaction, receipt: 'c' });
    expect(bodyOf(await bob.expect('MESSAGE'))).toMatchObject({ code: 'message-not-found', receiptId: 'c' });
    expect(await chat.store.listEntries(roomId, 0, 100)).toEqual(before);
  });

  test('sent by two at once is made once: one edit wins after the other, one deletion is all there is', async () => {
    const [bob, twin, ann] = [
      await chat.connect('bob'),
      await chat.connect('bob'),
      await chat.connect('ann'),
    ];
    await Promise.all([
      receipted(bob, EDIT, { messageId, content: 'one' }),
      receipted(twin, EDIT, { messageId, content: 'two' }),
    ]);
    const [message] = await rest.history('ann', roomId);
    expect(['one', 'two']).toContain(message?.content);
    const [by, also] = await Promise.all([
      receipted(bob, DELETE, { messageId }),
      receipted(ann, DELETE, { messageId }),
    ]);
    expect(by).toEqual(also);
    expect((await rest.logTypes(roomId)).slice(-3)).toEqual([
      'message.edited',
      'message.edited',
      'message.deleted',
    ]);
  });
});
