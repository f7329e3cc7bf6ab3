// Where the chat service takes a token from, and what it makes of it: REST, the handshake, CONNECT and STOMP alike.
import type { HttpError } from '@maru/contract';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { type Chat, openChat, PAGE } from '../session/chat-fixture.ts';
import { sendText } from '../session/raw-client.ts';
import { createSigningKey, signText } from './test-issuer.ts';

let chat: Chat;
let roomId: string;
beforeAll(async () => {
  chat = await openChat();
  roomId = await chat.newRoom('ann', 'bob');
});
afterEach(() => chat.hangUp());
afterAll(() => chat.close());

/** What a CONNECT or STOMP frame with these headers comes to. */
async function refusalOf(
  command: 'CONNECT' | 'STOMP',
  headers: string,
  handshake: Record<string, string> = {},
) {
  const client = await chat.open({ headers: handshake });
  client.write(`${command}\naccept-version:1.2\n${headers}\n\0`);
  return client.refusal();
}

const json = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
const CLAIMS = { iss: 'http://localhost:19091', aud: 'maru', sub: 'ann', roles: ['ROLE_GENERAL'], exp: 9e9 };

describe('a forged token', () => {
  const forged: [string, () => Promise<string>][] = [
    ['without a signature', async () => `${json({ alg: 'none' })}.${json(CLAIMS)}.`],
    [
      'signed by another key of the same name',
      async () => {
        const header = JSON.stringify({ alg: 'ES256', kid: 'k1' });
        return signText(await createSigningKey('k1'), header, JSON.stringify(CLAIMS));
      },
    ],
    [
      'with a key of its own in the header',
      async () => {
        const key = await createSigningKey('own');
        return signText(key, JSON.stringify({ alg: 'ES256', jwk: key.jwk }), JSON.stringify(CLAIMS));
      },
    ],
    [
      'of another type',
      async () =>
        (await chat.sign({})).replace(/^[^.]+/, json({ alg: 'ES256', typ: 'logout+jwt', kid: 'k1' })),
    ],
  ];
  test.each(forged)(
    'TK07 TK08 TK11 TK15 %s is refused by CONNECT, STOMP, the handshake and REST',
    async (_what, make) => {
      const token = await make();
      const authorization = `Bearer ${token}`;
      for (const command of ['CONNECT', 'STOMP'] as const) {
        const said = await refusalOf(command, `Authorization:${authorization}\n`);
        const shaken = await refusalOf(command, '', { authorization });
        for (const refusal of [said, shaken]) {
          expect(refusal).toMatchObject({ code: 'token-invalid', close: 1008, reason: 'token-invalid' });
        }
      }
      const { status, headers, body } = await chat.call(null, 'GET', '/api/me', undefined, { authorization });
      expect([status, (body as HttpError).code]).toEqual([401, 'token-invalid']);
      expect(headers.get('www-authenticate')).toBe('Bearer error="invalid_token"');
      expect(JSON.stringify(chat.log)).not.toContain(token);
    },
  );
});

describe('a token that stands elsewhere', () => {
  test.each(['ticket', 'token', 'access_token', 'bearer', 'authorization', 'jwt'])(
    'TK02 TK05 in the query as %s means nothing, on an upgrade and on a call',
    async (name) => {
      const token = await chat.token('ann');
      const webSocket = new WebSocket(`${chat.webSocketUrl}?${name}=${token}`, ['v12.stomp']);
      const closed = new Promise<number>((resolve) => webSocket.on('close', resolve));
      webSocket.on('open', () => webSocket.send('CONNECT\naccept-version:1.2\n\n\0'));
      const [answer] = await new Promise<[Buffer]>((resolve) =>
        webSocket.once('message', (data: Buffer) => resolve([data])),
      );
      expect(String(answer)).toContain('\ncode:token-missing\n');
      expect(await closed).toBe(1008);
      const { status, body, headers } = await chat.call(null, 'GET', `/api/me?${name}=${token}`);
      expect([status, (body as HttpError).code]).toEqual([401, 'token-missing']);
      expect(headers.get('www-authenticate')).toBe('Bearer');
      expect(JSON.stringify([chat.log, body])).not.toContain(token);
    },
  );

  test('TK02 in a cookie, in a body or in another header means nothing', async () => {
    const token = await chat.token('ann');
    for (const headers of [
      { cookie: `token=${token}; access_token=${token}` },
      { 'x-access-token': token },
      { 'proxy-authorization': `Bearer ${token}` },
      { authorization: token },
      { authorization: `Token ${token}` },
    ]) {
      const { status } = await chat.call(null, 'GET', '/api/me', undefined, headers);
      expect([headers, status]).toEqual([headers, 401]);
      expect(await refusalOf('CONNECT', '', headers)).toMatchObject({ code: 'token-missing' });
    }
    const form = `access_token=${token}`;
    const posted = await chat.call(null, 'POST', '/api/rooms', form, {
      'content-type': 'application/x-www-form-urlencoded',
    });
    expect(posted.status).toBe(401);
    for (const header of ['token', 'passcode', 'access_token', 'login', 'X-Authorization', 'AUTHORIZATION']) {
      expect(await refusalOf('CONNECT', `${header}:Bearer ${token}\n`)).toMatchObject({
        code: 'token-missing',
      });
    }
    expect(JSON.stringify(chat.log)).not.toContain(token);
  });
});

