// REST: who the caller is, and whom they find.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from '../session/chat-fixture.ts';
import { Rest, refused } from './rest.ts';

describe('people over REST', () => {
  let chat: Chat;
  let rest: Rest;
  beforeAll(async () => {
    chat = await openChat();
    rest = new Rest(chat);
    await rest.meet('ann', 'bob', 'carl');
  });
  afterAll(() => chat.close());
  const call = (...args: Parameters<Chat['call']>) => rest.call(...args);

  test('GET /api/me is the caller', async () => {
    expect((await call('ann', 'GET', '/api/me')).body).toEqual({
      userId: 'ann',
      name: 'Ann',
      roles: ['ROLE_GENERAL'],
    });
  });

  test("another issuer's ann is another person, by the same name or not", async () => {
    const token = await chat.sign({ sub: 'ann' }, chat.other);
    const { body } = await call(null, 'GET', '/api/me', undefined, { authorization: `bearer ${token}` });
    expect(body).toMatchObject({ name: 'Ann' });
    expect((body as { userId: string }).userId).not.toBe('ann');
  });

  test('people are found by how their name, or a word of it, begins, in any case', async () => {
    const token = await chat.sign({ sub: 'minji', name: '김 민지' });
    await call(null, 'GET', '/api/me', undefined, { authorization: `Bearer ${token}` });
    const find = async (query: string) =>
      (await call('ann', 'GET', `/api/users?query=${encodeURIComponent(query)}`)).body;
    expect(await find('bO')).toEqual({ users: [{ userId: 'bob', name: 'Bob' }] });
    for (const query of ['김', '민', '민지', ' 민지 ']) {
      expect(await find(query)).toEqual({ users: [{ userId: 'minji', name: '김 민지' }] });
    }
    expect(await find('nobody')).toEqual({ users: [] });
    for (const wild of ['%', '_', '*', "'", '"', '\\', '\0']) expect(await find(wild)).toEqual({ users: [] });
  });

  test('people come by name, no more than asked for', async () => {
    await rest.meet('zoe3', 'zoe1', 'zoe2');
    const names = async (query: string) => {
      const { users } = (await call('ann', 'GET', `/api/users?${query}`)).body as {
        users: { name: string }[];
      };
      return users.map(({ name }) => name);
    };
    expect(await names('query=zoe')).toEqual(['Zoe1', 'Zoe2', 'Zoe3']);
    expect(await names('query=zoe&limit=2')).toEqual(['Zoe1', 'Zoe2']);
  });

  test.each([
    '',
    'query=',
    'query=%20',
    `query=${'x'.repeat(81)}`,
    'query=a&limit=51',
    'query=a&limit=0',
    'q=a',
  ])('the query "%s" is refused', async (query) => {
    expect(refused(await call('ann', 'GET', `/api/users?${query}`))).toEqual([400, 'invalid-request']);
  });
});
