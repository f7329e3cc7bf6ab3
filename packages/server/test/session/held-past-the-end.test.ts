// What is held up until a session has ended: nothing of it takes effect any more.
import { EventEmitter, once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import type { RawClient } from './raw-client.ts';

describe('frames that an interceptor or a rule holds beyond the end of their session', () => {
  let chat: Chat;
  let roomId: string;
  /** `held` when a frame waits; `go` lets it on. */
  const gate = new EventEmitter();
  const hold = async (): Promise<void> => {
    gate.emit('held');
    await once(gate, 'go');
  };

  beforeAll(async () => {
    chat = await openChat({
      timing: { tokenGraceMs: 0, closeMs: 10_000 },
      sessionsPerUser: 2,
      handlers: {
        topics: [
          {
            destination: '/topic/test/slow',
            maySend: async () => {
              await hold();
              return true;
            },
          },
        ],
        interceptors: [{ intercept: ({ headers }) => (headers.has('hold') ? hold() : undefined) }],
      },
    });
    roomId = await chat.newRoom('ann', 'bob');
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  /** A session of Ann's that does what is held, then ends by its token; the client doesn't answer the Close. */
  const holdBeyondEnd = async (act: (client: RawClient) => void): Promise<RawClient> => {
    const client = await chat.open();
    await client.connect(await chat.sign({ sub: 'ann', name: 'Ann', exp: (Date.now() + 700) / 1_000 }));
    const held = once(gate, 'held');
    act(client);
    await held;
    client.webSocket.pause();
    while (chat.endpoint.countStates().closing === 0) await new Promise((resolve) => setImmediate(resolve));
    gate.emit('go');
    await new Promise((resolve) => setImmediate(resolve));
    return client;
  };

  test('TK17 a SEND that an interceptor lets on after the token has ended is not stored', async () => {
    await holdBeyondEnd((client) =>
      client.send(
        'SEND',
        { destination: '/pub/send/message', hold: 'yes' },
        JSON.stringify({ roomId, content: 'too late' }),
      ),
    );
    const bob = await chat.connect('bob');
    bob.say(roomId, 'in time', 'r');
    await bob.receipt('r');
    expect(await chat.history(roomId)).not.toContain('too late');
  });

  test('TK17 a SEND to a topic whose rule answers after the token has ended is not heard', async () => {
    const bob = await chat.connect('bob');
    bob.send('SUBSCRIBE', { destination: '/topic/test/slow', id: '0', receipt: 's' });
    await bob.receipt('s');
    await holdBeyondEnd((client) => client.send('SEND', { destination: '/topic/test/slow' }, 'too late'));
    bob.send('BEGIN', { transaction: 't', receipt: 'b' });
    await bob.receipt('b');
    expect(bob.frames).toEqual([]);
  });

  test('a session whose DISCONNECT is let on after its end counts once among those of its person', async () => {
    const first = await holdBeyondEnd((client) => client.send('DISCONNECT', { hold: 'yes' }));
    await chat.connect('ann');
    first.terminate();
    await chat.empty(1);
    await chat.connect('ann');
    const third = await chat.open();
    third.send('CONNECT', {
      'accept-version': '1.2',
      host: 'maru',
      Authorization: `Bearer ${await chat.token('ann')}`,
    });
    expect(await third.refusal()).toMatchObject({ code: 'too-many-sessions', close: 1008 });
  });
});

test('TK18 TR06 a token that is sent again and again renews the session each time and is logged once', async () => {
  const chat = await openChat();
  try {
    const ann = await chat.connect('ann');
    const body = JSON.stringify({ accessToken: await chat.token('ann') });
    for (let n = 1; n <= 50; n += 1) {
      ann.send('SEND', { destination: '/pub/session/token', receipt: `${n}` }, body);
      await ann.receipt(`${n}`);
    }
    expect(chat.log.filter(({ msg }) => msg === 'session renewed')).toHaveLength(1);
  } finally {
    await chat.close();
  }
});
