// SEND over a real socket: what is stored, what is refused, whose name it has, and the RECEIPT.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import { bodyOf, headersOf, type RawClient, sendText } from './raw-client.ts';

const SEND = '/pub/send/message';

describe('SEND', () => {
  let chat: Chat;
  let roomId: string;
  beforeAll(async () => {
    chat = await openChat();
    roomId = await chat.newRoom('ann', 'bob');
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  /** What becomes of one SEND with this body. */
  const refused = async (client: RawClient, body: string, headers: Record<string, string> = {}) => {
    client.send('SEND', { destination: SEND, receipt: 'r', ...headers }, body);
    return client.refusal();
  };

  test('R02 the RECEIPT comes when the message is stored, with its message-id and seq', async () => {
    const client = await chat.connect('ann');
    client.say(roomId, 'hello', 'r');
    const receipt = headersOf(await client.receipt('r'));
    const { messages } = await chat.store.listMessages(roomId, 'ann', {}, 1);
    expect(messages).toMatchObject([{ content: 'hello', senderId: 'ann', senderName: 'Ann' }]);
    expect(receipt).toEqual({
      'receipt-id': 'r',
      'message-id': messages[0]?.messageId,
      seq: String(messages[0]?.seq),
    });
  });

  test('R02 when the database is gone there is no RECEIPT but an ERROR', async () => {
    const broken = await openChat();
    const room = await broken.newRoom('ann');
    const client = await broken.connect('ann');
    await broken.store.close();
    client.say(room, 'lost', 'r');
    const refusal = await client.refusal();
    expect(['going-away', 'internal', 'overloaded']).toContain(refusal.code);
    expect([1011, 1012, 1013]).toContain(refusal.close);
    expect(refusal.error.headers.get('receipt-id')).toBe('r');
    await broken.close();
  });

  test('TR05 the same clientMessageId is stored and heard once and gets its RECEIPT each time', async () => {
    const client = await chat.connect('ann');
    await client.subscribe(roomId, '0');
    const body = JSON.stringify({ roomId, content: 'once', clientMessageId: 'c-1' });
    for (const receipt of ['1', '2', '3']) client.send('SEND', { destination: SEND, receipt }, body);
    const receipts = [await client.receipt('1'), await client.receipt('2'), await client.receipt('3')];
    const [first] = receipts;
    for (const { headers } of receipts) {
      expect(headers.get('seq')).toBe(first?.headers.get('seq'));
      expect(headers.get('message-id')).toBe(first?.headers.get('message-id'));
    }
    client.say(roomId, 'after', '4');
    await client.receipt('4');
    expect(await client.messages(2).then((messages) => messages.map((m) => bodyOf(m).content))).toEqual([
      'once',
      'after',
    ]);
  });

  test('S01 SEND without a destination is refused', async () => {
    const client = await chat.connect('ann');
    client.send('SEND', { receipt: 'r' }, JSON.stringify({ roomId, content: 'x' }));
    expect(await client.refusal()).toMatchObject({ code: 'missing-header', close: 1002 });
  });

  test.each([
    ['/topic/x', 'access-denied'],
    ['/queue/x', 'access-denied'],
    ['/user/queue/errors', 'access-denied'],
    ['pub/send/message', 'access-denied'],
    ['/pub/unknown', 'unknown-destination'],
    ['/pub/send/message/', 'unknown-destination'],
    ['/pub//send/message', 'unknown-destination'],
    ['/pub/send/message ', 'unknown-destination'],
    ['/pub/./send/message', 'unknown-destination'],
  ])('AZ02 S02 S08 SEND to %s is refused with %s, and nobody hears it', async (destination, code) => {
    const bob = await chat.connect('bob');
    await bob.subscribe(roomId, '0');
    const client = await chat.connect('ann');
    expect(await refused(client, JSON.stringify({ roomId, content: 'x' }), { destination })).toMatchObject({
      code,
      close: 1008,
    });
    bob.say(roomId, 'undisturbed', 'r');
    await bob.receipt('r');
    expect(bodyOf(await bob.expect('MESSAGE'))).toMatchObject({ content: 'undisturbed', senderId: 'bob' });
  });

  test('AZ02 SEND to the room itself is refused', async () => {
    const client = await chat.connect('ann');
    expect(await refused(client, '{}', { destination: `/topic/chat/room/${roomId}` })).toMatchObject({
      code: 'access-denied',
    });
  });

  test('AZ03 only a member may send to a room; a hidden room does not exist', async () => {
    const before = { open: await chat.newRoom('bob'), hidden: await chat.newPrivateRoom('bob') };
    for (const [room, code] of [
      [before.open, 'not-a-member'],
      [before.hidden, 'room-not-found'],
      ['none', 'room-not-found'],
    ] as const) {
      const client = await chat.connect('ann');
      const refusal = await refused(client, JSON.stringify({ roomId: room, content: 'intruder' }));
      expect(refusal).toMatchObject({ code, close: 1008, reason: code });
    }
    expect(await chat.history(before.open)).toEqual([]);
    expect(await chat.history(before.hidden)).toEqual([]);
  });

  test.each(['senderId', 'senderName', 'seq', 'messageId', 'createdAt'])(
    'AZ07 a %s in the body is refused: the sender is who connected',
    async (field) => {
      const client = await chat.connect('ann');
      const body = JSON.stringify({ roomId, content: 'spoofed', [field]: 'bob' });
      expect(await refused(client, body)).toMatchObject({ code: 'invalid-body', close: 1008 });
      expect(await chat.history(roomId)).not.toContain('spoofed');
    },
  );

  test('S04 AZ07 headers that the server owns reach nobody as the client wrote them', async () => {
    const client = await chat.connect('ann');
    await client.subscribe(roomId, '0');
    const spoofed = {
      subscription: '9',
      'message-id': 'mine',
      ack: 'mine',
      session: 'mine',
      'user-name': 'bob',
      seq: '999',
      'log-epoch': 'mine',
      'x-trace': '1',
    };
    client.send('SEND', { destination: SEND, ...spoofed }, JSON.stringify({ roomId, content: 'headers' }));
    const headers = headersOf(await client.expect('MESSAGE'));
    expect(Object.values(headers)).not.toContain('mine');
    expect(headers).toMatchObject({ subscription: '0' });
    expect(Object.keys(headers).sort()).toEqual(
      [
        'content-length',
        'content-type',
        'destination',
        'log-epoch',
        'message-id',
        'seq',
        'subscription',
      ].sort(),
    );
  });

  test('F18 AZ08 of two destination headers only the first counts, in either order', async () => {
    const body = JSON.stringify({ roomId, content: 'doubled' });
    const send = (first: string, second: string) =>
      `SEND\ndestination:${first}\ndestination:${second}\nreceipt:r\n\n${body}\0`;
    const denied = await chat.connect('ann');
    denied.write(send('/topic/x', SEND));
    expect((await denied.refusal()).code).toBe('access-denied');
    const allowed = await chat.connect('ann');
    allowed.write(send(SEND, '/topic/x'));
    await allowed.receipt('r');
    expect((await chat.history(roomId)).filter((content) => content === 'doubled').length).toBe(1);
  });

  test.each([
    ['no JSON', 'hello'],
    ['an empty body', ''],
    ['half of JSON', '{"roomId":"x"'],
    ['null', 'null'],
    ['a list', '[]'],
    ['no room', '{"content":"x"}'],
    ['a room that is no id', '{"roomId":"../x","content":"x"}'],
    ['no content', '{"roomId":"x"}'],
    ['empty content', '{"roomId":"x","content":""}'],
    ['content that is a number', '{"roomId":"x","content":1}'],
    ['half a surrogate pair', '{"roomId":"x","content":"\\ud800"}'],
    ['a client id with a space', '{"roomId":"x","content":"x","clientMessageId":"a b"}'],
    ['deep nesting', `{"roomId":${'['.repeat(20_000)}${']'.repeat(20_000)},"content":"x"}`],
    ['__proto__', '{"__proto__":{"roomId":"x"},"roomId":"x","content":"x"}'],
  ])('TR03 a body that is %s is refused with a short word on it', async (_what, body) => {
    const client = await chat.connect('ann');
    const refusal = await refused(client, body);
    expect(refusal).toMatchObject({ code: 'invalid-body', close: 1008 });
    expect(refusal.error.headers.get('message')?.length).toBeLessThanOrEqual(200);
    expect(JSON.stringify(bodyOf(refusal.error))).not.toMatch(/zod|at .*\.ts|SyntaxError/i);
  });

  test.each(['1.0', '1.1', '1.2'])(
    'E08 in %s a body whose keys hold line breaks and NULs is refused in one well-formed ERROR',
    async (version) => {
      const bob = await chat.connect('bob');
      for (const key of ['a\nb:c', 'a\rb', 'a\0b', 'a\n\n\0SEND\n', '\ud800', 'ㄱ'.repeat(500)]) {
        const client = await chat.connect('ann', { 'accept-version': version });
        const refusal = await refused(client, JSON.stringify({ roomId, content: 'x', [key]: 1 }));
        expect(refusal).toMatchObject({ code: 'invalid-body', close: 1008 });
        expect([...refusal.error.headers].map(([name]) => name).sort()).toEqual(
          ['code', 'content-length', 'content-type', 'message', 'receipt-id'].sort(),
        );
      }
      bob.say(roomId, 'still served', 'r');
      await bob.receipt('r');
    },
  );

  test('a body that is not UTF-8 is refused', async () => {
    const client = await chat.connect('ann');
    const head = Buffer.from(`SEND\ndestination:${SEND}\n\n{"roomId":"${roomId}","content":"`);
    client.write(Buffer.concat([head, Buffer.from([0xff, 0xfe]), Buffer.from('"}\0')]));
    expect(await client.refusal()).toMatchObject({ code: 'invalid-body' });
  });

  test('content of exactly the limit is stored, one octet more is refused', async () => {
    const client = await chat.connect('ann');
    const most = `${'가'.repeat(5_461)}a`;
    expect(Buffer.byteLength(most)).toBe(16_384);
    client.say(roomId, most, 'r');
    await client.receipt('r');
    expect((await chat.history(roomId)).at(-1)).toBe(most);
    client.say(roomId, `${most}a`);
    expect(await client.refusal()).toMatchObject({ code: 'invalid-body' });
  });

  test.each([
    ['application/json', undefined],
    ['application/json; charset=utf-8', undefined],
    ['Application/JSON;charset=utf-8', undefined],
    ['text/plain', 'unsupported-content-type'],
    ['application/jsonx', 'unsupported-content-type'],
    ['application/octet-stream', 'unsupported-content-type'],
    ['', 'unsupported-content-type'],
  ])('a content-type of "%s" is answered with %s', async (type, code) => {
    const client = await chat.connect('ann');
    client.send(
      'SEND',
      { destination: SEND, receipt: 'r', 'content-type': type },
      JSON.stringify({ roomId, content: 'typed' }),
    );
    if (code === undefined) await client.receipt('r');
    else expect(await client.refusal()).toMatchObject({ code, close: 1003 });
  });

  test('S06 NUL and every other octet of text survive, with and without content-length', async () => {
    const client = await chat.connect('ann');
    await client.subscribe(roomId, '0');
    const content = 'a\0b\r\n\\c:😀\u2028';
    client.say(roomId, content);
    client.write(`SEND\ndestination:${SEND}\n\n${JSON.stringify({ roomId, content })}\0`);
    const messages = await client.messages(2);
    expect(messages.map((message) => bodyOf(message).content)).toEqual([content, content]);
  });

  test('a reply names a message of the room, or is refused', async () => {
    const client = await chat.connect('ann');
    client.say(roomId, 'question', 'q');
    const replyTo = (await client.receipt('q')).headers.get('message-id') ?? '';
    client.send(
      'SEND',
      { destination: SEND, receipt: 'a' },
      JSON.stringify({ roomId, content: 'answer', replyTo }),
    );
    await client.receipt('a');
    const other = await chat.newRoom('ann');
    expect(await refused(client, JSON.stringify({ roomId: other, content: 'x', replyTo }))).toMatchObject({
      code: 'invalid-body',
    });
  });

  test('the sender of a foreign issuer with the same sub is another person', async () => {
    const token = await chat.sign({ sub: 'ann', name: 'Impostor' }, chat.other);
    const client = await chat.open();
    await client.connect(token);
    client.write(sendText(roomId, 'not ann'));
    expect(await client.refusal()).toMatchObject({ code: 'not-a-member' });
  });
});
