// REST: members of a room: who comes, who goes, and who may see to it.
import type { MemberPage, Room } from '@maru/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from '../session/chat-fixture.ts';
import { Rest, refused } from './rest.ts';

describe('members over REST', () => {
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

  test('one joins a public room oneself, once, and leaves it again', async () => {
    const { roomId } = await createRoom('ann');
    const path = `/api/rooms/${roomId}/members`;
    const first = await call('bob', 'POST', path);
    expect([first.status, (first.body as Room).role, (first.body as Room).memberCount]).toEqual([
      201,
      'member',
      2,
    ]);
    const again = await call('bob', 'POST', path, {});
    expect([again.status, (again.body as Room).memberCount]).toEqual([200, 2]);
    const { body } = await call('carl', 'GET', path);
    expect((body as MemberPage).members.map(({ userId, name, role }) => [userId, name, role])).toEqual([
      ['ann', 'Ann', 'owner'],
      ['bob', 'Bob', 'member'],
    ]);
    expect((await call('bob', 'DELETE', `${path}/bob`)).status).toBe(204);
    expect((await call('bob', 'DELETE', `${path}/bob`)).status).toBe(204);
    expect((await call('bob', 'GET', `/api/rooms/${roomId}`)).body).toMatchObject({
      role: null,
      memberCount: 1,
    });
  });

  test('an owner adds and removes anyone; nobody else does', async () => {
    const { roomId } = await createRoom('ann', 'private');
    const path = `/api/rooms/${roomId}/members`;
    expect((await call('ann', 'POST', path, { userId: 'bob' })).status).toBe(201);
    expect((await call('ann', 'POST', path, { userId: 'carl', role: 'owner' })).status).toBe(201);
    expect(refused(await call('bob', 'POST', path, { userId: 'ann' }))).toEqual([403, 'access-denied']);
    expect(refused(await call('bob', 'DELETE', `${path}/ann`))).toEqual([403, 'access-denied']);
    expect((await call('carl', 'DELETE', `${path}/bob`)).status).toBe(204);
    expect(refused(await call('bob', 'GET', `/api/rooms/${roomId}`))).toEqual([404, 'room-not-found']);
  });

  test('nobody makes themselves an owner, or adds somebody who is not known', async () => {
    const { roomId } = await createRoom('ann');
    const path = `/api/rooms/${roomId}/members`;
    expect(refused(await call('bob', 'POST', path, { role: 'owner' }))).toEqual([403, 'access-denied']);
    expect(refused(await call('bob', 'POST', path, { userId: 'bob', role: 'owner' }))).toEqual([
      403,
      'access-denied',
    ]);
    expect(refused(await call('bob', 'POST', path, { userId: 'carl' }))).toEqual([403, 'access-denied']);
    expect(refused(await call('ann', 'POST', path, { userId: 'nobody-knows' }))).toEqual([404, 'not-found']);
  });

  test('the list of members is read page by page in the order of joining', async () => {
    const { roomId } = await createRoom('ann');
    for (const user of ['m1', 'm2', 'm3', 'm4']) await call(user, 'POST', `/api/rooms/${roomId}/members`);
    const seen: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const path: string = `/api/rooms/${roomId}/members?limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`;
      const page = (await call('ann', 'GET', path)).body as MemberPage;
      seen.push(...page.members.map(({ userId }) => userId));
      cursor = page.nextCursor;
    }
    expect(seen).toEqual(['ann', 'm1', 'm2', 'm3', 'm4']);
  });
});
