// REST: search finds what the caller may read, as it is now, and nothing else.
import { type SearchPage, searchPageSchema } from '@maru/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from '../session/chat-fixture.ts';
import { Rest, refused } from './rest.ts';

describe('search over REST', () => {
  let chat: Chat;
  let rest: Rest;
  beforeAll(async () => {
    chat = await openChat();
    rest = new Rest(chat);
    await rest.meet('ann', 'bob', 'carl');
  });
  afterAll(() => chat.close());
  const search = async (user: string, q: string, more = ''): Promise<SearchPage> => {
    const { status, body } = await rest.call(user, 'GET', `/api/search?q=${encodeURIComponent(q)}${more}`);
    expect(status).toBe(200);
    return searchPageSchema.strict().parse(body);
  };
  const found = async (user: string, q: string, more = '') =>
    (await search(user, q, more)).messages.map(({ content }) => content);

  test('a message is found by any part of it, in any case, from the moment it was answered', async () => {
    const roomId = await chat.newRoom('ann');
    const messageId = await rest.said('ann', roomId, '내일 회의는 Seoul 에서');
    for (const q of ['회의', '회의는', '내일 회의', 'seoul', 'EOU', '서']) {
      expect([q, await found('ann', q)]).toEqual([q, ['내일 회의는 Seoul 에서']]);
    }
    expect((await search('ann', 'seoul')).messages).toMatchObject([{ messageId, roomId, senderId: 'ann' }]);
    expect(await found('ann', 'busan')).toEqual([]);
  });

  test('newest first, page by page, each once, of all rooms of the caller or of one', async () => {
    const [one, other] = [await chat.newRoom('bob'), await chat.newRoom('bob')];
    for (let n = 0; n < 7; n += 1) await rest.say('bob', n % 2 === 0 ? one : other, `needle ${n}`);
    const pages: (string | null)[][] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const more: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = await search('bob', 'needle', `&limit=3${more}`);
      pages.push(page.messages.map(({ content }) => content));
      cursor = page.nextCursor;
    }
    expect(pages.flat()).toEqual([6, 5, 4, 3, 2, 1, 0].map((n) => `needle ${n}`));
    expect(pages.every((page) => page.length <= 3)).toBe(true);
    expect(await found('bob', 'needle', `&roomId=${other}`)).toEqual(['needle 5', 'needle 3', 'needle 1']);
  });

  test('an edited message is found by what it says now, a deleted one not at all', async () => {
    const roomId = await chat.newRoom('ann');
    const messageId = await rest.said('ann', roomId, 'a giraffe');
    const path = `/api/rooms/${roomId}/messages/${messageId}`;
    await rest.call('ann', 'PATCH', path, { content: 'an elephant' });
    expect(await found('ann', 'giraffe')).toEqual([]);
    expect(await found('ann', 'elephant')).toEqual(['an elephant']);
    await rest.call('ann', 'DELETE', path);
    for (const q of ['giraffe', 'elephant', 'el']) expect(await found('ann', q)).toEqual([]);
  });

  test('nobody finds what they may not read', async () => {
    const { roomId: hidden } = await rest.hiddenRoom('ann', 'carl');
    const open = await chat.newRoom('ann', 'carl');
    for (const roomId of [hidden, open]) await rest.say('ann', roomId, 'secretive');
    expect(await found('carl', 'secretive')).toHaveLength(2);
    expect(await found('bob', 'secretive')).toEqual([]);
    expect(refused(await rest.call('bob', 'GET', `/api/search?q=secretive&roomId=${hidden}`))).toEqual([
      404,
      'room-not-found',
    ]);
    expect(refused(await rest.call('bob', 'GET', `/api/search?q=secretive&roomId=${open}`))).toEqual([
      403,
      'not-a-member',
    ]);
    await rest.call('ann', 'DELETE', `/api/rooms/${open}/members/carl`);
    expect(await found('carl', 'secretive')).toHaveLength(1);
  });

  test('what other searches take for a pattern is only text', async () => {
    const roomId = await chat.newRoom('carl');
    await rest.say('carl', roomId, '100% of "it" OR a_b NEAR c* -d');
    for (const q of ['%', '100%', '"it"', '"', 'a_b', 'c*', '-d', 'it" OR a']) {
      expect([q, await found('carl', q)]).toEqual([q, ['100% of "it" OR a_b NEAR c* -d']]);
    }
    const others = ['a-b', '100_', '**', 'of OR', "'", '\\', '\0', 'a\0b', 'NEAR(', ')', '{', '^1', '" OR "'];
    for (const q of others) {
      expect([q, await found('carl', q)]).toEqual([q, []]);
    }
  });

  test.each([
    '',
    'q=',
    'q=%20%20',
    `q=${'x'.repeat(201)}`,
    'q=x&limit=0',
    'q=x&limit=51',
    'q=x&roomId=a.b',
    'q=x&cursor=none',
    'q=x&cursor=',
    'q=x&offset=1',
    'query=x',
  ])('the query "%s" is refused', async (query) => {
    expect(refused(await rest.call('ann', 'GET', `/api/search?${query}`))).toEqual([400, 'invalid-request']);
  });
});
