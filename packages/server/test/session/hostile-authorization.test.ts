// Frames that their sender may not send: default deny, no leak in a race, and an answer for every refusal.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import { bodyOf, frameText, type RawClient, sendText } from './raw-client.ts';

let chat: Chat;
beforeAll(async () => {
  chat = await openChat();
});
afterEach(() => chat.hangUp());
afterAll(() => chat.close());

/** `count` rounds, several at a time as different people would. */
async function rounds(count: number, lanes: number, round: (n: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async () => {
    while (next < count) await round(next++);
  };
  await Promise.all(Array.from({ length: lanes }, lane));
}

describe('AZ01 AZ02 AZ05 what no rule allows is denied', () => {
  const nowhere = [
    '/',
    ' ',
    '/pub',
    '/topic',
    '/queue',
    '/queue/room',
    '/user',
    '/user/bob/queue/errors',
    '/user/queue',
    '/app/send/message',
    '/exchange/amq.topic/x',
    '/amq/queue/x',
    '/temp-queue/x',
    '/reply-queue/x',
    '/dsub/x',
    'topic/chat/room/x',
    '/Topic/chat/room/x',
    '/PUB/send/message',
    '\\topic\\x',
    'ws://127.0.0.1/topic/x',
    '/queue/errors-user123',
    '/topic/../pub/send/message',
  ];
  test.each(nowhere)('SEND to and SUBSCRIBE to "%s" are refused and nothing comes of them', async (place) => {
    for (const frame of [
      frameText('SEND', { destination: place, receipt: 'r' }, '{}'),
      frameText('SUBSCRIBE', { destination: place, id: '0', receipt: 'r' }),
    ]) {
      const client = await chat.connect('ann');
      client.write(frame);
      const refusal = await client.refusal();
      expect(['access-denied', 'unknown-destination']).toContain(refusal.code);
      expect(refusal.close).toBe(1008);
      expect(refusal.error.headers.get('receipt-id')).toBe('r');
      expect(client.frames).toEqual([]);
    }
    await chat.empty();
    expect(chat.broker.subscriptions).toBe(0);
  });

  test('AZ01 whoever has no role may do nothing that has a destination', async () => {
    const roomId = await chat.newRoom('ann');
    for (const roles of [[], ['ROLE_ADMIN'], ['role_general'], 'ROLE_GENERAL_X']) {
      const token = await chat.sign({ sub: 'guest', name: 'Guest', roles: roles as string[] });
      for (const frame of [
        sendText(roomId, 'guest'),
        frameText('SUBSCRIBE', { destination: `/topic/chat/room/${roomId}`, id: '0' }),
      ]) {
        const client = await chat.open();
        const connecting = client.connect(token);
        // Claims that are no list of roles may be refused at CONNECT already.
        if (typeof roles === 'string') {
          connecting.catch(() => undefined);
          client.write(frame);
          await client.closed;
          continue;
        }
        await connecting;
        client.write(frame);
        expect(await client.refusal()).toMatchObject({ code: 'access-denied', close: 1008 });
      }
    }
    expect(await chat.history(roomId)).toEqual([]);
  });
});

describe('AZ06', () => {
  test('of 1,000 members who are removed while messages are posted none hears one behind their own member.left', async () => {
    const owner = await chat.connect('ann');
    const roomIds = await Promise.all(Array.from({ length: 10 }, () => chat.newRoom('ann')));
    let [heard, refused, leaks] = [0, 0, 0];
    await rounds(1_000, 10, async (n) => {
      const roomId = roomIds[n % 10] ?? '';
      const user = `victim-${n}`;
      await chat.call(user, 'POST', `/api/rooms/${roomId}/members`);
      const victim = await chat.connect(user);
      const subscribing = n % 3 === 0 ? undefined : await victim.subscribe(roomId, '0');
      if (subscribing === undefined) {
        victim.send('SUBSCRIBE', { destination: `/topic/chat/room/${roomId}`, id: '0' });
      }
      owner.say(roomId, `before ${n}`);
      const kicked = chat.call('ann', 'DELETE', `/api/rooms/${roomId}/members/${user}`);
      owner.say(roomId, `racing ${n}`);
      if (n % 2 === 0) victim.say(roomId, `from the victim ${n}`);
      await kicked;
      owner.say(roomId, `after ${n}`, `${n}`);
      victim.send('DISCONNECT');
      await victim.closed;
      const bodies = victim.frames.filter(({ command }) => command === 'MESSAGE').map(bodyOf);
      const end = bodies.findIndex(({ type, userId }) => type === 'member.left' && userId === user);
      if (bodies.some(({ content }) => content === `after ${n}`)) leaks += 1;
      if (end === -1) refused += 1;
      else heard += 1;
      if (end !== -1 && end !== bodies.length - 1) leaks += 1;
    });
    expect(leaks).toBe(0);
    expect(heard + refused).toBe(1_000);
    expect(heard).toBeGreaterThan(300);
    await chat.empty(1);
    expect(chat.broker.subscriptions).toBe(0);
  }, 120_000);
});

describe('AZ09 R06 a refused frame is always answered', () => {
  let roomId: string;
  let foreign: string;
  let hidden: string;
  beforeAll(async () => {
    roomId = await chat.newRoom('ann');
    foreign = await chat.newRoom('bob');
    hidden = await chat.newPrivateRoom('bob');
  });

  const topic = (id: string) => `/topic/chat/room/${id}`;
  type Refused = readonly [what: string, code: string, close: number, frame: (receipt: string) => string];
  const refusals: readonly Refused[] = [
    [
      'SUBSCRIBE to a room of others',
      'not-a-member',
      1008,
      (receipt) => frameText('SUBSCRIBE', { destination: topic(foreign), id: '1', receipt }),
    ],
    [
      'SUBSCRIBE to a hidden room',
      'room-not-found',
      1008,
      (receipt) => frameText('SUBSCRIBE', { destination: topic(hidden), id: '1', receipt }),
    ],
    [
      'SUBSCRIBE to a pattern',
      'pattern-not-allowed',
      1008,
      (receipt) => frameText('SUBSCRIBE', { destination: '/topic/**', id: '1', receipt }),
    ],
    [
      'SUBSCRIBE with an id in use',
      'duplicate-subscription',
      1002,
      (receipt) => frameText('SUBSCRIBE', { destination: topic(roomId), id: '0', receipt }),
    ],
    [
      'UNSUBSCRIBE of nothing',
      'unknown-subscription',
      1002,
      (receipt) => frameText('UNSUBSCRIBE', { id: 'none', receipt }),
    ],
    ['SEND to a room of others', 'not-a-member', 1008, (receipt) => sendText(foreign, 'intruder', receipt)],
    ['SEND to a hidden room', 'room-not-found', 1008, (receipt) => sendText(hidden, 'intruder', receipt)],
    [
      'SEND to a topic',
      'access-denied',
      1008,
      (receipt) => frameText('SEND', { destination: topic(roomId), receipt }, '{}'),
    ],
    ['SEND of nonsense', 'invalid-body', 1008, (receipt) => sendText(roomId, '', receipt)],
    ['a second CONNECT', 'already-connected', 1002, (receipt) => frameText('CONNECT', { receipt })],
  ];

  /** Everything at once, or every frame for itself. */
  const write = (client: RawClient, frames: readonly string[], apart: boolean) => {
    for (const octets of apart ? frames : [frames.join('')]) client.write(octets);
  };

  // Whether a SEND is refused by its room is known only in the store's transaction; those behind it have begun by then.
  const late = (what: string) => what.startsWith('SEND to a room') || what.startsWith('SEND to a hidden');

  test('in 1,000 sessions: after the receipts before it, with its own receipt id, and nothing behind it is answered', async () => {
    await rounds(1_000, 20, async (n) => {
      const [what, code, close, refused] = refusals[n % refusals.length] as Refused;
      const client = await chat.connect('ann');
      const before = Array.from({ length: n % 7 }, (_, index) =>
        sendText(roomId, `good ${n}`, `good ${index}`),
      );
      const subscribed = frameText('SUBSCRIBE', {
        destination: topic(roomId),
        id: '0',
        receipt: 'subscribed',
      });
      const behind = sendText(roomId, `${late(what) ? 'good' : 'behind'} ${n}`, 'behind');
      write(client, [...before, subscribed, refused('refused'), behind, behind], n % 2 === 0);
      for (const index of before.keys()) await client.receipt(`good ${index}`);
      await client.receipt('subscribed');
      const refusal = await client.refusal();
      expect([what, refusal.code, refusal.close]).toEqual([what, code, close]);
      expect(refusal.error.headers.get('receipt-id')).toBe('refused');
    });
    expect((await chat.history(roomId)).filter((content) => content.startsWith('behind'))).toEqual([]);
    expect(await chat.history(foreign)).toEqual([]);
    await chat.empty();
    expect(chat.broker.subscriptions).toBe(0);
  }, 120_000);
});
