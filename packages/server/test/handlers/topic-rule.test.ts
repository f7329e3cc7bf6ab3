// Who may hear a team's topics, and who may send to them: what rules answer, and what becomes of those that go wrong.
import { MaruError } from '@maru/contract';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { defineHandlers } from '../../src/handlers/handler-module.ts';
import { type Chat, openChat } from '../session/chat-fixture.ts';
import { bodyOf } from '../session/raw-client.ts';

/** A rule as JavaScript may give it, that doesn't answer true or false. */
const answering = (value: unknown) => () => value as boolean;

const ANSWERS: Readonly<Record<string, () => boolean | Promise<boolean>>> = {
  yes: () => true,
  'yes-later': async () => true,
  no: () => false,
  'no-later': async () => false,
  nothing: answering(undefined),
  'nothing-later': answering(Promise.resolve(undefined)),
  null: answering(null),
  one: answering(1),
  text: answering('yes'),
  refused: () => {
    throw new MaruError('refused', { message: 'Not on Mondays' });
  },
  'refused-later': () => Promise.reject(new MaruError('refused', { message: 'Not on Mondays' })),
  error: () => {
    throw new Error('SECRET');
  },
  'error-later': () => Promise.reject(new Error('SECRET')),
};

const asked = defineHandlers({
  topics: Object.entries(ANSWERS).map(([name, answer]) => ({
    destination: `/topic/asked/${name}`,
    maySubscribe: answer,
    maySend: answer,
  })),
});
const rooms = defineHandlers({
  topics: [
    { destination: '/topic/open' },
    {
      destination: '/topic/hall/{room}',
      maySubscribe: ({ parameters, isMember }) => isMember(parameters.room),
      maySend: ({ parameters, principal }) => principal.userId === parameters.room,
    },
  ],
});

const LETS_IN = ['yes', 'yes-later'];
const REFUSES: Readonly<Record<string, string>> = {
  refused: 'refused',
  'refused-later': 'refused',
  error: 'internal',
  'error-later': 'internal',
};

describe("the rules of a team's topics", () => {
  let chat: Chat;
  let roomId: string;
  beforeAll(async () => {
    chat = await openChat({ handlers: { topics: [...(asked.topics ?? []), ...(rooms.topics ?? [])] } });
    roomId = await chat.newRoom('ann', 'bob');
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  const answer = async (command: 'SUBSCRIBE' | 'SEND', destination: string, user = 'ann') => {
    const client = await chat.connect(user);
    client.send('SUBSCRIBE', { destination: '/user/queue/errors', id: 'errors' });
    client.send(command, { destination, receipt: 'r', ...(command === 'SUBSCRIBE' ? { id: '0' } : {}) });
    const frame = await client.next();
    return frame.command === 'RECEIPT' ? 'allowed' : bodyOf(frame);
  };

  describe.each(['SUBSCRIBE', 'SEND'] as const)('%s', (command) => {
    test.each(LETS_IN)('a rule that answers %s lets in', async (name) => {
      expect(await answer(command, `/topic/asked/${name}`)).toBe('allowed');
    });

    test.each(Object.keys(ANSWERS).filter((name) => !LETS_IN.includes(name)))(
      'AZ01 a rule that answers %s keeps out',
      async (name) => {
        const denial = await answer(command, `/topic/asked/${name}`);
        expect(denial).toMatchObject({ code: REFUSES[name] ?? 'access-denied', receiptId: 'r' });
        if (REFUSES[name] === 'refused') expect(denial).toMatchObject({ message: 'Not on Mondays' });
        expect(JSON.stringify(denial)).not.toContain('SECRET');
      },
    );
  });

  test('without a rule everybody hears, and nobody sends (AZ02)', async () => {
    expect(await answer('SUBSCRIBE', '/topic/open')).toBe('allowed');
    expect(await answer('SEND', '/topic/open')).toMatchObject({ code: 'access-denied' });
  });

  test('AZ03 a rule sees who asks, of which rooms they are members, and what the destination stands for', async () => {
    expect(await answer('SUBSCRIBE', `/topic/hall/${roomId}`)).toBe('allowed');
    expect(await answer('SUBSCRIBE', `/topic/hall/${roomId}`, 'eve')).toMatchObject({
      code: 'access-denied',
    });
    expect(await answer('SUBSCRIBE', '/topic/hall/nowhere')).toMatchObject({ code: 'access-denied' });
    expect(await answer('SEND', '/topic/hall/ann')).toBe('allowed');
    expect(await answer('SEND', '/topic/hall/ann', 'bob')).toMatchObject({ code: 'access-denied' });
  });

  test.each([
    ['SUBSCRIBE', '/topic/nowhere', 'unknown-destination'],
    ['SUBSCRIBE', '/topic/hall/*', 'pattern-not-allowed'],
    ['SUBSCRIBE', '/topic/hall/{room}', 'pattern-not-allowed'],
    ['SUBSCRIBE', '/topic/open/', 'unknown-destination'],
    ['SUBSCRIBE', '/topic/Open', 'unknown-destination'],
    ['SUBSCRIBE', '/topic/%6fpen', 'unknown-destination'],
    ['SUBSCRIBE', '/topic/hall/../open', 'unknown-destination'],
    ['SEND', '/topic/nowhere', 'access-denied'],
    ['SEND', '/topic/asked/yes/', 'access-denied'],
    ['SEND', '/topic/asked//yes', 'access-denied'],
  ] as const)('S08 AZ04 AZ08 %s %s is refused: %s', async (command, destination, code) => {
    expect(await answer(command, destination)).toMatchObject({ code });
  });

  test('AZ08 of two destinations the first is asked about and sent to', async () => {
    const client = await chat.connect('ann');
    client.send('SUBSCRIBE', { destination: '/user/queue/errors', id: 'errors' });
    client.send('SUBSCRIBE', { destination: '/topic/asked/yes', id: '0', receipt: 'ready' });
    await client.receipt('ready');
    client.write('SEND\ndestination:/topic/asked/no\ndestination:/topic/asked/yes\n\nfirst\0');
    client.write('SEND\ndestination:/topic/asked/yes\ndestination:/topic/asked/no\n\nsecond\0');
    expect(bodyOf(await client.expect('MESSAGE'))).toMatchObject({ code: 'access-denied' });
    const message = await client.expect('MESSAGE');
    expect(message.headers.get('destination')).toBe('/topic/asked/yes');
    expect(Buffer.from(message.body).toString()).toBe('second');
  });
});
