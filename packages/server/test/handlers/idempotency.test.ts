// A message is sent once, however often and by whatever way it comes: over REST, over STOMP, at once from both.
import type { ChatMessage } from '@maru/contract';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Chat, openChat } from '../session/chat-fixture.ts';
import { headersOf, type RawClient } from '../session/raw-client.ts';
import { KEY, Rest, refused } from './rest.ts';

describe('the sender’s own id of a message', () => {
  let chat: Chat;
  let rest: Rest;
  let roomId: string;
  beforeAll(async () => {
    chat = await openChat();
    rest = new Rest(chat);
    await rest.meet('ann', 'bob');
  });
  beforeEach(async () => {
    roomId = await chat.newRoom('ann', 'bob');
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  const post = (user: string, body: object, key?: string) =>
    rest.call(user, 'POST', `/api/rooms/${roomId}/messages`, body, key === undefined ? {} : KEY(key));
  const send = (client: RawClient, clientMessageId: string, receipt: string, content = 'sent') =>
    client.send(
      'SEND',
      { destination: '/pub/send/message', receipt },
      JSON.stringify({ roomId, content, clientMessageId }),
    );

  test('is the Idempotency-Key: the same again answers the first, with 200', async () => {
    const first = await post('ann', { content: 'once' }, 'key-1');
    const again = await post('ann', { content: 'another text' }, 'key-1');
    const named = await post('ann', { content: 'once', clientMessageId: 'key-1' });
    const both = await post('ann', { content: 'once', clientMessageId: 'key-1' }, 'key-1');
    expect([first, again, named, both].map(({ status }) => status)).toEqual([201, 200, 200, 200]);
    for (const { body } of [again, named, both]) expect(body).toEqual(first.body);
    expect(first.body).toMatchObject({ clientMessageId: 'key-1', content: 'once' });
    expect(await chat.history(roomId)).toEqual(['once']);
  });

  test('of twenty requests at once stores one message: one 201, the same answer to all', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) => post('ann', { content: `try ${n}` }, 'at-once')),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(19).fill(200), 201]);
    expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
    expect(await chat.history(roomId)).toEqual([(answers.at(0)?.body as ChatMessage | undefined)?.content]);
  });

  test('is one for STOMP and REST, whichever comes first', async () => {
    const client = await chat.connect('ann');
    const posted = (await post('ann', { content: 'posted' }, 'rest-first')).body as ChatMessage;
    send(client, 'rest-first', 'r1');
    expect(headersOf(await client.receipt('r1'))).toMatchObject({
      'message-id': posted.messageId,
      seq: String(posted.seq),
    });
    send(client, 'stomp-first', 'r2');
    const receipt = headersOf(await client.receipt('r2'));
    const { status, body } = await post('ann', { content: 'posted again' }, 'stomp-first');
    expect(status).toBe(200);
    expect(body).toMatchObject({
      content: 'sent',
      messageId: receipt['message-id'],
      seq: Number(receipt.seq),
    });
    expect(await chat.history(roomId)).toEqual(['posted', 'sent']);
  });

  test('from two tabs and a bot at once is one message for all of them', async () => {
    const tabs = [await chat.connect('ann'), await chat.connect('ann')];
    const ids = new Set<string | undefined>();
    for (let round = 0; round < 20; round += 1) {
      const [bot, ...receipts] = await Promise.all([
        post('ann', { content: 'bot' }, `round-${round}`),
        ...tabs.map((tab) => {
          send(tab, `round-${round}`, `r${round}`);
          return tab.receipt(`r${round}`);
        }),
      ]);
      const round_ = [
        (bot.body as ChatMessage).messageId,
        ...receipts.map(({ headers }) => headers.get('message-id')),
      ];
      expect(new Set(round_).size).toBe(1);
      ids.add(round_[0]);
    }
    expect(ids.size).toBe(20);
    expect(await chat.history(roomId)).toHaveLength(20);
  });

  test('is the sender’s own: another’s of the same letters, or in another room, is another message', async () => {
    const other = await chat.newRoom('ann');
    const answers = [
      await post('ann', { content: 'of Ann' }, 'same'),
      await post('bob', { content: 'of Bob' }, 'same'),
      await rest.say('ann', other, 'elsewhere', { clientMessageId: 'same' }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201]);
    expect(await chat.history(roomId)).toEqual(['of Ann', 'of Bob']);
  });

  test('of a message that was deleted since still answers it, without its content', async () => {
    const first = (await post('ann', { content: 'regretted' }, 'gone')).body as ChatMessage;
    await rest.call('ann', 'DELETE', `/api/rooms/${roomId}/messages/${first.messageId}`);
    const { status, body } = await post('ann', { content: 'regretted' }, 'gone');
    expect(status).toBe(200);
    expect(body).toMatchObject({ messageId: first.messageId, seq: first.seq, content: null, deleted: true });
  });

  test('that is said twice and differently is refused', async () => {
    const answer = await post('ann', { content: 'x', clientMessageId: 'one' }, 'two');
    expect(refused(answer)).toEqual([400, 'invalid-request']);
    expect(await chat.history(roomId)).toEqual([]);
  });

  test.each(['a b', 'x'.repeat(65), '', '\u00e9', 'a,b c'])(
    'the Idempotency-Key "%s" is refused',
    async (key) => {
      expect(refused(await post('ann', { content: 'x' }, key))).toEqual([400, 'invalid-request']);
    },
  );
});
