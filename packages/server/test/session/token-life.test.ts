// How long a session lives: no longer than its token and the grace, in and out; and how a newer token lengthens it.
import type { MessageCreated } from '@maru/contract';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Claims } from '../identity/test-issuer.ts';
import { type Chat, openChat } from './chat-fixture.ts';
import { bodyOf, type RawClient } from './raw-client.ts';

const GRACE_MS = 400;
/** What a busy machine may add: nothing here is late by that, or it is by far more. */
const SLACK_MS = 1_500;

let chat: Chat;
let roomId: string;
beforeAll(async () => {
  chat = await openChat({ timing: { tokenGraceMs: GRACE_MS, tickMs: 20 } });
  roomId = await chat.newRoom('ann', 'bob');
});
afterEach(() => chat.hangUp());
afterAll(() => chat.close());

/** A token that ends so many milliseconds from now; JWTs may end at a fraction of a second. */
async function tokenFor(ms: number, claims: Claims = {}) {
  const endsAt = Date.now() + ms;
  return { token: await chat.sign({ sub: 'ann', name: 'Ann', exp: endsAt / 1000, ...claims }), endsAt };
}

/** A session that ends, unless it is renewed, so many milliseconds from now and the grace. */
async function connectFor(ms: number, claims: Claims = {}): Promise<{ client: RawClient; endsAt: number }> {
  const { token, endsAt } = await tokenFor(ms, claims);
  const client = await chat.open();
  await client.connect(token);
  return { client, endsAt };
}

function renew(client: RawClient, accessToken: string, receipt?: string): void {
  const headers = { destination: '/pub/session/token', ...(receipt === undefined ? {} : { receipt }) };
  client.send('SEND', headers, JSON.stringify({ accessToken }));
}

async function hearErrors(client: RawClient): Promise<void> {
  client.send('SUBSCRIBE', { destination: '/user/queue/errors', id: 'errors', receipt: 'errors' });
  await client.receipt('errors');
}

/** Writes to the room without end, one message after the other. */
function keepTalking(client: RawClient): { stop(): Promise<void> } {
  let talking = true;
  const done = (async () => {
    for (let n = 0; talking; n += 1) {
      client.say(roomId, `still talking ${n}`, `t${n}`);
      await client.receipt(`t${n}`);
    }
  })();
  return {
    async stop() {
      talking = false;
      await done;
    },
  };
}

const endOf = async (client: RawClient) => {
  const refusal = await client.refusal();
  return { ...refusal, at: Date.now() };
};

