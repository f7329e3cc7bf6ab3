// What is written over real sockets: done once, whatever happens on the way.
import { APPLICATION_DESTINATIONS } from '@maru/contract';
import { describe, expect, test } from 'vitest';
import { eventually, useAnn } from './ann.ts';

describe('what is written', () => {
  const ann = useAnn();

  test('a message whose RECEIPT was lost is sent again and stored once', async () => {
    let drops = 2;
    ann.gateway.fault = ({ command }) => {
      if (command !== 'SEND' || drops === 0) return undefined;
      drops -= 1;
      return { drop: true };
    };
    await ann.follow();
    const sent = await ann.client.sendMessage('r1', 'hello');
    expect(sent.seq).toBe(1);
    expect(ann.contents).toEqual(['hello']);
    await eventually(() => expect(ann.seqs).toEqual([1]));
  });

  test('messages written without a connection leave in order once there is one', async () => {
    const sent = ['a', 'b', 'c'].map((content) => ann.client.sendMessage('r1', content));
    ann.client.connect();
    await Promise.all(sent);
    expect(ann.contents).toEqual(['a', 'b', 'c']);
  });

  test('a refused message is reported and the connection stays', async () => {
    ann.gateway.fault = ({ body }) => (body.includes('bad') ? { error: 'not-a-member' } : undefined);
    await ann.follow();
    await expect(ann.client.sendMessage('r1', 'bad')).rejects.toMatchObject({ code: 'not-a-member' });
    expect((await ann.client.sendMessage('r1', 'good')).seq).toBe(1);
    expect(ann.gateway.tokens).toHaveLength(1);
  });

  test('a message that is refused with the end of the connection is reported too, and not sent again', async () => {
    ann.gateway.fault = ({ body }) => (body.includes('bad') ? { error: 'invalid-request' } : undefined);
    await ann.follow();
    await expect(ann.client.sendMessage('r1', 'bad')).rejects.toMatchObject({ code: 'invalid-request' });
    expect((await ann.client.sendMessage('r1', 'good')).seq).toBe(1);
    expect(ann.gateway.tokens).toHaveLength(2);
  });

  test('a server with too much to do is asked again, over the same connection, and the order stays', async () => {
    let refusals = 0;
    let isBusy = true;
    ann.gateway.fault = ({ body }) => {
      if (!isBusy || !body.includes('first')) return undefined;
      refusals += 1;
      return { error: 'overloaded' };
    };
    await ann.follow();
    const first = ann.client.sendMessage('r1', 'first');
    await eventually(() => expect(refusals).toBeGreaterThan(1));
    const second = ann.client.sendMessage('r1', 'second');
    isBusy = false;
    await Promise.all([first, second]);
    expect([ann.contents, ann.gateway.tokens.length]).toEqual([['first', 'second'], 1]);
  });

  test('a token that the server takes no more is replaced, and what was refused for it is sent again', async () => {
    let refusals = 1;
    ann.gateway.fault = ({ command }) =>
      command === 'SEND' && refusals-- > 0 ? { error: 'token-expired' } : undefined;
    await ann.follow();
    expect((await ann.client.sendMessage('r1', 'hello')).seq).toBe(1);
    expect(new Set(ann.gateway.tokens).size).toBe(2);
  });

  test('a message may answer another and mention people', async () => {
    await ann.follow();
    const { messageId } = await ann.client.sendMessage('r1', 'one');
    await ann.client.sendMessage('r1', 'two', {
      replyTo: messageId,
      mentions: ['u2'],
      clientMessageId: 'mine',
    });
    expect(ann.framesTo(APPLICATION_DESTINATIONS.sendMessage)[1]).toEqual({
      roomId: 'r1',
      content: 'two',
      clientMessageId: 'mine',
      replyTo: messageId,
      mentions: ['u2'],
    });
  });

  test('a message is edited, reacted to and deleted; done again nothing is', async () => {
    await ann.follow();
    const { messageId } = await ann.client.sendMessage('r1', 'hello');
    expect(await ann.client.editMessage('r1', messageId, 'hello!')).toEqual({ seq: 2 });
    expect(await ann.client.react('r1', messageId, '👍')).toEqual({ seq: 3 });
    expect(await ann.client.react('r1', messageId, '👍')).toEqual({ seq: null });
    expect(await ann.client.react('r1', messageId, '👍', { remove: true })).toEqual({ seq: 4 });
    expect(await ann.client.deleteMessage('r1', messageId)).toEqual({ seq: 5 });
    await eventually(() =>
      expect(ann.entries.map(({ type }) => type)).toEqual([
        'message.created',
        'message.edited',
        'reaction.added',
        'reaction.removed',
        'message.deleted',
      ]),
    );
    await expect(ann.client.editMessage('r1', messageId, ' ')).rejects.toMatchObject({
      code: 'content-empty',
    });
  });

  test('an edit whose RECEIPT was lost is sent again', async () => {
    await ann.follow();
    const { messageId } = await ann.client.sendMessage('r1', 'hello');
    let drops = 1;
    ann.gateway.fault = ({ command }) => (command === 'SEND' && drops-- > 0 ? { drop: true } : undefined);
    await ann.client.editMessage('r1', messageId, 'hello!');
    expect([ann.contents, ann.gateway.log.head]).toEqual([['hello!'], 2]);
    await eventually(() => expect(ann.seqs).toEqual([1, 2]));
  });

  test('the newest read marker of a room leaves, the next a while later, and what an outage took again', async () => {
    ann.client.markRead('r1', 1);
    ann.client.markRead('r1', 4);
    ann.client.markRead('r1', 3);
    let drops = 1;
    ann.gateway.fault = ({ command }) => (command === 'SEND' && drops-- > 0 ? { drop: true } : undefined);
    await ann.follow();
    const marks = () => ann.framesTo(APPLICATION_DESTINATIONS.markRead);
    await eventually(() => expect(marks()).toHaveLength(2));
    for (const seq of [5, 6, 7]) ann.client.markRead('r1', seq);
    ann.client.markRead('r2', 1);
    await eventually(() => expect(marks()).toHaveLength(4));
    expect(marks()).toEqual([
      { roomId: 'r1', seq: 4 },
      { roomId: 'r1', seq: 4 },
      { roomId: 'r2', seq: 1 },
      { roomId: 'r1', seq: 7 },
    ]);
  });

  test('typing is said once in a while, and again at once after a message', async () => {
    await ann.follow();
    for (let i = 0; i < 5; i += 1) ann.client.typing('r1');
    ann.client.typing('r2');
    await ann.client.sendMessage('r1', 'hello');
    ann.client.typing('r1');
    const said = () => ann.framesTo(APPLICATION_DESTINATIONS.typing);
    await eventually(() => expect(said()).toEqual(['r1', 'r2', 'r1'].map((roomId) => ({ roomId }))));
  });

  test('a message that the contract does not take is reported, and the connection stays', async () => {
    await ann.follow();
    await expect(ann.client.sendMessage('r1', 'half a surrogate \ud83c')).rejects.toMatchObject({
      code: 'invalid-body',
    });
    await expect(ann.client.sendMessage('no such id', 'hello')).rejects.toMatchObject({
      code: 'invalid-body',
    });
    expect((await ann.client.sendMessage('r1', 'good')).seq).toBe(1);
  });

  test('a message of the most octets is sent and one octet more is refused here', async () => {
    ann.client.connect();
    expect((await ann.client.sendMessage('r1', 'x'.repeat(16 * 1024))).seq).toBe(1);
    await expect(ann.client.sendMessage('r1', `${'x'.repeat(16 * 1024 - 2)}한`)).rejects.toMatchObject({
      code: 'content-too-long',
    });
  });
});
