// REST: messages of a room: sent, read, edited, deleted.
import { chatMessageSchema, type MessagePage } from '@maru/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from '../session/chat-fixture.ts';
import { Rest, refused } from './rest.ts';

describe('messages over REST', () => {
  let chat: Chat;
  let rest: Rest;
  beforeAll(async () => {
    chat = await openChat();
    rest = new Rest(chat);
    await rest.meet('ann', 'bob', 'carl');
  });
  afterAll(() => chat.close());
  const call = (...args: Parameters<Chat['call']>) => rest.call(...args);
  const createRoom = (...args: Parameters<Rest['createRoom']>) => rest.createRoom(...args);
  const say = (...args: Parameters<Rest['say']>) => rest.say(...args);

  test('POST stores a message and answers it; members hear it', async () => {
    const { roomId } = await createRoom('ann');
    const client = await chat.connect('ann');
    await client.subscribe(roomId, '0');
    const { status, body } = await say('ann', roomId, '안녕\n😀');
    expect(status).toBe(201);
    expect(body).toMatchObject({
      type: 'message.created',
      roomId,
      senderId: 'ann',
      senderName: 'Ann',
      content: '안녕\n😀',
      seq: 2,
    });
    const [message] = await client.messages(1);
    expect(JSON.parse(Buffer.from(message?.body ?? []).toString())).toEqual(body);
  });

  test('only members read and write the messages of a public room', async () => {
    const { roomId } = await createRoom('ann');
    expect(refused(await say('bob', roomId, 'x'))).toEqual([403, 'not-a-member']);
    expect(refused(await call('bob', 'GET', `/api/rooms/${roomId}/messages`))).toEqual([403, 'not-a-member']);
  });

  test('AZ07 a sender in the body is refused', async () => {
    const { roomId } = await createRoom('ann');
    const answer = await call('ann', 'POST', `/api/rooms/${roomId}/messages`, {
      content: 'x',
      senderId: 'bob',
    });
    expect(refused(answer)).toEqual([400, 'invalid-request']);
  });

  test('history is read in pages, ascending: the newest, those before a seq, those after one', async () => {
    const { roomId } = await createRoom('ann');
    for (let n = 2; n <= 6; n++) await say('ann', roomId, `${n}`);
    await call('bob', 'POST', `/api/rooms/${roomId}/members`);
    await say('ann', roomId, '8');
    const page = async (query: string) => {
      const { messages, hasMore } = (await call('ann', 'GET', `/api/rooms/${roomId}/messages${query}`))
        .body as MessagePage;
      return [
        messages.map(({ seq }) => seq).join(' '),
        messages.map(({ content }) => content).join(' '),
        hasMore,
      ];
    };
    expect(await page('')).toEqual(['2 3 4 5 6 8', '2 3 4 5 6 8', false]);
    expect(await page('?limit=2')).toEqual(['6 8', '6 8', true]);
    expect(await page('?limit=2&before=6')).toEqual(['4 5', '4 5', true]);
    expect(await page('?limit=2&before=4')).toEqual(['2 3', '2 3', false]);
    expect(await page('?before=1')).toEqual(['', '', false]);
    expect(await page('?limit=3&after=0')).toEqual(['2 3 4', '2 3 4', true]);
    expect(await page('?limit=3&after=5')).toEqual(['6 8', '6 8', false]);
    expect(await page('?after=100')).toEqual(['', '', false]);
  });

  test.each(['before=1&after=1', 'before=0', 'after=-1', 'limit=0', 'limit=201', 'before=x', 'limit=1.5'])(
    'the query %s is refused',
    async (query) => {
      const { roomId } = await createRoom('ann');
      expect(refused(await call('ann', 'GET', `/api/rooms/${roomId}/messages?${query}`))).toEqual([
        400,
        'invalid-request',
      ]);
    },
  );

  test('the most that may be asked for at once is answered', async () => {
    const { roomId } = await createRoom('ann');
    expect((await call('ann', 'GET', `/api/rooms/${roomId}/messages?limit=200`)).status).toBe(200);
    expect((await call('ann', 'GET', `/api/rooms/${roomId}/members?limit=200`)).status).toBe(200);
    expect((await call('ann', 'GET', '/api/rooms?limit=100')).status).toBe(200);
  });

  test('PATCH gives a message of the caller another content; history has it in its place, the log has both', async () => {
    const { roomId } = await rest.createRoom('ann');
    const messageId = await rest.said('ann', roomId, 'befor');
    await rest.say('ann', roomId, 'another');
    const path = `/api/rooms/${roomId}/messages/${messageId}`;
    const { status, body } = await rest.call('ann', 'PATCH', path, { content: 'before 😀' });
    expect(status).toBe(200);
    const message = chatMessageSchema.strict().parse(body);
    expect(message).toMatchObject({ messageId, seq: 2, content: 'before 😀', senderId: 'ann' });
    expect(Date.parse(message.editedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(message.createdAt));
    expect((await rest.history('ann', roomId)).map(({ content }) => content)).toEqual([
      'before 😀',
      'another',
    ]);
    // To what it is already: nothing comes of it.
    expect((await rest.call('ann', 'PATCH', path, { content: 'before 😀' })).body).toEqual(body);
    expect(await rest.logTypes(roomId)).toEqual([
      'member.joined',
      'message.created',
      'message.created',
      'message.edited',
    ]);
  });

  test('DELETE takes the content away, from the history too; again is no error', async () => {
    const { roomId } = await rest.createRoom('ann');
    const messageId = await rest.said('ann', roomId, 'regretted');
    const path = `/api/rooms/${roomId}/messages/${messageId}`;
    await rest.call('ann', 'PATCH', path, { content: 'regretted still' });
    expect((await rest.call('ann', 'DELETE', path)).status).toBe(204);
    expect((await rest.call('ann', 'DELETE', path)).status).toBe(204);
    const [message] = await rest.history('ann', roomId);
    expect(message).toMatchObject({ messageId, seq: 2, content: null, deleted: true });
    expect(JSON.stringify(await chat.store.listEntries(roomId, 0, 100))).not.toContain('regretted');
    expect((await rest.logTypes(roomId)).slice(2)).toEqual(['message.edited', 'message.deleted']);
    expect(refused(await rest.call('ann', 'PATCH', path, { content: 'back again' }))).toEqual([
      404,
      'message-not-found',
    ]);
  });

  test('AZ03 only its sender edits a message; an owner deletes it too, nobody else does', async () => {
    const { roomId } = await rest.createRoom('ann');
    for (const user of ['bob', 'carl']) await rest.call(user, 'POST', `/api/rooms/${roomId}/members`);
    const messageId = await rest.said('bob', roomId, 'of Bob');
    const path = `/api/rooms/${roomId}/messages/${messageId}`;
    for (const user of ['ann', 'carl']) {
      expect(refused(await rest.call(user, 'PATCH', path, { content: 'of another' }))).toEqual([
        403,
        'access-denied',
      ]);
    }
    expect(refused(await rest.call('carl', 'DELETE', path))).toEqual([403, 'access-denied']);
    expect(refused(await rest.call('eve', 'DELETE', path))).toEqual([403, 'not-a-member']);
    expect((await rest.history('bob', roomId)).map(({ content }) => content)).toEqual(['of Bob']);
    expect((await rest.call('ann', 'DELETE', path)).status).toBe(204);
    expect((await rest.history('bob', roomId)).map(({ content }) => content)).toEqual([null]);
  });

  test('a message of another room, or none, is not found', async () => {
    const [{ roomId }, other] = [await rest.createRoom('ann'), await rest.createRoom('ann')];
    const elsewhere = await rest.said('ann', other.roomId, 'elsewhere');
    const joined = (await chat.store.listEntries(roomId, 0, 1))[0];
    for (const messageId of [elsewhere, `${joined?.epoch}-1`, `${joined?.epoch}-99`, 'none', '-', '_']) {
      const path = `/api/rooms/${roomId}/messages/${messageId}`;
      expect(refused(await rest.call('ann', 'PATCH', path, { content: 'x' }))).toEqual([
        404,
        'message-not-found',
      ]);
      expect(refused(await rest.call('ann', 'DELETE', path))).toEqual([404, 'message-not-found']);
    }
  });

  test.each([
    {},
    { content: '' },
    { content: ' ' },
    { content: null },
    { content: 'x', roomId: 'r' },
    'x',
    1,
  ])('the edit %j is refused', async (body) => {
    const { roomId } = await rest.createRoom('ann');
    const messageId = await rest.said('ann', roomId, 'as it was');
    const path = `/api/rooms/${roomId}/messages/${messageId}`;
    expect(refused(await rest.call('ann', 'PATCH', path, JSON.stringify(body)))).toEqual([
      400,
      'invalid-request',
    ]);
  });

  test('whom a message mentions stands in it; it must be members, each once, twenty at most', async () => {
    const { roomId } = await rest.createRoom('ann');
    await rest.call('bob', 'POST', `/api/rooms/${roomId}/members`);
    const told = await rest.say('ann', roomId, '@Bob @Ann', { mentions: ['bob', 'ann'] });
    expect(told).toMatchObject({ status: 201, body: { mentions: ['bob', 'ann'] } });
    expect(await rest.room('bob', roomId)).toMatchObject({ unread: 1, unreadMentions: 1 });
    expect((await rest.history('bob', roomId))[0]).toMatchObject({ mentions: ['bob', 'ann'] });
    expect(refused(await rest.say('ann', roomId, '@Carl', { mentions: ['carl'] }))).toEqual([
      400,
      'invalid-body',
    ]);
    for (const mentions of [['bob', 'bob'], [''], 'bob', Array.from({ length: 21 }, (_, n) => `m${n}`)]) {
      expect(refused(await rest.say('ann', roomId, 'x', { mentions }))).toEqual([400, 'invalid-request']);
    }
    expect(await chat.history(roomId)).toEqual(['@Bob @Ann']);
  });
});