describe('who one says one is', () => {
  const FORGED = {
    'x-user-id': 'ann',
    'x-user': 'ann',
    'x-user-name': 'Ann',
    'x-user-roles': 'ROLE_GENERAL',
    'x-forwarded-user': 'ann',
    'x-auth-request-user': 'ann',
    'x-remote-user': 'ann',
    'x-forwarded-for': '127.0.0.1',
  };

  test('TK21 is not believed without a token, though it may come from a gateway', async () => {
    expect((await chat.call(null, 'GET', '/api/me', undefined, FORGED)).status).toBe(401);
    for (const command of ['CONNECT', 'STOMP'] as const) {
      expect(await refusalOf(command, '', FORGED)).toMatchObject({ code: 'token-missing', close: 1008 });
      const lines = Object.entries(FORGED).map(([name, value]) => `${name}:${value}\n`);
      expect(await refusalOf(command, `login:ann\nuser-name:ann\n${lines.join('')}`)).toMatchObject({
        code: 'token-missing',
      });
    }
  });

  test('TK21 is what the token says, whatever stands beside it', async () => {
    const { body } = await chat.call('bob', 'GET', '/api/me', undefined, FORGED);
    expect(JSON.stringify(body)).not.toMatch(/ann/i);
    const client = await chat.open({ headers: { ...FORGED, origin: PAGE } });
    const connected = await client.connect(await chat.token('bob'), { login: 'ann', 'user-name': 'ann' });
    expect(connected.headers.get('user-name')).toBe('bob');
    client.say(roomId, 'from bob', 'r');
    const receipt = await client.receipt('r');
    const [last] = (await chat.store.listMessages(roomId, 'ann', {}, 1)).messages;
    expect([last?.senderId, last?.messageId]).toEqual(['bob', receipt.headers.get('message-id')]);
  });

  const second = async (command: 'CONNECT' | 'STOMP', user: string) =>
    `${command}\naccept-version:1.2\nAuthorization:Bearer ${await chat.token(user)}\n\n\0`;
  test.each([
    ['CONNECT', 'bob'],
    ['STOMP', 'bob'],
    ['CONNECT', 'ann'],
    ['STOMP', 'ann'],
  ] as const)(
    'TK16 a second %s as %s ends the session, which stays who it was to its end',
    async (command, user) => {
      const before = await chat.history(roomId);
      const client = await chat.connect('ann');
      // What is before it still counts for ann, what is behind it for nobody.
      client.write(
        sendText(roomId, `before ${command} ${user}`, '1') +
          (await second(command, user)) +
          sendText(roomId, 'behind', '2'),
      );
      await client.receipt('1');
      expect(await client.refusal()).toMatchObject({ code: 'already-connected', close: 1002 });
      expect(await chat.history(roomId)).toEqual([...before, `before ${command} ${user}`]);
      const [last] = (await chat.store.listMessages(roomId, 'ann', {}, 1)).messages;
      expect(last?.senderId).toBe('ann');
    },
  );

  test('TK16 a refused CONNECT is not made good by a second one', async () => {
    const client = await chat.open();
    client.write(
      `CONNECT\naccept-version:1.2\nAuthorization:Bearer nonsense\n\n\0${await second('CONNECT', 'ann')}${sendText(roomId, 'behind')}`,
    );
    expect(await client.refusal()).toMatchObject({ code: 'token-invalid', close: 1008 });
    expect(await chat.history(roomId)).not.toContain('behind');
  });
});

describe('a token without the role of a person', () => {
  test('TK06 is 403 insufficient_scope at every call, as at SEND and SUBSCRIBE', async () => {
    const token = await chat.sign({ sub: 'ann', roles: ['ROLE_OTHER'] });
    const calls: [string, string, unknown?][] = [
      ['GET', '/api/rooms?scope=joined'],
      ['POST', '/api/rooms', { name: 'x', visibility: 'public' }],
      ['GET', `/api/rooms/${roomId}/messages`],
      ['POST', `/api/rooms/${roomId}/messages`, { content: 'without a role' }],
    ];
    for (const [method, path, body] of calls) {
      const answer = await chat.call(null, method, path, body, { authorization: `Bearer ${token}` });
      expect([path, answer.status, (answer.body as HttpError).code]).toEqual([path, 403, 'access-denied']);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope"');
    }
    for (const frame of [
      sendText(roomId, 'without a role'),
      `SUBSCRIBE\ndestination:/topic/chat/room/${roomId}\nid:0\n\n\0`,
    ]) {
      const client = await chat.open();
      await client.connect(token);
      client.write(frame);
      expect(await client.refusal()).toMatchObject({ code: 'access-denied', close: 1008 });
    }
    expect(await chat.history(roomId)).not.toContain('without a role');
  });

  test('TK06 a call that the room does not allow says nothing of the token', async () => {
    const other = await chat.newRoom('ann');
    for (const [method, path, body, code] of [
      ['POST', `/api/rooms/${other}/messages`, { content: 'x' }, 'not-a-member'],
      ['DELETE', `/api/rooms/${other}/members/ann`, undefined, 'access-denied'],
    ] as const) {
      const answer = await chat.call('bob', method, path, body);
      expect([answer.status, (answer.body as HttpError).code]).toEqual([403, code]);
      expect(answer.headers.get('www-authenticate')).toBeNull();
    }
  });
});
