// What a session makes of a team's handlers, above all of those that go wrong: each is refused alone, nothing half done.
import { MaruError } from '@maru/contract';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { type HandlerResult, mapDestination } from '../../src/handlers/application-handler.ts';
import { defineHandlers } from '../../src/handlers/handler-module.ts';
import type { Publishable } from '../../src/handlers/message.ts';
import { type Chat, openChat } from '../session/chat-fixture.ts';
import { bodyOf, headersOf, type RawClient } from '../session/raw-client.ts';

/** What no compiler would let through, as a module in JavaScript may return it. */
const untyped = (value: unknown) => value as HandlerResult;

const RESULTS: Readonly<Record<string, HandlerResult>> = {
  'a number': untyped(5),
  'a text': untyped('stored'),
  null: untyped(null),
  'a number in a header': untyped({ count: 5 }),
  'a header without a name': { '': 'x' },
  'a NUL in a header': [['note', 'a\0b']],
  "a header of the server's own": { 'receipt-id': 'spoofed' },
};

/** Settled by the test. */
const late: Record<string, PromiseWithResolvers<void>> = {};
const gate = (name: string) => {
  const opened = Promise.withResolvers<void>();
  late[name] = opened;
  return opened.promise;
};

const roomBody = z.strictObject({ roomId: z.string(), how: z.string() });
/** Appends and publishes, then returns what nobody can write on a RECEIPT. */
const badResult = (kind: 'sync' | 'async' | 'concurrent') =>
  mapDestination({
    destination: `/pub/result/${kind}`,
    schema: roomBody,
    isConcurrent: kind === 'concurrent',
    handle: ({ body: { roomId, how }, append, publish }) => {
      append({ roomId, content: `never: ${how}` });
      publish('/topic/heard', { body: `never: ${how}` });
      return kind === 'sync' ? RESULTS[how] : Promise.resolve(RESULTS[how]);
    },
  });

const module = defineHandlers({
  topics: [{ destination: '/topic/heard' }, { destination: '/user/queue/mine' }],
  destinations: [
    badResult('sync'),
    badResult('async'),
    badResult('concurrent'),
    mapDestination({
      destination: '/pub/fail/{how}',
      isConcurrent: true,
      handle: ({ parameters: { how }, publish }) => {
        publish('/topic/heard', { body: 'never' });
        if (how === 'refuse')
          return Promise.reject(new MaruError('refused', { message: '오늘은 안 됩니다: no\nwaving' }));
        if (how === 'reject') return Promise.reject(new Error('SECRET of the database'));
        throw new Error('SECRET of the database');
      },
    }),
    mapDestination({
      destination: '/pub/receipt',
      handle: () => [
        ['note-id', '노트 5'],
        ['line', 'a\nb'],
        ['a:b', 'c'],
      ],
    }),
    mapDestination({
      destination: '/pub/publish',
      schema: z.strictObject({ to: z.string().optional(), destination: z.string(), message: z.unknown() }),
      handle: ({ body: { to, destination, message }, publish }) =>
        publish(destination, message as Publishable, to === undefined ? {} : { to }),
    }),
    mapDestination({
      destination: '/pub/forgetful',
      schema: z.strictObject({ roomId: z.string() }),
      handle: ({ body: { roomId }, append, publish }) => {
        void gate('forgetful').then(() => {
          append({ roomId, content: 'too late' });
          publish('/topic/heard', { body: 'too late' });
        });
      },
    }),
    mapDestination({ destination: '/pub/endless', handle: () => gate('endless') }),
    mapDestination({
      destination: '/pub/append',
      schema: z.strictObject({ message: z.unknown() }),
      handle: ({ body: { message }, append, publish }) => {
        append(message as { roomId: string; content: string });
        publish('/topic/heard', { body: 'appended' });
      },
    }),
    mapDestination({
      destination: '/pub/say',
      handle: ({ body, publish }) => publish('/topic/heard', { body }),
    }),
  ],
});

