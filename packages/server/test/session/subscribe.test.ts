// SUBSCRIBE and UNSUBSCRIBE over a real socket: ids, versions, membership, what is refused.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import { bodyOf, frameText, headersOf, type ServerFrame, sendText } from './raw-client.ts';

describe('subscriptions', () => {
  let chat: Chat;
  let roomId: string;
  let destination: string;
  beforeAll(async () => {
    chat = await openChat();
    roomId = await chat.newRoom('ann', 'bob');
    destination = `/topic/chat/room/${roomId}`;
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  test('two people hear each other, and the RECEIPT of SUBSCRIBE names the head and the epoch of the log', async () => {
    const [ann, bob] = [await chat.connect('ann'), await chat.connect('bob')];
    ann.send('SUBSCRIBE', { destination, id: '0', receipt: 'r' });
    const receipt = headersOf(await ann.receipt('r'));
    const { body } = await chat.call('ann', 'GET', `/api/rooms/${roomId}`);
    const { head, logEpoch } = body as { head: number; logEpoch: string };
    expect(receipt).toEqual({ 'receipt-id': 'r', seq: String(head), 'log-epoch': logEpoch });
    await bob.subscribe(roomId, 'mine');
    bob.say(roomId, '안녕 😀');
    ann.say(roomId, 'hi');
    const heard = { ann: await ann.messages(2), bob: await bob.messages(2) };
    for (const [user, messages] of Object.entries(heard)) {
      expect(messages.map((message) => bodyOf(message).seq)).toEqual([head + 1, head + 2]);
      expect(messages.map((message) => message.headers.get('subscription'))).toEqual(
        user === 'ann' ? ['0', '0'] : ['mine', 'mine'],
      );
      expect(new Set(messages.map((message) => bodyOf(message).content))).toEqual(new Set(['안녕 😀', 'hi']));
    }
    expect(heard.ann.map(bodyOf)).toEqual(heard.bob.map(bodyOf));
  });

  test('U01 SUBSCRIBE without a destination is refused', async () => {
    const client = await chat.connect('ann');
    client.send('SUBSCRIBE', { id: '0', receipt: 'r' });
    const refusal = await client.refusal();
    expect(refusal).toMatchObject({ code: 'missing-header', close: 1002 });
    expect(refusal.error.headers.get('receipt-id')).toBe('r');
  });

  test.each(['1.1', '1.2'])('U02 in %s SUBSCRIBE without an id is refused', async (version) => {
    const client = await chat.connect('ann', { 'accept-version': version });
    client.send('SUBSCRIBE', { destination });
    expect(await client.refusal()).toMatchObject({ code: 'missing-header', close: 1002 });
  });

  test('U02 U09 in 1.0 no id is needed, and MESSAGEs of such a subscription have no subscription header', async () => {
    const client = await chat.connect('ann', { 'accept-version': '1.0' });
    client.send('SUBSCRIBE', { destination, receipt: 'r' });
    await client.receipt('r');
    client.say(roomId, 'plain');
    const [message] = await client.messages(1);
    expect(message?.headers.has('subscription')).toBe(false);
    expect(message?.headers.get('destination')).toBe(destination);
    expect(message?.headers.has('message-id')).toBe(true);
  });

  test('U03 an id that is in use is refused, also on another room', async () => {
    const other = await chat.newRoom('ann');
    const client = await chat.connect('ann');
    await client.subscribe(roomId, '0');
    client.send('SUBSCRIBE', { destination: `/topic/chat/room/${other}`, id: '0', receipt: 'r' });
    expect(await client.refusal()).toMatchObject({ code: 'duplicate-subscription', close: 1002 });
  });

  test('U04 U12 two ids on one room both get a copy, without an ack header', async () => {
    const client = await chat.connect('ann');
    await client.subscribe(roomId, 'a:b\\c');
    await client.subscribe(roomId, '둘');
    client.say(roomId, 'twice');
    const messages = await client.messages(2);
    expect(new Set(messages.map(({ headers }) => headers.get('subscription')))).toEqual(
      new Set(['a:b\\c', '둘']),
    );
    expect(messages.map(({ headers }) => headers.has('ack'))).toEqual([false, false]);
  });

  test('U05 an ack mode that is none is refused, and in 1.0 so is client-individual', async () => {
    const answers = [];
    for (const [version, ack] of [
      ['1.2', 'foo'],
      ['1.2', ''],
      ['1.2', 'AUTO'],
      ['1.1', 'foo'],
      ['1.0', 'foo'],
      ['1.0', 'client-individual'],
    ] as const) {
      const client = await chat.connect('ann', { 'accept-version': version });
      client.send('SUBSCRIBE', { destination, id: '0', ack, receipt: 'r' });
      const { error, code, close } = await client.refusal();
      answers.push([version, ack, code, close, error.headers.get('receipt-id')]);
    }
    expect(answers).toEqual([
      ['1.2', 'foo', 'invalid-header', 1002, 'r'],
      ['1.2', '', 'invalid-header', 1002, 'r'],
      ['1.2', 'AUTO', 'invalid-header', 1002, 'r'],
      ['1.1', 'foo', 'invalid-header', 1002, 'r'],
      ['1.0', 'foo', 'invalid-header', 1002, 'r'],
      ['1.0', 'client-individual', 'invalid-header', 1002, 'r'],
    ]);
  });

  test.each([
    ['1.0', 'auto'],
    ['1.0', 'client'],
    ['1.1', 'auto'],
    ['1.1', 'client'],
    ['1.1', 'client-individual'],
    ['1.2', 'auto'],
    ['1.2', 'client'],
    ['1.2', 'client-individual'],
  ])('U05 in %s the ack mode %s is taken', async (version, ack) => {
    const client = await chat.connect('ann', { 'accept-version': version });
    client.send('SUBSCRIBE', { destination, id: '0', ack, receipt: 'r' });
    await client.receipt('r');
    client.say(roomId, 'heard');
    expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({ content: 'heard' });
  });

  test('from-seq brings the log after it, then what comes; its RECEIPT names the head and the log', async () => {
    const client = await chat.connect('ann');
    const writer = await chat.connect('ann');
    for (const text of ['one', 'two', 'three']) writer.say(roomId, text, text);
    const receipts = [];
    for (const text of ['one', 'two', 'three']) receipts.push(await writer.receipt(text));
    const [first = 0, , last = 0] = receipts.map(({ headers }) => Number(headers.get('seq')));
    client.send('SUBSCRIBE', { destination, id: '0', 'from-seq': String(first), receipt: 'r' });
    const receipt = await client.receipt('r');
    expect(Number(receipt.headers.get('seq'))).toBe(last);
    const heard = await client.messages(2);
    writer.say(roomId, 'four');
    heard.push(...(await client.messages(1)));
    expect(heard.map((message) => bodyOf(message).content)).toEqual(['two', 'three', 'four']);
    expect(heard.map(({ headers }) => Number(headers.get('seq')))).toEqual([last - 1, last, last + 1]);
    // And again from its own place, naming the log.
    const again = await chat.connect('ann');
    again.send('SUBSCRIBE', {
      destination,
      id: '0',
      'from-seq': String(last),
      'log-epoch': receipt.headers.get('log-epoch') ?? '',
    });
    expect(bodyOf((await again.messages(1))[0] as ServerFrame)).toMatchObject({ content: 'four' });
  });

  test.each([
    ['past the head', { 'from-seq': '99999' }, 'reset-required'],
    ['of another log', { 'from-seq': '0', 'log-epoch': 'restored' }, 'reset-required'],
    ['that is no number', { 'from-seq': '-1' }, 'invalid-header'],
    ['that is empty', { 'from-seq': '' }, 'invalid-header'],
    ['that is no whole number', { 'from-seq': '1.5' }, 'invalid-header'],
    ['that no number of JavaScript is', { 'from-seq': '99999999999999999999' }, 'invalid-header'],
    ['missing beside log-epoch', { 'log-epoch': 'x' }, 'missing-header'],
  ])('a from-seq %s is refused', async (_what, headers, code) => {
    const client = await chat.connect('ann');
    client.send('SUBSCRIBE', { destination, id: '0', ...headers });
    expect((await client.refusal()).code).toBe(code);
  });

  test('reset-required is told softly to who hears errors, and the session goes on', async () => {
    const client = await chat.connect('ann');
    client.send('SUBSCRIBE', { destination: '/user/queue/errors', id: 'e' });
    client.send('SUBSCRIBE', { destination, id: '0', 'from-seq': '99999', receipt: 'r' });
    expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({ code: 'reset-required', receiptId: 'r' });
    // The id is free: nothing was subscribed.
    await client.subscribe(roomId, '0');
  });

  test('U13 a selector is not evaluated', async () => {
    const client = await chat.connect('ann');
    client.send('SUBSCRIBE', {
      destination,
      id: '0',
      selector: "T(java.lang.Runtime).getRuntime().exec('x')",
      receipt: 'r',
    });
    await client.receipt('r');
    client.say(roomId, 'still here');
    expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({ content: 'still here' });
  });

  test('U06 AZ03 AZ09 who is no member is refused and answered, also with frames before and behind', async () => {
    const hidden = await chat.newPrivateRoom('bob');
    const rooms = [
      [await chat.newRoom('bob'), 'not-a-member'],
      [hidden, 'room-not-found'],
      ['no-such-room', 'room-not-found'],
    ] as const;
    for (const [room, code] of rooms) {
      const client = await chat.connect('ann');
      client.write(
        sendText(roomId, 'before', 's') +
          frameText('SUBSCRIBE', { destination: `/topic/chat/room/${room}`, id: '0', receipt: 'r' }) +
          sendText(roomId, 'behind the refusal'),
      );
      await client.receipt('s');
      const refusal = await client.refusal();
      expect(refusal).toMatchObject({ code, close: 1008 });
      expect(refusal.error.headers.get('receipt-id')).toBe('r');
      expect(bodyOf(refusal.error)).toEqual({
        code,
        message: refusal.error.headers.get('message'),
        destination: `/topic/chat/room/${room}`,
        receiptId: 'r',
      });
    }
    expect(await chat.history(roomId)).not.toContain('behind the refusal');
    await chat.empty();
    expect(chat.broker.subscriptions).toBe(0);
  });

  test.each([
    ['/topic/chat/room/*', 'pattern-not-allowed'],
    ['/topic/**', 'pattern-not-allowed'],
    ['/topic/chat/room/{id}', 'pattern-not-allowed'],
    ['/topic/chat/room/?', 'pattern-not-allowed'],
    ['/topic/chat/room/>', 'pattern-not-allowed'],
    ['/topic/#', 'pattern-not-allowed'],
    ['/user/queue/*', 'pattern-not-allowed'],
    ['**', 'access-denied'],
    ['/queue/x-user123', 'access-denied'],
    ['/user/bob/queue/errors', 'access-denied'],
    ['/pub/send/message', 'access-denied'],
    ['/topic/unknown', 'unknown-destination'],
    ['/topic/chat/room/', 'unknown-destination'],
    ['/user/queue/nothing', 'unknown-destination'],
  ])('AZ04 AZ05 a subscription to %s is refused with %s and hears nothing', async (target, code) => {
    const client = await chat.connect('ann');
    client.write(frameText('SUBSCRIBE', { destination: target, id: '0' }) + sendText(roomId, 'x'));
    expect(await client.refusal()).toMatchObject({ code, close: 1008 });
    expect(client.frames).toEqual([]);
  });

  test('S08 AZ08 a destination that is not exactly a room is none, however it is spelt', async () => {
    for (const target of [
      `/topic/chat/room//${roomId}`,
      `/topic/chat/room/${roomId}/`,
      `/topic/chat/room/${roomId} `,
      `/topic//chat/room/${roomId}`,
      `/topic/x/../chat/room/${roomId}`,
      `/topic%2fchat/room/${roomId}`,
      `/topic/chat/room/${roomId}%00`,
      `/topic/chat/room/${roomId}\u200b`,
      `/topic/chat/ROOM/${roomId}`,
    ]) {
      const client = await chat.connect('ann');
      client.send('SUBSCRIBE', { destination: target, id: '0' });
      expect([target, (await client.refusal()).code]).toEqual([
        target,
        target.startsWith('/topic/') ? 'unknown-destination' : 'access-denied',
      ]);
    }
  });

  test('F18 AZ08 of two destination headers only the first is looked at and subscribed to', async () => {
    const hidden = await chat.newPrivateRoom('bob');
    const subscribe = (first: string, second: string) =>
      `SUBSCRIBE\nid:0\nreceipt:r\ndestination:${first}\ndestination:${second}\n\n\0`;
    const refused = await chat.connect('ann');
    refused.write(subscribe(`/topic/chat/room/${hidden}`, destination));
    expect((await refused.refusal()).code).toBe('room-not-found');
    const client = await chat.connect('ann');
    client.write(subscribe(destination, `/topic/chat/room/${hidden}`));
    await client.receipt('r');
    await chat.call('bob', 'POST', `/api/rooms/${hidden}/messages`, { content: 'hidden' });
    await chat.call('bob', 'POST', `/api/rooms/${roomId}/messages`, { content: 'open' });
    expect(bodyOf(await client.expect('MESSAGE')).content).toBe('open');
  });

  test('a person without the role may connect and do nothing', async () => {
    const token = await chat.sign({ sub: 'guest', roles: [] });
    for (const frame of [frameText('SUBSCRIBE', { destination, id: '0' }), sendText(roomId, 'guest')]) {
      const client = await chat.open();
      await client.connect(token);
      client.write(frame);
      expect(await client.refusal()).toMatchObject({ code: 'access-denied', close: 1008 });
    }
    expect(await chat.history(roomId)).not.toContain('guest');
  });

  test('U07 UNSUBSCRIBE of an unknown id is refused', async () => {
    const client = await chat.connect('ann');
    await client.subscribe(roomId, '0');
    client.send('UNSUBSCRIBE', { id: '1' });
    expect(await client.refusal()).toMatchObject({ code: 'unknown-subscription', close: 1002 });
    const without = await chat.connect('ann');
    without.send('UNSUBSCRIBE', { destination });
    expect(await without.refusal()).toMatchObject({ code: 'missing-header', close: 1002 });
  });

  test('U07 after the RECEIPT of UNSUBSCRIBE nothing of that id comes, and the id is free again', async () => {
    const client = await chat.connect('ann');
    const bob = await chat.connect('bob');
    for (let round = 0; round < 50; round++) {
      await client.subscribe(roomId, '0');
      for (let n = 0; n < 10; n++) bob.say(roomId, `${n}`, `${round}-${n}`);
      client.send('UNSUBSCRIBE', { id: '0', receipt: 'gone' });
      await client.receipt('gone');
      client.frames.splice(0);
      await bob.receipt(`${round}-0`);
      for (let n = 1; n < 10; n++) await bob.receipt(`${round}-${n}`);
      expect(client.frames).toEqual([]);
    }
    client.send('UNSUBSCRIBE', { id: '0' });
    expect(await client.refusal()).toMatchObject({ code: 'unknown-subscription' });
    expect(client.frames).toEqual([]);
  });

  test('U08 in 1.0 UNSUBSCRIBE goes by destination or by id', async () => {
    const client = await chat.connect('ann', { 'accept-version': '1.0' });
    client.send('SUBSCRIBE', { destination });
    client.send('UNSUBSCRIBE', { destination, receipt: '1' });
    await client.receipt('1');
    client.send('SUBSCRIBE', { destination, id: 'x' });
    client.send('UNSUBSCRIBE', { id: 'x', receipt: '2' });
    await client.receipt('2');
    client.say(roomId, 'unheard', '3');
    await client.receipt('3');
    expect(client.frames).toEqual([]);
    client.send('UNSUBSCRIBE', {});
    expect(await client.refusal()).toMatchObject({ code: 'missing-header', close: 1002 });
  });

  test('U14 2,000 toggles in flight act in order and leave exactly one subscription', async () => {
    const client = await chat.connect('ann');
    const toggle = frameText('UNSUBSCRIBE', { id: '0' }) + frameText('SUBSCRIBE', { destination, id: '0' });
    await client.subscribe(roomId, '0');
    for (let n = 0; n < 20; n++) client.write(toggle.repeat(100));
    client.say(roomId, 'once', 'done');
    await client.receipt('done');
    expect(chat.broker.subscriptions).toBe(1);
    while (client.frames.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(client.frames.map(bodyOf)).toMatchObject([{ content: 'once' }]);
  });

  test('AZ06 whoever is removed hears their own member.left last; the id stays reserved until they unsubscribe', async () => {
    await chat.call('carl', 'POST', `/api/rooms/${roomId}/members`);
    const carl = await chat.connect('carl');
    await carl.subscribe(roomId, '0');
    await chat.call('ann', 'DELETE', `/api/rooms/${roomId}/members/carl`);
    await chat.call('ann', 'POST', `/api/rooms/${roomId}/messages`, { content: 'without carl' });
    expect(bodyOf(await carl.expect('MESSAGE'))).toMatchObject({ type: 'member.left', userId: 'carl' });
    carl.send('UNSUBSCRIBE', { id: '0', receipt: 'r' });
    await carl.receipt('r');
    expect(carl.frames).toEqual([]);
    await chat.call('carl', 'POST', `/api/rooms/${roomId}/members`);
    await carl.subscribe(roomId, '0');
    await chat.call('ann', 'DELETE', `/api/rooms/${roomId}/members/carl`);
    await carl.expect('MESSAGE');
    carl.send('SUBSCRIBE', { destination, id: '0' });
    expect(await carl.refusal()).toMatchObject({ code: 'duplicate-subscription' });
  });

  test('a session that ends takes its subscriptions with it', async () => {
    const clients = [await chat.connect('ann'), await chat.connect('ann'), await chat.connect('bob')];
    for (const [index, client] of clients.entries()) await client.subscribe(roomId, `${index}`);
    expect(chat.broker.subscriptions).toBe(3);
    clients[0]?.terminate();
    await clients[1]?.settled();
    clients[2]?.webSocket.close(1000);
    await chat.empty();
    expect(chat.broker.subscriptions).toBe(0);
  });
});
