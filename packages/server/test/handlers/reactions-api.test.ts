// REST: reactions, each an address that is there or isn't.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from '../session/chat-fixture.ts';
import { Rest, reactionPath, refused } from './rest.ts';

describe('reactions over REST', () => {
  let chat: Chat;
  let rest: Rest;
  let roomId: string;
  beforeAll(async () => {
    chat = await openChat();
    rest = new Rest(chat);
    await rest.meet('ann', 'bob', 'eve');
    roomId = await chat.newRoom('ann', 'bob');
  });
  afterAll(() => chat.close());
  const put = (user: string, messageId: string, emoji: string) =>
    rest.call(user, 'PUT', reactionPath(roomId, messageId, emoji));
  const remove = (user: string, messageId: string, emoji: string) =>
    rest.call(user, 'DELETE', reactionPath(roomId, messageId, emoji));
  const reactions = async (user: string, messageId: string) =>
    (await rest.history(user, roomId)).find((message) => message.messageId === messageId)?.reactions;

  test('are counted by emoji in the order in which each came, and say which are the caller’s', async () => {
    const messageId = await rest.said('ann', roomId, 'Cake?');
    for (const [user, emoji] of [
      ['bob', '🎂'],
      ['ann', '👍🏽'],
      ['ann', '🎂'],
    ] as const) {
      expect((await put(user, messageId, emoji)).status).toBe(204);
    }
    const count = [
      { emoji: '🎂', count: 2 },
      { emoji: '👍🏽', count: 1 },
    ];
    expect(await reactions('ann', messageId)).toEqual(count.map((one) => ({ ...one, mine: true })));
    expect(await reactions('bob', messageId)).toMatchObject([{ mine: true }, { mine: false }]);
    expect((await remove('ann', messageId, '🎂')).status).toBe(204);
    expect(await reactions('ann', messageId)).toEqual([
      { emoji: '🎂', count: 1, mine: false },
      { emoji: '👍🏽', count: 1, mine: true },
    ]);
    expect((await remove('bob', messageId, '🎂')).status).toBe(204);
    expect((await remove('ann', messageId, '👍🏽')).status).toBe(204);
    expect((await reactions('ann', messageId)) ?? []).toEqual([]);
  });

  test('that are there are put again, and that aren’t are taken away, without an entry', async () => {
    const messageId = await rest.said('ann', roomId, 'again');
    const { head: before } = await rest.room('ann', roomId);
    expect((await remove('bob', messageId, '👋')).status).toBe(204);
    for (let n = 0; n < 3; n += 1) expect((await put('bob', messageId, '👋')).status).toBe(204);
    expect((await rest.room('ann', roomId)).head).toBe(before + 1);
    await Promise.all([remove('bob', messageId, '👋'), remove('bob', messageId, '👋')]);
    expect((await rest.room('ann', roomId)).head).toBe(before + 2);
    expect((await rest.logTypes(roomId)).slice(-2)).toEqual(['reaction.added', 'reaction.removed']);
  });

  test.each(['👨‍👩‍👧‍👦', '👩🏻‍❤️‍💋‍👨🏿', '🇰🇷', '🏴󠁧󠁢󠁥󠁮󠁧󠁿', '1️⃣', '❤️'])(
    'take %s, whatever it is made of',
    async (emoji) => {
      const messageId = await rest.said('ann', roomId, 'one emoji');
      expect((await put('ann', messageId, emoji)).status).toBe(204);
      expect(await reactions('ann', messageId)).toEqual([{ emoji, count: 1, mine: true }]);
    },
  );

  test.each([
    'x',
    '',
    ' ',
    '👍👍',
    '👍 ',
    '1',
    '‍',
    '\0',
    '../../x',
    '❤',
    'x'.repeat(129),
    '👍'.repeat(33),
    '%',
    '🏽🏽',
  ])('refuse %j, which is no one emoji', async (emoji) => {
    const messageId = await rest.said('ann', roomId, 'no emoji');
    for (const method of ['PUT', 'DELETE']) {
      const answer = await rest.call('ann', method, reactionPath(roomId, messageId, emoji));
      expect([method, answer.status]).toEqual([method, 400]);
      expect(refused(answer)[1]).toBe('invalid-request');
    }
    expect((await reactions('ann', messageId)) ?? []).toEqual([]);
  });

  test.each(['%F0%9F', '%ff', '%00', '%ED%A0%80', '%zz', '%'])(
    'refuse the octets %s in the address',
    async (octets) => {
      const messageId = await rest.said('ann', roomId, 'no UTF-8');
      const path = reactionPath(roomId, messageId, '').concat(octets);
      for (const method of ['PUT', 'DELETE']) {
        expect(refused(await rest.call('ann', method, path))).toEqual([400, 'invalid-request']);
      }
    },
  );

  test('are of members, to messages that are there', async () => {
    const messageId = await rest.said('ann', roomId, 'for members');
    expect(refused(await put('eve', messageId, '👍'))).toEqual([403, 'not-a-member']);
    expect(refused(await put('ann', 'none', '👍'))).toEqual([404, 'message-not-found']);
    await put('ann', messageId, '👍');
    await rest.call('ann', 'DELETE', `/api/rooms/${roomId}/messages/${messageId}`);
    expect(refused(await put('bob', messageId, '👍'))).toEqual([404, 'message-not-found']);
    expect((await reactions('ann', messageId)) ?? []).toEqual([]);
  });

  test('of one more kind than a message can have are refused, with 409', async () => {
    const messageId = await rest.said('ann', roomId, 'popular');
    const kinds = Array.from({ length: 51 }, (_, n) => String.fromCodePoint(0x1f400 + (n < 41 ? n : n + 10)));
    const emoji = kinds.filter((kind) => /^\p{RGI_Emoji}$/v.test(kind));
    expect(emoji.length).toBe(51);
    for (const kind of emoji.slice(0, 50)) expect((await put('ann', messageId, kind)).status).toBe(204);
    expect(refused(await put('ann', messageId, emoji[50] ?? ''))).toEqual([409, 'too-many-reactions']);
    expect((await put('bob', messageId, emoji[0] ?? '')).status).toBe(204);
    expect(await reactions('bob', messageId)).toHaveLength(50);
  });
});
