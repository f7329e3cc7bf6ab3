// A private room is there for its members alone: every call that names one answers others as if there were none.
import type { HttpError, RoomPage } from '@maru/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from '../session/chat-fixture.ts';
import { Rest, reactionPath, refused } from './rest.ts';

/** Calls that name a room, by how they are written in the documentation of the API. */
const CALLS: Readonly<Record<string, (roomId: string, messageId: string) => [path: string, body?: unknown]>> =
  {
    'GET /api/rooms/{roomId}': (room) => [`/api/rooms/${room}`],
    'PATCH /api/rooms/{roomId}': (room) => [`/api/rooms/${room}`, { name: 'x' }],
    'DELETE /api/rooms/{roomId}': (room) => [`/api/rooms/${room}`],
    'GET /api/rooms/{roomId}/members': (room) => [`/api/rooms/${room}/members`],
    'POST /api/rooms/{roomId}/members': (room) => [`/api/rooms/${room}/members`, { userId: 'carl' }],
    'DELETE /api/rooms/{roomId}/members/{userId}': (room) => [`/api/rooms/${room}/members/ann`],
    'GET /api/rooms/{roomId}/messages': (room) => [`/api/rooms/${room}/messages`],
    'POST /api/rooms/{roomId}/messages': (room) => [`/api/rooms/${room}/messages`, { content: 'x' }],
    'PATCH /api/rooms/{roomId}/messages/{messageId}': (room, message) => [
      `/api/rooms/${room}/messages/${message}`,
      { content: 'x' },
    ],
    'DELETE /api/rooms/{roomId}/messages/{messageId}': (room, message) => [
      `/api/rooms/${room}/messages/${message}`,
    ],
    'PUT /api/rooms/{roomId}/messages/{messageId}/reactions/{emoji}': (...ids) => [
      reactionPath(...ids, '👍'),
    ],
    'DELETE /api/rooms/{roomId}/messages/{messageId}/reactions/{emoji}': (...ids) => [
      reactionPath(...ids, '👍'),
    ],
    'PUT /api/rooms/{roomId}/read': (room) => [`/api/rooms/${room}/read`, { seq: 1 }],
  };

describe('a private room, to who is not in it', () => {
  let chat: Chat;
  let rest: Rest;
  let roomId: string;
  let messageId: string;
  beforeAll(async () => {
    chat = await openChat();
    rest = new Rest(chat);
    await rest.meet('ann', 'bob', 'carl', 'dora');
    ({ roomId } = await rest.hiddenRoom('ann', 'dora'));
    messageId = await rest.said('ann', roomId, 'hidden');
  });
  afterAll(() => chat.close());

  test('every documented call that names a room is tried here', async () => {
    const { paths } = (await rest.call(null, 'GET', '/api/openapi.json')).body as {
      paths: Record<string, object>;
    };
    const documented = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    expect(documented.filter((call) => call.includes('{roomId}')).sort()).toEqual(Object.keys(CALLS).sort());
  });

  test.each(Object.keys(CALLS))('%s answers as for no room', async (name) => {
    const [method = ''] = name.split(' ');
    const make = async (room: string, message: string) => {
      const [path, body] = CALLS[name]?.(room, message) ?? [''];
      return rest.call('bob', method, path, body);
    };
    const hidden = await make(roomId, messageId);
    const unknown = await make('x'.repeat(21), messageId);
    expect(refused(hidden)).toEqual([404, 'room-not-found']);
    const { requestId: _one, ...answer } = hidden.body as HttpError;
    const { requestId: _other, ...same } = unknown.body as HttpError;
    expect(answer).toEqual(same);
  });

  test('nothing of it has changed by that, and no list has it', async () => {
    expect(await rest.room('ann', roomId)).toMatchObject({ name: 'Hidden', memberCount: 2, head: 3 });
    expect(await chat.history(roomId)).toEqual(['hidden']);
    const { rooms } = (await rest.call('bob', 'GET', '/api/rooms?scope=public&limit=100')).body as RoomPage;
    expect(rooms.map((room) => room.roomId)).not.toContain(roomId);
  });

  test('it is gone for who was removed, from the next call on', async () => {
    expect((await rest.call('dora', 'GET', `/api/rooms/${roomId}/messages`)).status).toBe(200);
    await rest.call('ann', 'DELETE', `/api/rooms/${roomId}/members/dora`);
    for (const [name, make] of Object.entries(CALLS)) {
      const [method = ''] = name.split(' ');
      const answer = await rest.call('dora', method, ...make(roomId, messageId));
      expect([name, ...refused(answer)]).toEqual([name, 404, 'room-not-found']);
    }
  });
});
