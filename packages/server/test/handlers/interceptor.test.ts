// Interceptors: what they see, and what becomes of the frames that they refuse, hold or change.
import { MaruError } from '@maru/contract';
import { type ClientCommand, type Frame, FrameHeaders } from '@maru/stomp';
import { afterEach, describe, expect, test } from 'vitest';
import { mapDestination } from '../../src/handlers/application-handler.ts';
import { defineHandlers } from '../../src/handlers/handler-module.ts';
import type { Intercepted, Interceptor, InterceptorContext } from '../../src/handlers/interceptor.ts';
import { type Chat, openChat } from '../session/chat-fixture.ts';
import { bodyOf, headersOf } from '../session/raw-client.ts';

type ClientFrame = Frame<ClientCommand>;

/** The frame with these headers instead; `null` leaves one out. */
const withHeaders = (frame: ClientFrame, changed: Readonly<Record<string, string | null>>): ClientFrame => {
  const kept = [...frame.headers].filter(([name]) => !(name in changed));
  const added = Object.entries(changed).flatMap(([name, value]) =>
    value === null ? [] : [[name, value] as const],
  );
  return { ...frame, headers: FrameHeaders.from([...kept, ...added]) };
};

describe('interceptors', () => {
  let chat: Chat;
  afterEach(() => chat.close());

  const open = async (...intercepts: Interceptor['intercept'][]) => {
    chat = await openChat({
      handlers: defineHandlers({
        interceptors: intercepts.map((intercept) => ({ intercept })),
        topics: [
          { destination: '/topic/relay', maySend: () => true },
          { destination: '/topic/other', maySend: () => true },
          { destination: '/topic/quiet' },
        ],
        destinations: [mapDestination({ destination: '/pub/ok', handle: () => {} })],
      }),
    });
  };
  /** Connected, hearing errors and `/topic/relay`. */
  const listen = async () => {
    const client = await chat.connect('ann');
    client.send('SUBSCRIBE', { destination: '/user/queue/errors', id: 'errors' });
    client.send('SUBSCRIBE', { destination: '/topic/relay', id: 'relay', receipt: 'ready' });
    await client.receipt('ready');
    return client;
  };
  /** Acts on SENDs alone, so that a session can be set up. */
  const onSend =
    (intercept: (frame: ClientFrame) => Intercepted | Promise<Intercepted>) => (frame: ClientFrame) =>
      frame.command === 'SEND' ? intercept(frame) : undefined;

  test('see every frame but heart-beats, in order, and who sent it; each the frame that the one before left', async () => {
    const seen: [string, string | undefined, string | undefined][] = [];
    const sessions = new Set<string>();
    const look = (frame: ClientFrame, { principal, sessionId }: InterceptorContext) => {
      seen.push([frame.command, principal?.userId, frame.headers.get('x-mark')]);
      sessions.add(sessionId);
    };
    await open((frame) => withHeaders(frame, { 'x-mark': frame.command.toLowerCase() }), look);
    const client = await chat.open();
    await client.connect(await chat.token('ann'));
    client.write('\n\n');
    client.send('SUBSCRIBE', { destination: '/topic/relay', id: '0', ack: 'client' });
    client.send('BEGIN', { transaction: 't' });
    client.send('SEND', { destination: '/topic/relay', transaction: 't' });
    client.send('COMMIT', { transaction: 't' });
    const message = await client.expect('MESSAGE');
    expect(message.headers.get('x-mark')).toBe('send');
    client.send('ACK', { id: message.headers.get('ack') ?? '' });
    client.send('UNSUBSCRIBE', { id: '0' });
    await client.settled();
    expect(seen).toEqual([
      ['CONNECT', undefined, 'connect'],
      ...['SUBSCRIBE', 'BEGIN', 'SEND', 'COMMIT', 'ACK', 'UNSUBSCRIBE', 'DISCONNECT'].map((command) => [
        command,
        'ann',
        command.toLowerCase(),
      ]),
    ]);
    expect(sessions.size).toBe(1);
  });

  test.each([
    [
      'throws',
      (error: Error) => {
        throw error;
      },
    ],
    ['rejects', (error: Error) => Promise.reject(error)],
  ])(
    'one that %s a MaruError refuses the frame, softly if it may; any other error is `internal`',
    async (_, fail) => {
      await open(
        onSend((frame) => {
          const why = frame.headers.get('why');
          if (why === 'refuse') return fail(new MaruError('refused', { message: 'Too fast' }));
          if (why === 'break') return fail(new Error('SECRET'));
        }),
      );
      const client = await listen();
      for (const why of ['refuse', 'break', '']) {
        client.send('SEND', { destination: '/topic/relay', why, receipt: `r-${why}` }, why);
      }
      const [refused, broken, message] = await client.messages(3);
      expect(refused && bodyOf(refused)).toEqual({
        code: 'refused',
        message: 'Too fast',
        destination: '/topic/relay',
        receiptId: 'r-refuse',
      });
      expect(broken && bodyOf(broken)).toMatchObject({ code: 'internal', receiptId: 'r-break' });
      expect(message?.headers.get('why')).toBe('');
      expect(JSON.stringify(chat.log)).toContain('SECRET');

      const strict = await chat.connect('bob');
      strict.send('SEND', { destination: '/topic/relay', why: 'refuse', receipt: 'r' });
      expect(await strict.refusal()).toMatchObject({ code: 'refused', close: 1008 });
    },
  );

  test('one that refuses CONNECT lets nobody in', async () => {
    await open((frame) => {
      if (frame.command === 'CONNECT') throw new MaruError('refused', { message: 'Closed on Mondays' });
    });
    const client = await chat.open();
    client.send('CONNECT', {
      'accept-version': '1.2',
      host: 'x',
      Authorization: `Bearer ${await chat.token('ann')}`,
    });
    const { error, close } = await client.refusal();
    expect(headersOf(error)).toMatchObject({ code: 'refused', message: 'Closed on Mondays' });
    expect(close).toBe(1008);
  });

  test('while one waits, the frames of its session wait too, and those of others do not', async () => {
    const waiting = new Map<string, () => void>();
    await open(
      onSend((frame) =>
        frame.headers.has('wait')
          ? new Promise((resolve) => waiting.set(frame.headers.get('wait') ?? '', () => resolve(undefined)))
          : undefined,
      ),
    );
    const [client, other] = [await listen(), await listen()];
    client.send('SEND', { destination: '/topic/relay', wait: '1' }, '1');
    client.send('SEND', { destination: '/topic/relay' }, '2');
    client.send('SEND', { destination: '/pub/ok', receipt: 'r' });
    other.send('SEND', { destination: '/topic/relay' }, 'other');
    expect(Buffer.from((await client.expect('MESSAGE')).body).toString()).toBe('other');
    expect(client.frames).toEqual([]);
    waiting.get('1')?.();
    const bodies = (await client.messages(2)).map(({ body }) => Buffer.from(body).toString());
    expect(bodies).toEqual(['1', '2']);
    await client.receipt('r');
  });

  test('one cannot make another command of a frame', async () => {
    await open(onSend((frame) => ({ ...frame, command: 'DISCONNECT' })));
    const client = await listen();
    client.send('SEND', { destination: '/topic/relay', receipt: 'r' });
    expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({ code: 'internal', receiptId: 'r' });
    expect(JSON.stringify(chat.log)).toContain('may not change the command');
  });

  test.each([
    ['/topic/quiet', 'access-denied'],
    ['/topic/chat/room/1', 'access-denied'],
    ['/pub/nothing', 'unknown-destination'],
    ['/user/queue/errors', 'access-denied'],
    [null, 'missing-header'],
  ])(
    'AZ08 a destination changed to %s is the one the rules are asked about: %s',
    async (destination, code) => {
      await open(onSend((frame) => withHeaders(frame, { destination })));
      const client = await listen();
      client.send('SEND', { destination: '/topic/relay', receipt: 'r' });
      const answer = await client.next();
      expect(answer.headers.get('code') ?? bodyOf(answer).code).toBe(code);
      // Told of the destination that the client wrote.
      expect(bodyOf(answer)).toMatchObject({ destination: '/topic/relay', receiptId: 'r' });
    },
  );

  test('a frame that is changed goes where it says now, and its RECEIPT is what the client asked for', async () => {
    await open(
      onSend((frame) => ({
        ...withHeaders(frame, { destination: '/topic/relay', 'x-audit': '감사', receipt: null }),
        body: Buffer.from('changed'),
      })),
    );
    const client = await listen();
    client.send('SEND', { destination: '/topic/other', receipt: 'r' }, 'as it came');
    const message = await client.expect('MESSAGE');
    expect(headersOf(message)).toMatchObject({ destination: '/topic/relay', 'x-audit': '감사' });
    expect(Buffer.from(message.body).toString()).toBe('changed');
    await client.receipt('r');
  });

  test('a header that cannot be written is refused as `internal`; nobody hears of it', async () => {
    await open(onSend((frame) => withHeaders(frame, frame.headers.has('bad') ? { bad: 'a\0' } : {})));
    const client = await listen();
    client.send('SEND', { destination: '/topic/relay', bad: '' }, 'bad');
    client.send('SEND', { destination: '/topic/relay' }, 'good');
    const [denial, message] = await client.messages(2);
    expect(denial && bodyOf(denial)).toMatchObject({ code: 'internal' });
    expect(Buffer.from(message?.body ?? []).toString()).toBe('good');
  });

  test('one may make the credentials of CONNECT what Maru reads', async () => {
    await open((frame) => {
      const passcode = frame.headers.get('passcode');
      if (passcode !== undefined)
        return withHeaders(frame, { Authorization: `Bearer ${passcode}`, passcode: null });
    });
    const client = await chat.open();
    client.send('CONNECT', {
      'accept-version': '1.2',
      host: 'x',
      login: 'ann',
      passcode: await chat.token('ann'),
    });
    expect((await client.expect('CONNECTED')).headers.get('user-name')).toBe('ann');
  });

  describe('a transaction of which they refuse', () => {
    const refuse = (word: string) => (frame: ClientFrame) => {
      if (frame.headers.get('why') === word) throw new MaruError('refused');
    };

    test.each([
      ['at once', false],
      ['later', true],
    ])('a SEND (%s) takes no effect at COMMIT, none of it', async (_, isLater) => {
      const check = refuse('no');
      await open(isLater ? async (frame) => check(frame) : check);
      const client = await listen();
      client.send('BEGIN', { transaction: 't' });
      client.send('SEND', { destination: '/topic/relay', transaction: 't' }, 'half');
      client.send('SEND', { destination: '/topic/relay', transaction: 't', why: 'no' }, 'other half');
      client.send('COMMIT', { transaction: 't', receipt: 'r' });
      const codes = (await client.messages(2)).map((denial) => bodyOf(denial).code);
      expect(codes).toEqual(['refused', 'transaction-failed']);
      client.send('SEND', { destination: '/topic/relay' }, 'after');
      expect(Buffer.from((await client.expect('MESSAGE')).body).toString()).toBe('after');
    });

    test('the COMMIT is over: nothing of it takes effect, and its id is free', async () => {
      await open(refuse('no'));
      const client = await listen();
      client.send('BEGIN', { transaction: 't' });
      client.send('SEND', { destination: '/topic/relay', transaction: 't' }, 'never');
      client.send('COMMIT', { transaction: 't', why: 'no' });
      expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({ code: 'refused' });
      client.send('BEGIN', { transaction: 't' });
      client.send('SEND', { destination: '/topic/relay', transaction: 't' }, 'again');
      client.send('COMMIT', { transaction: 't', receipt: 'r' });
      expect(Buffer.from((await client.expect('MESSAGE')).body).toString()).toBe('again');
      await client.receipt('r');
    });
  });
});
