// Bodies and headers that were written to hurt whoever parses them.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import { bodyOf, type RawClient } from './raw-client.ts';

const DESTINATION = '/pub/send/message';

let chat: Chat;
let roomId: string;
let foreign: string;
beforeAll(async () => {
  chat = await openChat();
  roomId = await chat.newRoom('ann', 'bob');
  foreign = await chat.newRoom('bob');
});
afterEach(() => chat.hangUp());
afterAll(() => chat.close());

const send = (client: RawClient, body: string | Buffer, receipt = 'r') => {
  const head = `SEND\ndestination:${DESTINATION}\nreceipt:${receipt}\ncontent-length:${Buffer.byteLength(body)}\n\n`;
  client.write(Buffer.concat([Buffer.from(head), Buffer.from(body), Buffer.from([0])]));
};
const room = () => JSON.stringify(roomId);

describe('TR03 JSON', () => {
  const nested = (open: string, close: string, depth: number) => open.repeat(depth) + close.repeat(depth);
  const bodies: [string, () => string | Buffer][] = [
    ['30,000 lists deep', () => nested('[', ']', 30_000)],
    ['10,000 objects deep', () => `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
    ['a content 30,000 lists deep', () => `{"roomId":${room()},"content":${nested('[', ']', 30_000)}}`],
    ['30,000 lists that never end', () => '['.repeat(30_000)],
    [
      '5,000 unknown keys',
      () => `{${Array.from({ length: 5_000 }, (_, n) => `"k${n}":0`).join()},"content":"x"}`,
    ],
    ['60,000 octets of spaces', () => ' '.repeat(60_000)],
    ['a key of 60,000 octets', () => `{"${'k'.repeat(60_000)}":1}`],
    ['a room of 60,000 octets', () => `{"roomId":"${'r'.repeat(60_000)}","content":"x"}`],
    ['a number past all bounds', () => `{"roomId":${room()},"content":${'9'.repeat(50_000)}}`],
    ['1e999999', () => `{"roomId":${room()},"content":1e999999}`],
    ['__proto__ with a setter', () => `{"__proto__":{"polluted":true},"roomId":${room()},"content":"x"}`],
    [
      'constructor.prototype',
      () => `{"constructor":{"prototype":{"polluted":true}},"roomId":${room()},"content":"x"}`,
    ],
    ['__proto__ alone', () => `{"__proto__":{"roomId":${room()},"content":"x"}}`],
    [
      'an object that would be text',
      () => `{"roomId":${room()},"content":{"toString":"x","length":1,"valueOf":"x"}}`,
    ],
    ['a list that would be text', () => `{"roomId":[${room()}],"content":["x"]}`],
    ['half a surrogate pair in content', () => `{"roomId":${room()},"content":"a\\ud83d"}`],
    ['the other half', () => `{"roomId":${room()},"content":"\\ude00a"}`],
    ['half a surrogate pair in a key', () => `{"roomId":${room()},"content":"x","\\ud83d":1}`],
    ['an overlong NUL', () => Buffer.from([0x7b, 0xc0, 0x80, 0x7d])],
    ['UTF-16', () => Buffer.from(`{"roomId":${room()},"content":"x"}`, 'utf16le')],
    ['comments', () => `{"roomId":${room()},/* */"content":"x"}`],
    ['single quotes', () => `{'roomId':${room()},'content':'x'}`],
    ['a comma too many', () => `{"roomId":${room()},"content":"x",}`],
    ['two values', () => `{"roomId":${room()},"content":"x"}{}`],
    ['NaN', () => `{"roomId":${room()},"content":NaN}`],
    ['code', () => `require("child_process").execSync("id")`],
    ['a function', () => `{"roomId":${room()},"content":"x","then":"function(){}"}`],
  ];

  test.each(bodies)('%s is refused with invalid-body and a short word', async (_what, body) => {
    const client = await chat.connect('ann');
    send(client, body());
    const refusal = await client.refusal();
    expect(refusal).toMatchObject({ code: 'invalid-body', close: 1008 });
    expect(refusal.error.body.length).toBeLessThan(1_000);
    expect(Reflect.get({}, 'polluted')).toBe(undefined);
    const errors = chat.log.filter(({ level }) => Number(level) >= 50);
    expect(errors).toEqual([]);
  });

  test('all of them at once keep nobody waiting', async () => {
    const bob = await chat.connect('bob');
    await bob.subscribe(roomId, '0');
    const clients = await Promise.all(
      Array.from({ length: 200 }, async (_, n) => {
        const client = await chat.connect('ann');
        send(client, bodies[n % bodies.length]?.[1]() ?? '');
        return client.refusal();
      }),
    );
    expect(new Set(clients.map(({ code }) => code))).toEqual(new Set(['invalid-body']));
    bob.say(roomId, 'still there', 'r');
    await bob.receipt('r');
    expect(bodyOf(await bob.expect('MESSAGE')).content).toBe('still there');
  });

  test('AZ07 of a key that comes twice one value counts, for the right to send and for what is stored alike', async () => {
    const doubled = (first: string, second: string) =>
      `{"roomId":${JSON.stringify(first)},"content":"doubled","roomId":${JSON.stringify(second)}}`;
    const refused = await chat.connect('ann');
    send(refused, doubled(roomId, foreign));
    expect(await refused.refusal()).toMatchObject({ code: 'not-a-member' });
    const client = await chat.connect('ann');
    send(client, doubled(foreign, roomId));
    await client.receipt('r');
    expect(await chat.history(foreign)).toEqual([]);
    expect((await chat.history(roomId)).filter((content) => content === 'doubled').length).toBe(1);
  });

  test('what only looks dangerous is text like any other, and comes back octet by octet', async () => {
    const client = await chat.connect('ann');
    await client.subscribe(roomId, '0');
    const contents = [
      '<script>alert(1)</script>',
      "'; DROP TABLE entries; --",
      '#{7*7} {{7*7}} <%= 7*7 %>',
      '__proto__',
      '\u202egnihtemos',
      '\u0000\u0001\u001b[31m\u007f',
      '\ufeff\uffff',
      '\r\nMESSAGE\n\n\0',
      '%00%0a%s%n',
      '👩‍👩‍👧‍👦'.repeat(200),
      'e\u0301'.repeat(2_000),
    ];
    for (const content of contents) {
      client.say(roomId, content);
      expect(bodyOf(await client.expect('MESSAGE')).content).toBe(content);
    }
  });
});

describe('TR03 headers', () => {
  test('a selector is never evaluated: neither code in it runs, nor does it hold anything back', async () => {
    const [ann, bob] = [await chat.connect('ann'), await chat.connect('bob')];
    const selectors = [
      "T(java.lang.Runtime).getRuntime().exec('id')",
      'process.exit(1)',
      '1=0',
      "'",
      '#{7*7}',
      "seq = 1 OR (SELECT '1')",
    ];
    for (const [n, selector] of selectors.entries()) {
      ann.send('SUBSCRIBE', {
        destination: `/topic/chat/room/${roomId}`,
        id: `${n}`,
        selector,
        receipt: `${n}`,
      });
      await ann.receipt(`${n}`);
    }
    bob.say(roomId, 'for everybody');
    const heard = await ann.messages(selectors.length);
    expect(heard.map((message) => message.headers.get('subscription')).sort()).toEqual(
      selectors.map((_, n) => `${n}`).sort(),
    );
  });

  test('names that every object has are headers like others', async () => {
    const client = await chat.connect('ann');
    const odd = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'then', 'prototype'];
    const lines = odd.map((name) => `${name}:polluted\n`).join('');
    const body = JSON.stringify({ roomId, content: 'odd headers' });
    client.write(`SEND\n${lines}destination:${DESTINATION}\nreceipt:r\n\n${body}\0`);
    await client.receipt('r');
    expect(Reflect.get({}, 'polluted')).toBe(undefined);
    for (const id of odd) {
      client.send('SUBSCRIBE', { destination: `/topic/chat/room/${roomId}`, id, receipt: id });
      await client.receipt(id);
      client.send('UNSUBSCRIBE', { id, receipt: id });
      await client.receipt(id);
    }
    for (const destination of odd) {
      const other = await chat.connect('ann');
      other.send('SEND', { destination, receipt: 'r' }, body);
      expect(await other.refusal()).toMatchObject({ code: 'access-denied' });
      const pub = await chat.connect('ann');
      pub.send('SEND', { destination: `/pub/${destination}`, receipt: 'r' }, body);
      expect(await pub.refusal()).toMatchObject({ code: 'unknown-destination' });
    }
  });
});

describe('TR05 the same message twice', () => {
  test('from many sessions of one sender at the same moment is stored once and has one seq', async () => {
    const clients = await Promise.all(Array.from({ length: 10 }, () => chat.connect('ann')));
    for (let round = 0; round < 50; round++) {
      const body = JSON.stringify({ roomId, content: `once ${round}`, clientMessageId: `same-${round}` });
      for (const client of clients) send(client, body);
      const receipts = await Promise.all(clients.map((client) => client.receipt('r')));
      const ids = receipts.map(({ headers }) => `${headers.get('message-id')} ${headers.get('seq')}`);
      expect(new Set(ids).size).toBe(1);
    }
    const contents = (await chat.history(roomId)).filter((content) => content.startsWith('once '));
    expect(contents).toEqual(Array.from({ length: 50 }, (_, n) => `once ${n}`));
  });

  test('with the same id but of another sender, or in another room, is another message', async () => {
    const other = await chat.newRoom('ann');
    const [ann, bob] = [await chat.connect('ann'), await chat.connect('bob')];
    const body = (room: string) => JSON.stringify({ roomId: room, content: 'mine', clientMessageId: 'one' });
    const ids = new Set<string | undefined>();
    for (const [client, room] of [
      [ann, roomId],
      [bob, roomId],
      [ann, other],
    ] as const) {
      send(client, body(room));
      ids.add((await client.receipt('r')).headers.get('message-id'));
    }
    expect(ids.size).toBe(3);
  });
});
