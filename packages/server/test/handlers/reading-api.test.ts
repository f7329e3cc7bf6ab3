// REST: the read marker: where it goes, where it doesn't, and who is told.
import { readingSchema } from '@maru/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from '../session/chat-fixture.ts';
import { bodyOf } from '../session/raw-client.ts';
import { Rest, refused } from './rest.ts';

describe('read markers over REST', () => {
  let chat: Chat;
  let rest: Rest;
  let roomId: string;
  beforeAll(async () => {
    chat = await openChat();
    rest = new Rest(chat);
    await rest.meet('ann', 'bob', 'eve');
  });
  afterAll(() => chat.close());
  const read = (user: string, seq: unknown) => rest.call(user, 'PUT', `/api/rooms/${roomId}/read`, { seq });

  test('count what is left, never go back, nor past the head', async () => {
    roomId = await chat.newRoom('ann', 'bob');
    for (const n of [1, 2, 3]) await rest.say('ann', roomId, `${n}`, n === 2 ? { mentions: ['bob'] } : {});
    expect(await rest.room('bob', roomId)).toMatchObject({ readSeq: 2, unread: 3, unreadMentions: 1 });
    const first = await read('bob', 3);
    expect(first.status).toBe(200);
    expect(readingSchema.strict().parse(first.body)).toEqual({ readSeq: 3, unread: 2, unreadMentions: 1 });
    expect((await read('bob', 4)).body).toEqual({ readSeq: 4, unread: 1, unreadMentions: 0 });
    expect((await read('bob', 1)).body).toEqual({ readSeq: 4, unread: 1, unreadMentions: 0 });
    const last = { readSeq: 5, unread: 0, unreadMentions: 0 };
    expect((await read('bob', Number.MAX_SAFE_INTEGER)).body).toEqual(last);
    expect(await rest.room('bob', roomId)).toMatchObject(last);
    // Who sends has read what is before it.
    expect(await rest.room('ann', roomId)).toMatchObject(last);
  });

  test('are told to who listens to the room when they move, and only then', async () => {
    roomId = await chat.newRoom('ann', 'bob');
    await rest.say('ann', roomId, 'read me');
    const client = await chat.connect('ann');
    client.send('SUBSCRIBE', { destination: `/topic/rooms/${roomId}`, id: 's', receipt: 'ready' });
    await client.receipt('ready');
    for (const seq of [3, 3, 1, 99]) await read('bob', seq);
    await rest.say('ann', roomId, 'and me');
    await read('bob', 4);
    const told: unknown[] = [];
    while (told.length < 2) {
      const body = bodyOf(await client.expect('MESSAGE'));
      if (body.type === 'read') told.push(body);
    }
    expect(told).toEqual([3, 4].map((seq) => ({ type: 'read', roomId, userId: 'bob', seq })));
  });

  test.each([-1, 1.5, '3', null, 1e21, undefined, [3]])('a marker at %j is refused', async (seq) => {
    roomId = await chat.newRoom('ann');
    expect(refused(await read('ann', seq))).toEqual([400, 'invalid-request']);
    expect((await rest.room('ann', roomId)).readSeq).toBe(1);
  });

  test('are of members', async () => {
    roomId = await chat.newRoom('ann');
    expect(refused(await read('eve', 1))).toEqual([403, 'not-a-member']);
  });
});
