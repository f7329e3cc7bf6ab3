// CONNECT and STOMP: versions, tokens, heart-beats, and what may not come first or twice.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Chat, openChat } from './chat-fixture.ts';
import { bodyOf, frameText, headersOf, sendText } from './raw-client.ts';

describe('connecting', () => {
  let chat: Chat;
  let roomId: string;
  beforeAll(async () => {
    chat = await openChat();
    roomId = await chat.newRoom('ann', 'bob');
  });
  afterAll(() => chat.close());

  const refusalOf = async (...frames: string[]) => {
    const client = await chat.open();
    client.write(frames.join(''));
    return client.refusal();
  };
  const connectText = async (headers: Record<string, string> = {}, user = 'ann') =>
    `CONNECT\n${Object.entries({
      'accept-version': '1.2',
      host: 'x',
      Authorization: `Bearer ${await chat.token(user)}`,
      ...headers,
    })
      .filter(([, value]) => value !== '')
      .map(([name, value]) => `${name}:${value}\n`)
      .join('')}\n\0`;

  test('C05 C06 CONNECTED has version, session, server, user-name and heart-beat', async () => {
    const [first, second] = [await chat.open(), await chat.open()];
    const connected = await first.connect(await chat.token('ann'), { 'heart-beat': '0,0' });
    expect(headersOf(connected)).toEqual({
      version: '1.2',
      session: expect.stringMatching(/^[\w-]{10,}$/),
      server: expect.stringMatching(/^[^ /]+(\/[^ ]+)?( .*)?$/),
      'user-name': 'ann',
      'heart-beat': '10000,10000',
    });
    const again = await second.connect(await chat.token('ann'));
    expect(again.headers.get('session')).not.toBe(connected.headers.get('session'));
  });

  test.each([
    ['1.2', '1.2'],
    ['1.0,1.1,2.0', '1.1'],
    ['1.2,1.1,1.0', '1.2'],
    ['1.0', '1.0'],
    ['1.1, 1.2', '1.2'],
  ])('C02 of accept-version %s the highest that both have is %s', async (accept, version) => {
    const client = await chat.open();
    const connected = await client.connect(await chat.token('ann'), { 'accept-version': accept });
    expect(connected.headers.get('version')).toBe(version);
    client.terminate();
  });

  test('C03 C15 without accept-version it is a 1.0 client, and CONNECTED carries a session', async () => {
    const client = await chat.open();
    const connected = await client.connect(await chat.token('ann'), { 'accept-version': '' });
    expect(connected.headers.get('version')).toBe('1.0');
    expect(connected.headers.get('session')).not.toBe('');
    client.terminate();
  });

  test.each(['9.9', '', '1.3,2.0', '1', '1.2.0', 'v1.2'])(
    'C04 no common version in "%s": ERROR lists 1.0,1.1,1.2, then close',
    async (accept) => {
      const text = (await connectText()).replace('accept-version:1.2', `accept-version:${accept}`);
      const refusal = await refusalOf(text);
      expect(refusal).toMatchObject({ code: 'unsupported-version', close: 1002 });
      expect(refusal.error.headers.get('version')).toBe('1.0,1.1,1.2');
    },
  );

  test('C04 a second CONNECT behind it does not lend it its version', async () => {
    const refused = (await connectText()).replace('accept-version:1.2', 'accept-version:9.9');
    expect(await refusalOf(refused, await connectText())).toMatchObject({
      code: 'unsupported-version',
      close: 1002,
    });
  });

  test('C07 a host header is not needed and means nothing', async () => {
    for (const host of ['', 'elsewhere.example']) {
      const client = await chat.open();
      expect((await client.connect(await chat.token('ann'), { host })).command).toBe('CONNECTED');
      client.terminate();
    }
  });

  test('C01 STOMP is handled as CONNECT', async () => {
    const client = await chat.open();
    client.write((await connectText()).replace('CONNECT', 'STOMP'));
    expect((await client.expect('CONNECTED')).headers.get('user-name')).toBe('ann');
    client.terminate();
  });

  test.each(['CONNECT', 'STOMP'])('TK15 C08 %s without a token is refused', async (command) => {
    const refusal = await refusalOf(`${command}\naccept-version:1.2\nhost:x\n\n\0`);
    expect(refusal).toMatchObject({ code: 'token-missing', close: 1008, reason: 'token-missing' });
    expect(refusal.error.headers.get('message')).toBe('Token is missing');
  });

  const bad: [string, string, () => Promise<string>][] = [
    ['an expired token', 'token-expired', () => chat.sign({ exp: Math.floor(Date.now() / 1000) - 10 })],
    ['a token of an unknown issuer', 'token-invalid', () => chat.sign({ iss: 'https://evil.example' })],
    ['a token for another audience', 'token-invalid', () => chat.sign({ aud: 'other' })],
    ['a token without a subject', 'token-invalid', () => chat.sign({ sub: undefined })],
    ['a token that was changed', 'token-invalid', async () => (await chat.sign({})).replace(/\.(.)/, '.$1x')],
    ['no token at all', 'token-invalid', async () => 'nonsense'],
  ];
  test.each(bad)(
    'TK15 C08 CONNECT and STOMP with %s are refused with %s and 1008',
    async (_what, code, make) => {
      const token = await make();
      for (const command of ['CONNECT', 'STOMP']) {
        const refusal = await refusalOf(
          `${command}\naccept-version:1.2\nAuthorization:Bearer ${token}\n\n\0`,
        );
        expect(refusal).toMatchObject({ code, close: 1008, reason: code });
        expect(JSON.stringify([headersOf(refusal.error), bodyOf(refusal.error)])).not.toContain(token);
      }
    },
  );

  test.each(['Basic YW5uOmFubg==', 'Bearer', 'Bearer ', 'Bearer a b', ''])(
    'the Authorization "%s" is refused, also beside a good token of the handshake',
    async (authorization) => {
      const headers = { authorization: `Bearer ${await chat.token('ann')}` };
      const client = await chat.open({ headers });
      client.write(`CONNECT\naccept-version:1.2\nAuthorization:${authorization}\n\n\0`);
      expect(await client.refusal()).toMatchObject({ code: 'token-invalid', close: 1008 });
    },
  );

  test('the token of the handshake counts where CONNECT has none, and only there', async () => {
    const headers = { authorization: `bearer ${await chat.token('ann')}` };
    const silent = await chat.open({ headers });
    silent.write('CONNECT\naccept-version:1.2\n\n\0');
    expect((await silent.expect('CONNECTED')).headers.get('user-name')).toBe('ann');
    const named = await chat.open({ headers });
    expect((await named.connect(await chat.token('bob'))).headers.get('user-name')).toBe('bob');
  });

  test('the header may be written authorization, and a foreign subject keeps its name but is nobody here', async () => {
    const token = await chat.sign({ sub: 'ann', name: 'Other Ann' }, chat.other);
    const client = await chat.open();
    client.write(`CONNECT\naccept-version:1.2\nauthorization:Bearer ${token}\n\n\0`);
    expect((await client.expect('CONNECTED')).headers.get('user-name')).toBe('ann');
    client.send('SUBSCRIBE', { destination: `/topic/chat/room/${roomId}`, id: '0' });
    expect(await client.refusal()).toMatchObject({ code: 'not-a-member' });
  });

  test('C14 login and passcode are no credentials', async () => {
    const refusal = await refusalOf('CONNECT\naccept-version:1.2\nlogin:ann\npasscode:secret-passcode\n\n\0');
    expect(refusal.code).toBe('token-missing');
    expect(JSON.stringify(chat.log)).not.toContain('secret-passcode');
    const token = await chat.token('ann');
    const withToken = await refusalOf(`CONNECT\naccept-version:1.2\nlogin:ann\npasscode:${token}\n\n\0`);
    expect(withToken.code).toBe('token-missing');
  });

  test('C14 with chat.passcode: token a passcode is an access token, unless there is an Authorization', async () => {
    const open = await openChat({ takesPasscode: true });
    const connect = async (lines: string) => {
      const client = await open.open();
      client.write(`CONNECT\naccept-version:1.2\n${lines}\n\0`);
      return client;
    };
    const [ann, bob] = [await open.token('ann'), await open.token('bob')];
    const good = await connect(`login:whoever\npasscode:${ann}\n`);
    expect((await good.expect('CONNECTED')).headers.get('user-name')).toBe('ann');
    const both = await connect(`passcode:${ann}\nAuthorization:Bearer ${bob}\n`);
    expect((await both.expect('CONNECTED')).headers.get('user-name')).toBe('bob');
    const bad = await connect('passcode:secret-passcode\n');
    expect(await bad.refusal()).toMatchObject({ code: 'token-invalid', close: 1008 });
    expect(JSON.stringify(open.log)).not.toMatch(/secret-passcode|eyJ/);
    await open.close();
  });

  test.each([
    ['SEND', () => sendText(roomId, 'too early')],
    ['SUBSCRIBE', () => frameText('SUBSCRIBE', { destination: `/topic/chat/room/${roomId}`, id: '0' })],
    ['SUBSCRIBE to a pattern', () => frameText('SUBSCRIBE', { destination: '/topic/**', id: '0' })],
    ['UNSUBSCRIBE', () => frameText('UNSUBSCRIBE', { id: '0' })],
    ['ACK', () => frameText('ACK', { id: '0' })],
    ['NACK', () => frameText('NACK', { id: '0' })],
    ['BEGIN', () => frameText('BEGIN', { transaction: 't' })],
    ['COMMIT', () => frameText('COMMIT', { transaction: 't' })],
    ['ABORT', () => frameText('ABORT', { transaction: 't' })],
  ])(
    'C09 %s before CONNECT is refused and has no effect, also with CONNECT behind it',
    async (_what, frame) => {
      const before = await chat.history(roomId);
      expect(await refusalOf(frame(), await connectText())).toMatchObject({
        code: 'not-connected',
        close: 1002,
      });
      expect(await chat.history(roomId)).toEqual(before);
    },
  );

  test('a goodbye may come first', async () => {
    const client = await chat.open();
    client.send('DISCONNECT', { receipt: 'bye' });
    await client.receipt('bye');
    expect((await client.closed).code).toBe(1000);
  });

  test('C10 TK16 a second CONNECT is refused, and the session was never another person', async () => {
    const client = await chat.connect('ann');
    client.write((await connectText({}, 'bob')) + sendText(roomId, 'who am I'));
    expect(await client.refusal()).toMatchObject({ code: 'already-connected', close: 1002 });
    const both = await chat.open();
    both.write((await connectText()) + (await connectText({}, 'bob')) + sendText(roomId, 'who am I'));
    expect((await both.expect('CONNECTED')).headers.get('user-name')).toBe('ann');
    expect(await both.refusal()).toMatchObject({ code: 'already-connected', close: 1002 });
    expect(await chat.history(roomId)).not.toContain('who am I');
  });

  test('C12 500 rapid cycles of connecting and leaving leave no session and no error in the log', async () => {
    await chat.hangUp();
    chat.log.length = 0;
    const connect = await connectText();
    const subscribe = frameText('SUBSCRIBE', { destination: `/topic/chat/room/${roomId}`, id: '0' });
    const cycle = async (n: number) => {
      const client = await chat.open();
      if (n % 4 > 0) client.write(n % 4 === 1 ? connect : connect + subscribe);
      if (n % 8 === 3) await client.expect('CONNECTED');
      if (n % 2 === 0) client.terminate();
      else client.webSocket.close(1000);
      await client.closed;
    };
    for (let n = 0; n < 500; n += 20) {
      await Promise.all(Array.from({ length: 20 }, (_, index) => cycle(n + index)));
    }
    await chat.empty();
    expect(chat.broker.subscriptions).toBe(0);
    expect(chat.clock.size).toBe(0);
    const bad = chat.log.filter(({ level }) => Number(level) >= 40);
    expect(bad).toEqual([]);
    expect(chat.log.filter(({ msg }) => msg === 'session closed').length).toBe(500);
  });

  test('whoever is gone when the token is verified is not connected any more', async () => {
    const held = Promise.withResolvers<void>();
    const slow = await openChat({ verify: (token, real) => held.promise.then(() => real(token)) });
    const client = await slow.open();
    client.send('CONNECT', { 'accept-version': '1.2', Authorization: `Bearer ${await slow.token('ann')}` });
    await new Promise((resolve) => client.webSocket.ping('', true, resolve));
    client.terminate();
    await slow.empty();
    held.resolve();
    await slow.call('ann', 'GET', '/api/me');
    expect(slow.log.filter(({ msg }) => msg === 'session connected')).toEqual([]);
    expect(slow.clock.size).toBe(0);
    await slow.close();
  });

  test('TK20 no token, passcode or message is in the log at any level', async () => {
    const token = await chat.token('ann');
    const client = await chat.connect('ann', { passcode: 'log-passcode' });
    client.say(roomId, 'log-content', '1');
    await client.receipt('1');
    client.send(
      'SEND',
      { destination: '/pub/send/message', Authorization: `Bearer ${token}` },
      '{"roomId": log-content',
    );
    await client.refusal();
    await chat.call('ann', 'POST', `/api/rooms/${roomId}/messages`, '{"content": "log-content');
    await chat.call('ann', 'GET', `/api/rooms/${roomId}`);
    const text = JSON.stringify(chat.log);
    for (const secret of [token, token.split('.')[2] ?? '', 'log-passcode', 'log-content']) {
      expect(text.includes(secret)).toBe(false);
    }
  });
});