describe('the end of the token', () => {
  test('TK17 the silent subscriber hears nothing past the grace: ERROR token-expired, close 1008', async () => {
    const talker = keepTalking(await chat.connect('bob'));
    const { client, endsAt } = await connectFor(600);
    await client.subscribe(roomId, '0');
    const heard: MessageCreated[] = [];
    for (;;) {
      const frame = await client.next();
      if (frame.command === 'ERROR') {
        expect(frame.headers.get('code')).toBe('token-expired');
        expect(frame.headers.get('message')).toBe('Token has expired');
        break;
      }
      heard.push(bodyOf(frame) as MessageCreated);
    }
    expect(await client.closed).toEqual({ code: 1008, reason: 'token-expired' });
    const late = Date.now() - (endsAt + GRACE_MS);
    expect(late).toBeGreaterThanOrEqual(0);
    expect(late).toBeLessThan(SLACK_MS);
    expect(client.frames).toEqual([]);
    const times = heard.map(({ createdAt }) => Date.parse(createdAt));
    // In the grace it still hears.
    expect(times.some((at) => at > endsAt)).toBe(true);
    expect(Math.max(...times)).toBeLessThan(endsAt + GRACE_MS + SLACK_MS);
    await talker.stop();
    expect(chat.broker.subscriptions).toBe(0);
  });

  test('TK17 who talks is ended too, and nothing of theirs is stored past the grace', async () => {
    const { client, endsAt } = await connectFor(300);
    let refused = false;
    const end = endOf(client).finally(() => {
      refused = true;
    });
    for (let n = 0; !refused; n += 1) {
      client.say(roomId, `until the end ${n}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await end).toMatchObject({ code: 'token-expired', close: 1008 });
    const count = (await chat.history(roomId)).length;
    const mine = (await chat.store.listMessages(roomId, 'ann', {}, 200)).messages.filter(
      ({ senderId }) => senderId === 'ann',
    );
    const last = Date.parse(mine.at(-1)?.createdAt ?? '');
    expect(last).toBeGreaterThan(endsAt);
    expect(last).toBeLessThan(endsAt + GRACE_MS + SLACK_MS);
    await chat.hangUp();
    expect((await chat.history(roomId)).length).toBe(count);
  });

  test('TK17 a session that neither hears nor says anything is ended as well', async () => {
    const { client, endsAt } = await connectFor(100);
    const { code, close, reason, at } = await endOf(client);
    expect([code, close, reason]).toEqual(['token-expired', 1008, 'token-expired']);
    expect(at).toBeGreaterThanOrEqual(endsAt + GRACE_MS);
  });

  test('TK17 the token of the handshake ends the session as one of CONNECT does', async () => {
    const { token } = await tokenFor(100);
    const client = await chat.open({ headers: { authorization: `Bearer ${token}` } });
    client.write('CONNECT\naccept-version:1.2\n\n\0');
    await client.expect('CONNECTED');
    expect(await client.refusal()).toMatchObject({ code: 'token-expired', close: 1008 });
  });

  test('TK17 without any grace it ends with the token', async () => {
    const strict = await openChat({ timing: { tokenGraceMs: 0, tickMs: 20 } });
    const endsAt = Date.now() + 300;
    const client = await strict.open();
    await client.connect(await strict.sign({ sub: 'ann', exp: endsAt / 1000 }));
    expect(await client.refusal()).toMatchObject({ code: 'token-expired', close: 1008 });
    expect(Date.now() - endsAt).toBeLessThan(SLACK_MS);
    await strict.close();
  });

  test('TK17 a token of many years ends nothing early', async () => {
    const client = await chat.open();
    // The last moment that a Date can tell; a timer of that length would fire at once.
    await client.connect(await chat.sign({ sub: 'ann', exp: 8.64e12 }));
    await connectFor(0).then(({ client: short }) => short.refusal());
    client.say(roomId, 'still here', 'r');
    await client.receipt('r');
  });

  test('TK19 a session that is given no newer token ends with the one it has: nobody else can lengthen it', async () => {
    const { client, endsAt } = await connectFor(300);
    // Another session of the same person, with a newer token, is renewed and lives on.
    const other = await connectFor(300);
    renew(other.client, (await tokenFor(60_000)).token, 'renewed');
    await other.client.receipt('renewed');
    const { code, at } = await endOf(client);
    expect(code).toBe('token-expired');
    expect(at - endsAt - GRACE_MS).toBeLessThan(SLACK_MS);
    other.client.say(roomId, 'the other lives', 'r');
    await other.client.receipt('r');
  });
});

describe('a newer token', () => {
  test('TK18 lengthens the session, as often as one comes', async () => {
    const { client, endsAt } = await connectFor(300);
    await client.subscribe(roomId, '0');
    let until = endsAt;
    for (let n = 0; n < 4; n += 1) {
      const next = await tokenFor(300 + n);
      until = next.endsAt;
      renew(client, next.token, `renewal ${n}`);
      await client.receipt(`renewal ${n}`);
      // Until what would have been its end without this one is near.
      while (Date.now() < until - 100) {
        client.say(roomId, 'alive', 'alive');
        await client.receipt('alive');
      }
    }
    expect(Date.now()).toBeGreaterThan(endsAt + GRACE_MS);
    client.frames.length = 0;
    const { code, at } = await endOf(client);
    expect(code).toBe('token-expired');
    expect(at).toBeGreaterThanOrEqual(until + GRACE_MS);
  });

  test('TK18 comes in time as long as the grace lasts', async () => {
    const { client, endsAt } = await connectFor(100);
    await client.subscribe(roomId, '0');
    while (Date.now() <= endsAt) await new Promise((resolve) => setImmediate(resolve));
    renew(client, (await tokenFor(60_000)).token, 'late');
    await client.receipt('late');
    await connectFor(0).then(({ client: short }) => short.refusal());
    expect(Date.now()).toBeGreaterThan(endsAt + GRACE_MS);
    client.say(roomId, 'in time', 'r');
    await client.receipt('r');
    expect(client.frames.map((frame) => bodyOf(frame).content)).toContain('in time');
  });

  test('TK18 is the one that counts from then on, also when it ends sooner', async () => {
    const { client } = await connectFor(60_000);
    const sooner = await tokenFor(100);
    renew(client, sooner.token, 'r');
    await client.receipt('r');
    const { code, at } = await endOf(client);
    expect(code).toBe('token-expired');
    expect(at - sooner.endsAt - GRACE_MS).toBeLessThan(SLACK_MS);
  });

  test('TK18 changes no subscription, no name and no place in the order', async () => {
    const { client } = await connectFor(60_000);
    await client.subscribe(roomId, '0');
    const { token } = await tokenFor(60_000, { name: 'Ann B.' });
    client.say(roomId, 'first', '1');
    renew(client, token, '2');
    client.say(roomId, 'second', '3');
    const order: (string | undefined)[] = [];
    while (order.length < 5) {
      const frame = await client.next();
      order.push(
        frame.command === 'RECEIPT' ? frame.headers.get('receipt-id') : String(bodyOf(frame).content),
      );
    }
    expect(order.filter((item) => item?.length === 1)).toEqual(['1', '2', '3']);
    expect(order.filter((item) => item !== undefined && item.length > 1)).toEqual(['first', 'second']);
    const { messages } = await chat.store.listMessages(roomId, 'ann', {}, 2);
    expect(messages.map(({ senderId, senderName }) => [senderId, senderName])).toEqual([
      ['ann', 'Ann'],
      ['ann', 'Ann B.'],
    ]);
  });

  test('TK18 brings its own roles, for every frame behind it', async () => {
    const { client } = await connectFor(60_000);
    const { token } = await tokenFor(60_000, { roles: ['ROLE_OTHER'] });
    client.say(roomId, 'with the role', '1');
    renew(client, token, '2');
    client.say(roomId, 'without the role', '3');
    await client.receipt('1');
    await client.receipt('2');
    const refusal = await client.refusal();
    expect(refusal).toMatchObject({ code: 'access-denied', close: 1008 });
    expect(refusal.error.headers.get('receipt-id')).toBe('3');
    expect(await chat.history(roomId)).not.toContain('without the role');
  });

  test('TK18 without the role is the last one: the next would be a SEND as any other', async () => {
    const { client } = await connectFor(60_000);
    await hearErrors(client);
    renew(client, (await tokenFor(60_000, { roles: [] })).token, 'without');
    await client.receipt('without');
    renew(client, (await tokenFor(60_000)).token, 'with');
    const soft = await client.expect('MESSAGE');
    expect(bodyOf(soft)).toMatchObject({ code: 'access-denied', receiptId: 'with' });
  });
});

describe("another person's token", () => {
  const others: [string, () => Promise<string>][] = [
    ['another subject', () => chat.sign({ sub: 'bob', name: 'Ann' })],
    ['the subject in capitals', () => chat.sign({ sub: 'ANN', name: 'Ann' })],
    ['the same subject of another issuer', () => chat.sign({ sub: 'ann', name: 'Ann' }, chat.other)],
  ];
  for (const soft of [false, true]) {
    test.each(others)(
      `TK18 TK16 of %s ends the session, which is never another's ${soft ? '(errors are heard)' : ''}`,
      async (_what, make) => {
        const { client } = await connectFor(60_000);
        if (soft) await hearErrors(client);
        const before = await chat.history(roomId);
        renew(client, await make(), 'renewal');
        client.say(roomId, 'as whom?', 'behind');
        const refusal = await client.refusal();
        expect(refusal).toMatchObject({
          code: 'token-subject-mismatch',
          close: 1008,
          reason: 'token-subject-mismatch',
        });
        expect(refusal.error.headers.get('receipt-id')).toBe('renewal');
        await chat.hangUp();
        expect(await chat.history(roomId)).toEqual(before);
        const users = chat.log.filter(({ msg }) => msg === 'session renewed').map(({ user }) => user);
        expect(new Set(users)).toEqual(new Set(['ann']));
      },
    );
  }
});

describe('a token that is not good', () => {
  const bad: [string, string, () => Promise<string>][] = [
    ['expired', 'token-expired', () => chat.sign({ sub: 'ann', exp: Math.floor(Date.now() / 1000) - 10 })],
    ['changed', 'token-invalid', async () => (await chat.sign({ sub: 'ann' })).replace(/.$/, '_')],
    ['of an unknown issuer', 'token-invalid', () => chat.sign({ sub: 'ann', iss: 'https://evil.example' })],
    ['for another audience', 'token-invalid', () => chat.sign({ sub: 'ann', aud: 'other' })],
    ['without a subject', 'token-invalid', () => chat.sign({ sub: undefined })],
    ['of another person and expired', 'token-expired', () => chat.sign({ sub: 'bob', exp: 1 })],
    ['no token at all', 'token-invalid', async () => 'nonsense'],
    ['far too long', 'token-invalid', async () => 'x'.repeat(8_000)],
  ];
  test.each(bad)('TK18 (%s) ends the session with %s', async (_what, code, make) => {
    const { client } = await connectFor(60_000);
    const token = await make();
    renew(client, token, 'renewal');
    client.say(roomId, 'behind a bad token');
    const refusal = await client.refusal();
    expect(refusal).toMatchObject({ code, close: 1008, reason: code });
    expect(refusal.error.headers.get('receipt-id')).toBe('renewal');
    expect(JSON.stringify([...refusal.error.headers, bodyOf(refusal.error)])).not.toContain(token);
    expect(await chat.history(roomId)).not.toContain('behind a bad token');
  });

  test('TK18 is told softly where errors are heard, and changes nothing', async () => {
    // Side by side: each waits for its end.
    await Promise.all(
      bad.map(async ([what, code, make]) => {
        const { client, endsAt } = await connectFor(1_000);
        await hearErrors(client);
        renew(client, await make(), 'renewal');
        client.say(roomId, 'in spite of it', 'behind');
        const soft = bodyOf(await client.expect('MESSAGE'));
        expect([what, soft.code, soft.destination, soft.receiptId]).toEqual([
          what,
          code,
          '/pub/session/token',
          'renewal',
        ]);
        await client.receipt('behind');
        const { at, code: end } = await endOf(client);
        expect([what, end]).toEqual([what, 'token-expired']);
        expect(at).toBeGreaterThanOrEqual(endsAt + GRACE_MS);
        expect(at).toBeLessThan(endsAt + GRACE_MS + SLACK_MS);
      }),
    );
  });

  test.each([
    '',
    '{}',
    '{"accessToken":""}',
    '{"accessToken":1}',
    '{"accessToken":"x","userId":"bob"}',
    '"x"',
  ])('TK18 a body of %j is no renewal', async (body) => {
    const { client } = await connectFor(60_000);
    client.send('SEND', { destination: '/pub/session/token' }, body);
    expect(await client.refusal()).toMatchObject({ code: 'invalid-body', close: 1008 });
  });

  test('TK18 before CONNECT nobody is there to be renewed', async () => {
    const client = await chat.open({ headers: { authorization: `Bearer ${await chat.token('ann')}` } });
    renew(client, await chat.token('ann'));
    expect(await client.refusal()).toMatchObject({ code: 'not-connected' });
  });
});
