// Whatever is written in an address, a query or a body, it is answered in the common shape and never as a fault of ours.

import { httpErrorSchema } from '@maru/contract';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from '../session/chat-fixture.ts';
import { Rest } from './rest.ts';

/** What stands in a path or a query: octets, escapes, names of nothing, numbers past every bound. */
const WORDS = [
  '',
  ...'%00 % %zz %ff %2F %2e%2e .. . ~ a.b %ED%A0%80 %F0%9F%91%8D 👍 %E2%80%8D %22 %5C * :roomId __proto__'.split(
    ' ',
  ),
  ...'-1 0 1 1e21 9007199254740993 18446744073709551616 NaN null undefined %5Bobject%20Object%5D'.split(' '),
  ...[64, 128, 129, 2_000].map((length) => 'x'.repeat(length)),
  '%F0%9F%91%8D'.repeat(20),
];

const VALUES: readonly unknown[] = [
  ...[null, true, -1, 0, 1, 1.5, 1e21, Number.MAX_SAFE_INTEGER],
  ...['', ' ', '\0', '\ud800', '👍', 'ann', 'x'.repeat(200), 'x'.repeat(20_000)],
  ...[[], {}, ['bob'], [null], { toString: 'x' }],
];

const FIELDS = [
  ...['roomId', 'messageId', 'content', 'clientMessageId', 'replyTo', 'mentions', 'emoji', 'remove', 'seq'],
  ...['name', 'visibility', 'userId', 'role', '__proto__', 'constructor'],
];

/** Calls with a gap for each thing that may be wrong, and a body that is right. */
const CALLS: readonly (readonly [call: string, body?: object])[] = [
  ['GET /api/users?query={}&limit={}'],
  ['POST /api/rooms', { name: 'x', visibility: 'public' }],
  ['GET /api/rooms?scope={}&cursor={}&limit={}'],
  ['GET /api/rooms?cursor={}'],
  ['GET /api/rooms/{}'],
  ['PATCH /api/rooms/{room}', { name: 'x' }],
  ['DELETE /api/rooms/{}'],
  ['GET /api/rooms/{room}/members?cursor={}&limit={}'],
  ['POST /api/rooms/{room}/members', { userId: 'bob' }],
  ['DELETE /api/rooms/{room}/members/{}'],
  ['GET /api/rooms/{room}/messages?before={}'],
  ['GET /api/rooms/{room}/messages?after={}&limit={}'],
  ['POST /api/rooms/{room}/messages', { content: 'x' }],
  ['PATCH /api/rooms/{room}/messages/{}', { content: 'x' }],
  ['PATCH /api/rooms/{room}/messages/{message}', { content: 'x' }],
  ['DELETE /api/rooms/{room}/messages/{}'],
  ['PUT /api/rooms/{room}/messages/{message}/reactions/{}'],
  ['DELETE /api/rooms/{}/messages/{}/reactions/{}'],
  ['PUT /api/rooms/{room}/read', { seq: 1 }],
  ['PUT /api/rooms/{}/read', { seq: 1 }],
  ['POST /api/direct', { userId: 'bob' }],
  ['GET /api/search?q={}'],
  ['GET /api/search?q={}&roomId={}&cursor={}'],
  ['GET /api/search?q={}&roomId={room}&limit={}'],
];

describe('what is malformed', () => {
  let chat: Chat;
  let rest: Rest;
  let roomId: string;
  let messageId: string;
  beforeAll(async () => {
    chat = await openChat();
    rest = new Rest(chat);
    await rest.meet('ann', 'bob');
    roomId = await chat.newRoom('ann', 'bob');
    messageId = await rest.said('ann', roomId, 'a message');
  });
  afterAll(() => chat.close());

  const wrong = fc.oneof(
    fc.constantFrom(...VALUES).map((value) => JSON.stringify(value)),
    fc
      .dictionary(fc.constantFrom(...FIELDS), fc.constantFrom(...VALUES), { maxKeys: 4 })
      .map((body) => JSON.stringify(body)),
    fc.constantFrom('', '{', '{}x', '\0', '{"content":"\\ud800"}', '{"__proto__":{"seq":1}}', '[[[['),
  );
  const calls = fc
    .tuple(fc.constantFrom(...CALLS), fc.infiniteStream(fc.constantFrom(...WORDS)), fc.option(wrong))
    .map(([[call, body], words, instead]) => {
      const [method = '', path = ''] = call.replaceAll('{}', () => words.next().value ?? '').split(' ');
      return { method, path, body: instead ?? (body && JSON.stringify(body)) };
    });

  test('is never a fault of ours, by any call', async () => {
    const statuses = new Set<number>();
    await fc.assert(
      fc.asyncProperty(calls, async ({ method, path, body }) => {
        const address = path.replace('{room}', roomId).replace('{message}', messageId);
        const answer = await rest.call('ann', method, address, method === 'GET' ? undefined : body);
        const { status } = answer;
        statuses.add(status);
        expect([method, address, status, status < 500]).toEqual([method, address, status, true]);
        if (status >= 400) httpErrorSchema.strict().parse(answer.body);
      }),
      { numRuns: 600 },
    );
    expect([...statuses]).toEqual(expect.arrayContaining([200, 201, 204, 400, 404]));
    expect(chat.log.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  test('in the headers of a POST is none either', async () => {
    for (const key of ['\u00ff', 'a\tb', 'x'.repeat(5_000), '"', '=?utf-8?q?x?=', 'null']) {
      const headers = { 'idempotency-key': key };
      const { status } = await rest.call(
        'ann',
        'POST',
        `/api/rooms/${roomId}/messages`,
        { content: 'x' },
        headers,
      );
      expect([key, status < 500]).toEqual([key, true]);
    }
  });
});
