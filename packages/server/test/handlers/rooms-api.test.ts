// REST: rooms as a client makes them, finds them, renames them and deletes them.
import { type Room, type RoomPage, roomPageSchema, roomSchema } from '@maru/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from '../session/chat-fixture.ts';
import { bodyOf } from '../session/raw-client.ts';
import { Rest, refused } from './rest.ts';

describe('rooms over REST', () => {
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

  test('POST /api/rooms makes the caller owner and first member', async () => {
    const { status, headers, body } = await call('ann', 'POST', '/api/rooms', {
      name: '  마루  ',
      visibility: 'public',
    });
    const room = roomSchema.strict().parse(body);
    expect(status).toBe(201);
    expect(headers.get('location')).toBe(`/api/rooms/${room.roomId}`);
    expect(room).toMatchObject({
      name: '마루',
      visibility: 'public',
      ownerId: 'ann',
      role: 'owner',
      memberCount: 1,
      head: 1,
      lastMessage: null,
    });
    expect((await call('ann', 'GET', `/api/rooms/${room.roomId}`)).body).toEqual(room);
  });

  test('a name of 80 characters is taken, one of 81 is not', async () => {
    const post = (length: number) =>
      call('ann', 'POST', '/api/rooms', { name: '가'.repeat(length), visibility: 'public' });
    expect((await post(80)).status).toBe(201);
    expect(refused(await post(81))).toEqual([400, 'invalid-request']);
  });

  test('a public room is seen by all, its last message by its members only', async () => {
    const { roomId } = await createRoom('ann');
    await say('ann', roomId, 'for members');
    const seen = async (user: string) => (await call(user, 'GET', `/api/rooms/${roomId}`)).body as Room;
    expect(await seen('ann')).toMatchObject({ role: 'owner', lastMessage: { content: 'for members' } });
    expect(await seen('bob')).toMatchObject({
      role: null,
      lastMessage: null,
      readSeq: 0,
      unread: 0,
      unreadMentions: 0,
    });
    const { body } = await call('bob', 'GET', '/api/rooms?scope=public&limit=100');
    expect((body as RoomPage).rooms.find((room) => room.roomId === roomId)?.lastMessage).toBe(null);
    await call('bob', 'POST', `/api/rooms/${roomId}/members`);
    expect(await seen('bob')).toMatchObject({ role: 'member', lastMessage: { content: 'for members' } });
  });

  test('lists are read page by page, newest first, each room once', async () => {
    const made: string[] = [];
    for (let n = 0; n < 5; n++)
      made.push((await createRoom('dora', n % 2 === 0 ? 'public' : 'private', `R${n}`)).roomId);
    for (const [scope, expected] of [
      ['joined', made.toReversed()],
      ['public', undefined],
    ] as const) {
      const seen: string[] = [];
      let cursor: string | null = null;
      do {
        const path: string = `/api/rooms?scope=${scope}&limit=2${cursor === null ? '' : `&cursor=${cursor}`}`;
        const page = roomPageSchema.parse((await call('dora', 'GET', path)).body);
        expect(page.rooms.length).toBeLessThanOrEqual(2);
        seen.push(...page.rooms.map((room) => room.roomId));
        cursor = page.nextCursor;
      } while (cursor !== null);
      expect(new Set(seen).size).toBe(seen.length);
      if (expected !== undefined) expect(seen).toEqual(expected);
      else expect(seen.filter((roomId) => made.includes(roomId))).toEqual([made[4], made[2], made[0]]);
    }
  });

  test('an owner renames a room, as often as they like: each new name is an entry of the log', async () => {
    const { roomId } = await rest.createRoom('ann', 'public', 'Before');
    const { status, body } = await rest.call('ann', 'PATCH', `/api/rooms/${roomId}`, { name: ' 다음 ' });
    expect(status).toBe(200);
    expect(roomSchema.strict().parse(body)).toMatchObject({ roomId, name: '다음', head: 2, role: 'owner' });
    expect((await rest.call('ann', 'PATCH', `/api/rooms/${roomId}`, { name: '다음' })).status).toBe(200);
    expect(await rest.room('bob', roomId)).toMatchObject({ name: '다음', head: 2 });
    expect(await rest.logTypes(roomId)).toEqual(['member.joined', 'room.updated']);
  });

  test('AZ03 nobody but an owner renames or deletes a room', async () => {
    const { roomId } = await rest.createRoom('ann', 'public', 'Mine');
    const path = `/api/rooms/${roomId}`;
    await rest.call('bob', 'POST', `${path}/members`);
    for (const [user, code] of [
      ['bob', 'access-denied'],
      ['carl', 'not-a-member'],
    ] as const) {
      expect(refused(await rest.call(user, 'PATCH', path, { name: 'Theirs' }))).toEqual([403, code]);
      expect(refused(await rest.call(user, 'DELETE', path))).toEqual([403, code]);
    }
    expect(await rest.room('ann', roomId)).toMatchObject({ name: 'Mine', role: 'owner', head: 2 });
  });

  test.each([
    {},
    { name: '' },
    { name: 5 },
    { name: 'x'.repeat(81) },
    { name: 'x', visibility: 'private' },
    [],
    null,
  ])('the change %j of a room is refused', async (change) => {
    const { roomId } = await rest.createRoom('ann');
    expect(refused(await rest.call('ann', 'PATCH', `/api/rooms/${roomId}`, change))).toEqual([
      400,
      'invalid-request',
    ]);
  });

  test('a deleted room is there for no call any more; who listens hears that it went', async () => {
    const { roomId } = await rest.createRoom('ann');
    const path = `/api/rooms/${roomId}`;
    await rest.call('bob', 'POST', `${path}/members`);
    const messageId = await rest.said('ann', roomId, 'gone with it');
    const client = await chat.connect('bob');
    await client.subscribe(roomId, '0');
    expect((await rest.call('ann', 'DELETE', path)).status).toBe(204);
    expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({ type: 'room.deleted', userId: 'ann' });
    for (const [method, target, body] of [
      ['GET', path],
      ['PATCH', path, { name: 'x' }],
      ['DELETE', path],
      ['GET', `${path}/members`],
      ['GET', `${path}/messages`],
      ['POST', `${path}/messages`, { content: 'x' }],
      ['PATCH', `${path}/messages/${messageId}`, { content: 'x' }],
      ['PUT', `${path}/read`, { seq: 1 }],
      ['GET', `/api/search?q=gone&roomId=${roomId}`],
    ] as const) {
      const answer = await rest.call('ann', method, target, body);
      expect([method, target, ...refused(answer)]).toEqual([method, target, 404, 'room-not-found']);
    }
    const { rooms } = (await rest.call('ann', 'GET', '/api/rooms?limit=100')).body as RoomPage;
    expect(rooms.map((room) => room.roomId)).not.toContain(roomId);
  });
});