describe('a handler of a team', () => {
  let chat: Chat;
  let roomId: string;
  beforeAll(async () => {
    chat = await openChat({ handlers: module });
    roomId = await chat.newRoom('ann', 'bob');
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  /** A session that hears `/topic/heard` and, for softness, its errors. */
  const listen = async (user: string, headers = {}): Promise<RawClient> => {
    const client = await chat.connect(user, headers);
    client.send('SUBSCRIBE', { destination: '/user/queue/errors', id: 'errors' });
    client.send('SUBSCRIBE', { destination: '/topic/heard', id: 'heard', receipt: 'ready' });
    await client.receipt('ready');
    return client;
  };
  const text = (body: Uint8Array) => Buffer.from(body).toString();
  /** All that comes to `/topic/heard` up to the answer to a marker of the client's own. */
  const heardUntilMarker = async (client: RawClient): Promise<string[]> => {
    client.send('SEND', { destination: '/pub/say' }, 'marker');
    const heard: string[] = [];
    for (;;) {
      const frame = await client.expect('MESSAGE');
      if (text(frame.body) === 'marker') return heard;
      heard.push(text(frame.body));
    }
  };
  const logged = (word: string) => chat.log.filter((line) => JSON.stringify(line).includes(word));

  test.each(
    ['sync', 'async', 'concurrent'].flatMap((kind) =>
      Object.keys(RESULTS).map((how) => [kind, how] as const),
    ),
  )('(%s) that returns %s is told `internal`, and nothing it asked for takes effect', async (kind, how) => {
    const client = await listen('ann');
    const before = await chat.history(roomId);
    client.send(
      'SEND',
      { destination: `/pub/result/${kind}`, receipt: 'r' },
      JSON.stringify({ roomId, how }),
    );
    expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({ code: 'internal', receiptId: 'r' });
    expect(await heardUntilMarker(client)).toEqual([]);
    expect(await chat.history(roomId)).toEqual(before);
    expect(logged(`/pub/result/${kind} returned cannot go on a RECEIPT`).length).toBeGreaterThan(0);
  });

  test.each(['throw', 'reject'])(
    'that fails by itself (%s) is logged with its stack; the client learns `internal`',
    async (how) => {
      const client = await listen('ann');
      client.send('SEND', { destination: `/pub/fail/${how}`, receipt: 'r' });
      const denial = await client.expect('MESSAGE');
      expect(bodyOf(denial)).toEqual({
        code: 'internal',
        message: 'Something went wrong on our side',
        destination: `/pub/fail/${how}`,
        receiptId: 'r',
      });
      expect(await heardUntilMarker(client)).toEqual([]);
      expect(logged('SECRET').at(-1)).toMatchObject({ level: 50, msg: 'a frame failed' });
      expect(JSON.stringify(logged('SECRET').at(-1))).toContain('handling.test.ts');
    },
  );

  test('that fails as often as a client likes fills no log: a line for the first, and one a second with a count', async () => {
    const client = await listen('ann');
    const before = logged('a frame failed').length;
    for (let n = 0; n < 300; n += 1) client.send('SEND', { destination: '/pub/fail/often', receipt: `${n}` });
    for (let n = 0; n < 300; n += 1) {
      expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({ code: 'internal', receiptId: `${n}` });
    }
    expect(logged('a frame failed').length - before).toBeLessThanOrEqual(5);
  });

  test('that refuses says so in its own words, softly or by ERROR and close 1008', async () => {
    const message = '오늘은 안 됩니다: no waving';
    const soft = await listen('ann');
    soft.send('SEND', { destination: '/pub/fail/refuse', receipt: 'r' });
    expect(bodyOf(await soft.expect('MESSAGE'))).toMatchObject({ code: 'refused', message, receiptId: 'r' });
    expect(await heardUntilMarker(soft)).toEqual([]);

    const strict = await chat.connect('bob');
    strict.send('SEND', { destination: '/pub/fail/refuse', receipt: 'r' });
    const { error, code, close } = await strict.refusal();
    expect({ code, close }).toEqual({ code: 'refused', close: 1008 });
    expect(headersOf(error)).toMatchObject({ message, 'receipt-id': 'r' });
  });

  test('R01 puts headers on the RECEIPT; what STOMP 1.0 cannot write is left out there', async () => {
    const receiptOf = async (version: string) => {
      const client = await chat.open();
      await client.connect(await chat.token('ann'), { 'accept-version': version });
      client.send('SEND', { destination: '/pub/receipt', receipt: 'r' });
      return headersOf(await client.receipt('r'));
    };
    const all = { 'receipt-id': 'r', 'note-id': '노트 5', line: 'a\nb', 'a:b': 'c' };
    expect(await receiptOf('1.2')).toEqual(all);
    expect(await receiptOf('1.1')).toEqual(all);
    expect(await receiptOf('1.0')).toEqual({ 'receipt-id': 'r', 'note-id': '노트 5' });
  });

  test.each([
    [{ destination: '/topic/nowhere', message: { body: 'x' } }, "/topic/nowhere is in no module's topics"],
    [{ destination: '/user/queue/mine', message: { body: 'x' } }, "is each person's own: say whose"],
    [{ destination: '/topic/heard', to: 'bob', message: { body: 'x' } }, 'is heard by all its subscribers'],
    [{ destination: '/topic/heard', message: { body: 5 } }, 'a body is a string or a Uint8Array'],
    [{ destination: '/topic/heard', message: { body: 'x', headers: { n: 5 } } }, 'not n: number'],
    [
      { destination: '/topic/heard', message: { body: 'x', headers: { ack: '5' } } },
      'the header ack is the server',
    ],
  ])('that publishes %j is told `internal`; the log says why', async (body, message) => {
    const client = await listen('ann');
    client.send('SEND', { destination: '/pub/publish', receipt: 'r' }, JSON.stringify(body));
    expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({ code: 'internal', receiptId: 'r' });
    expect(await heardUntilMarker(client)).toEqual([]);
    expect(logged(message).length).toBeGreaterThan(0);
  });

  test('that publishes and appends when it is done already is logged; nothing comes of it', async () => {
    const client = await listen('ann');
    const before = await chat.history(roomId);
    client.send('SEND', { destination: '/pub/forgetful', receipt: 'r' }, JSON.stringify({ roomId }));
    await client.receipt('r');
    late.forgetful?.resolve();
    expect(await heardUntilMarker(client)).toEqual([]);
    expect(await chat.history(roomId)).toEqual(before);
    expect(logged('after the handler was done')).toMatchObject([
      { level: 50, destination: '/pub/forgetful', msg: expect.stringMatching(/^append .* await/) },
      { level: 50, destination: '/pub/forgetful', msg: expect.stringMatching(/^publish .* await/) },
    ]);
  });

  test('that never settles holds its own session alone, as long as the token lets it, and not the end of the service', async () => {
    const own = await openChat({ handlers: module, timing: { tokenGraceMs: 0 } });
    try {
      const stuck = await own.open();
      await stuck.connect(await own.sign({ sub: 'ann', exp: Math.ceil(Date.now() / 1000) + 1 }));
      stuck.send('SEND', { destination: '/pub/endless' });
      stuck.send('SEND', { destination: '/pub/receipt', receipt: 'held' });
      const other = await own.connect('ann');
      other.send('SEND', { destination: '/pub/receipt', receipt: 'r' });
      await other.expect('RECEIPT');
      expect(stuck.frames).toEqual([]);
      expect(await stuck.refusal()).toMatchObject({ code: 'token-expired', close: 1008 });
      await own.empty(1);

      const again = await own.connect('ann');
      again.send('SEND', { destination: '/pub/endless' });
      other.send('SEND', { destination: '/pub/receipt', receipt: 'r' });
      await other.expect('RECEIPT');
    } finally {
      await own.close();
    }
  });

  test.each([
    [{ content: '' }, 'content: must not be empty'],
    [{ content: 'x'.repeat(16_385) }, 'content: must not be longer'],
    [{ content: 'x', clientMessageId: 'a b' }, 'clientMessageId: '],
    [{ content: 'x', sender: { userId: 'eve' } }, 'sender'],
  ])(
    'that appends what is no chat message (%#) is refused as a client would be',
    async (message, problem) => {
      const client = await listen('ann');
      const before = await chat.history(roomId);
      client.send(
        'SEND',
        { destination: '/pub/append' },
        JSON.stringify({ message: { roomId, ...message } }),
      );
      const { code, message: told } = bodyOf(await client.expect('MESSAGE'));
      expect(code).toBe('invalid-body');
      expect(told).toContain(problem);
      expect(await heardUntilMarker(client)).toEqual([]);
      expect(await chat.history(roomId)).toEqual(before);
    },
  );

  test('that appends and publishes does both, and its RECEIPT names the message', async () => {
    const client = await listen('ann');
    await client.subscribe(roomId, 'room');
    client.send(
      'SEND',
      { destination: '/pub/append', receipt: 'r' },
      JSON.stringify({ message: { roomId, content: 'kept' } }),
    );
    const receipt = await client.receipt('r');
    const messages = await client.messages(2);
    const of = (id: string) => messages.find(({ headers }) => headers.get('subscription') === id);
    const kept = of('room');
    expect(kept && bodyOf(kept)).toMatchObject({ type: 'message.created', content: 'kept', senderId: 'ann' });
    expect(text(of('heard')?.body ?? Buffer.of())).toBe('appended');
    expect(receipt.headers.get('seq')).toBe(kept?.headers.get('seq'));
    expect(kept && bodyOf(kept).messageId).toBe(receipt.headers.get('message-id'));
  });

  test('an append that the room refuses keeps its publication back', async () => {
    const eve = await listen('eve');
    eve.send('SEND', { destination: '/pub/append' }, JSON.stringify({ message: { roomId, content: 'x' } }));
    expect(bodyOf(await eve.expect('MESSAGE'))).toMatchObject({ code: 'not-a-member' });
    expect(await heardUntilMarker(eve)).toEqual([]);
  });

  test('what a session publishes is heard in the order it was sent, also where one waits for the store', async () => {
    const client = await listen('ann');
    const append = JSON.stringify({ message: { roomId, content: 'kept' } });
    const expected: string[] = [];
    for (let round = 0; round < 50; round += 1) {
      client.send('SEND', { destination: '/pub/append' }, append);
      client.send('SEND', { destination: '/pub/say' }, `${round}`);
      expected.push('appended', `${round}`);
    }
    expect(await heardUntilMarker(client)).toEqual(expected);
  });
});
