// REST: the room of two people: there once, the same for both, for nobody else.
import { type Room, type RoomPage, roomSchema } from '@maru/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from '../session/chat-fixture.ts';
import { Rest, refused } from './rest.ts';

describe('direct rooms over REST', () => {
  let chat: Chat;
  let rest: Rest;
  beforeAll(async () => {
    chat = await openChat();
    rest = new Rest(chat);
    await rest.meet('ann', 'bob', 'carl', 'dora', 'emil');
  });
  afterAll(() => chat.close());
  const open = (user: string, userId: unknown) => rest.call(user, 'POST', '/api/direct', { userId });

  test('is made the first time and found after that, by either; each sees the name of the other', async () => {
    const made = await open('ann', 'bob');
    const room = roomSchema.strict().parse(made.body);
    expect(made.status).toBe(201);
    expect(made.headers.get('location')).toBe(`/api/rooms/${room.roomId}`);
    expect(room).toMatchObject({
      name: 'Bob',
      directWith: 'bob',
      visibility: 'private',
      role: 'owner',
      memberCount: 2,
    });
    expect(await open('ann', 'bob')).toMatchObject({ status: 200, body: room });
    const theirs = await open('bob', 'ann');
    expect(theirs).toMatchObject({
      status: 200,
      body: { roomId: room.roomId, name: 'Ann', directWith: 'ann', role: 'owner' },
    });
    expect(await rest.room('bob', room.roomId)).toEqual(theirs.body);
    const { rooms } = (await rest.call('bob', 'GET', '/api/rooms')).body as RoomPage;
    expect(rooms.find(({ roomId }) => roomId === room.roomId)).toEqual(theirs.body);
  });

  test('is one, however many ask for it at once from both sides', async () => {
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, n) => (n % 2 === 0 ? open('dora', 'emil') : open('emil', 'dora'))),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(9).fill(200), 201]);
    expect(new Set(answers.map(({ body }) => (body as Room).roomId)).size).toBe(1);
  });

  test('is what two people write in, and a third one never sees', async () => {
    const { roomId } = (await open('ann', 'carl')).body as Room;
    await rest.say('ann', roomId, 'between us');
    await rest.say('carl', roomId, 'yes');
    expect((await rest.history('carl', roomId)).map(({ content }) => content)).toEqual(['between us', 'yes']);
    for (const path of [
      `/api/rooms/${roomId}`,
      `/api/rooms/${roomId}/members`,
      `/api/rooms/${roomId}/messages`,
    ]) {
      expect(refused(await rest.call('bob', 'GET', path))).toEqual([404, 'room-not-found']);
    }
    expect(refused(await rest.call('bob', 'POST', `/api/rooms/${roomId}/members`))).toEqual([
      404,
      'room-not-found',
    ]);
  });

  test('nobody leaves it, renames it, deletes it or takes a third one in', async () => {
    const { roomId } = (await open('bob', 'carl')).body as Room;
    const path = `/api/rooms/${roomId}`;
    for (const [method, target, body] of [
      ['PATCH', path, { name: 'Ours' }],
      ['DELETE', path],
      ['DELETE', `${path}/members/bob`],
      ['DELETE', `${path}/members/carl`],
      ['POST', `${path}/members`, { userId: 'ann' }],
      ['POST', `${path}/members`, { userId: 'ann', role: 'owner' }],
    ] as const) {
      const answer = await rest.call('bob', method, target, body);
      expect([method, target, ...refused(answer)]).toEqual([method, target, 403, 'access-denied']);
    }
    expect(await rest.room('carl', roomId)).toMatchObject({ name: 'Bob', memberCount: 2 });
  });

  test('is with somebody else, whom the service knows', async () => {
    expect(refused(await open('ann', 'ann'))).toEqual([400, 'invalid-request']);
    for (const userId of ['nobody-knows', '\0', '\ud800', '%00']) {
      expect(refused(await open('ann', userId))).toEqual([404, 'not-found']);
    }
    for (const userId of ['', 5, null, ['bob'], 'x'.repeat(129)]) {
      expect(refused(await open('ann', userId))).toEqual([400, 'invalid-request']);
    }
  });
});
