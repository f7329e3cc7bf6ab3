// TK02, TK13, TK20: what is secret stays secret. Secrets are planted wherever one can stand; then all output is searched.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from './free-port.ts';
import { MaruProcess, type Settings } from './maru-process.ts';
import { accessToken, ask, createRoom, signUp } from './people.ts';
import { type Closing, type RawFrame, type RawOptions, RawStomp, refusalOf } from './raw-stomp.ts';
import { describeTopologies, type Role, type Topology } from './topology.ts';

/** What was planted: its place, by its text. */
class Planted {
  readonly #places = new Map<string, string>();

  /** A new secret of this place, of letters that nothing escapes. */
  secret(place: string): string {
    const text = `s3cr3t${randomBytes(9).toString('hex')}`;
    this.#places.set(text, place);
    return text;
  }

  /** One that exists already, and each part of it, as of a token. */
  keep(place: string, text: string): string {
    for (const part of [text, ...text.split('.')]) if (part.length >= 16) this.#places.set(part, place);
    return text;
  }

  get count(): number {
    return this.#places.size;
  }

  /** The places whose secret is in a text, as it is or encoded. */
  foundIn(text: string): string[] {
    const found = [...this.#places].filter(([secret]) => formsOf(secret).some((form) => text.includes(form)));
    return [...new Set(found.map(([, place]) => place))];
  }
}

function formsOf(secret: string): string[] {
  const octets = Buffer.from(secret);
  return [secret, octets.toString('base64').replace(/=+$/, ''), octets.toString('hex'), secret.toUpperCase()];
}

/** The processes of a topology, by a role that each runs; a gateway goes before what is behind it. */
const ROLES = {
  together: ['gateway'],
  apart: ['gateway', 'web', 'chat', 'identity'],
  'apart by a Unix socket': ['gateway', 'web', 'chat', 'identity'],
} as const satisfies Record<Topology, readonly Role[]>;

/** Whatever a socket answers until it is closed. */
async function sayRaw(port: number, text: string | Buffer): Promise<string> {
  const socket = connect(port, 'localhost');
  await once(socket, 'connect');
  socket.setTimeout(5_000, () => socket.destroy());
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  // Not ended: who closes its half is taken for gone before it is answered.
  socket.write(text);
  await once(socket, 'close');
  return answer;
}

describeTopologies(
  (maru) => {
    const planted = new Planted();
    const secret = (place: string) => planted.secret(place);

    afterEach(() => expect(planted.foundIn(maru.output)).toEqual([]));

    it('TK20 of a good day nothing is in the log: passwords, tokens, messages', async () => {
      const ann = await signUp(maru, 'Ann');
      planted.keep('password', ann.password);
      planted.keep('session token', ann.session);
      planted.keep('access token', ann.token);
      const roomId = await createRoom(maru, ann);
      const stomp = await RawStomp.connect(maru.chatUrl, ann.token, {
        Authorization: `Bearer ${ann.token}`,
        login: ann.email,
        passcode: secret('passcode'),
      });
      stomp.write('SUBSCRIBE', { id: '0', destination: `/topic/chat/room/${roomId}`, receipt: 'r0' });
      stomp.write('SUBSCRIBE', { id: '1', destination: '/user/queue/errors', receipt: 'r1' });
      const content = secret('content by STOMP');
      const clientMessageId = secret('clientMessageId');
      stomp.write(
        'SEND',
        { destination: '/pub/send/message', receipt: 'r2' },
        JSON.stringify({ roomId, content, clientMessageId }),
      );
      const renewed = planted.keep('renewed token', await accessToken(maru, ann.session));
      stomp.write(
        'SEND',
        { destination: '/pub/session/token', receipt: 'r3' },
        JSON.stringify({ accessToken: renewed }),
      );
      const came = await stomp.came.take(5);
      expect(came.map(({ command }) => command).toSorted()).toEqual([
        'MESSAGE',
        'RECEIPT',
        'RECEIPT',
        'RECEIPT',
        'RECEIPT',
      ]);
      // The listener is no deaf one: it was delivered what the log must not have.
      expect(JSON.stringify(came)).toContain(content);
      const answer = await ask(maru, `POST /api/rooms/${roomId}/messages`, {
        token: ann.token,
        headers: { 'idempotency-key': secret('Idempotency-Key') },
        body: { content: secret('content by REST') },
      });
      expect(answer.status).toBe(201);
      const changed = await ask(maru, 'POST /auth/change-password', {
        token: ann.session,
        body: { currentPassword: ann.password, newPassword: secret('new password') },
      });
      expect(changed.status).toBe(200);
      const session = planted.keep('new session token', JSON.parse(changed.text).token);
      expect((await ask(maru, 'POST /auth/sign-out', { token: session, body: {} })).status).toBe(200);
      stomp.drop();
      await expect.poll(() => maru.output).toContain('session closed');
      expect(maru.output).toContain('session connected');
      expect(planted.count).toBeGreaterThan(8);
    });

    it('TK20 of bad credentials nothing is in the log or in the answer', async () => {
      const ann = await signUp(maru, 'Ann');
      planted.keep('password', ann.password);
      const { email } = ann;
      const answers: string[] = [];
      const say = async (line: string, options: Parameters<typeof ask>[2]) => {
        const { status, text } = await ask(maru, line, options);
        answers.push(text);
        return status;
      };
      const wrong = secret('wrong password');
      expect(await say('POST /auth/sign-in/email', { body: { email, password: wrong } })).toBe(401);
      expect(
        await say('POST /auth/sign-up/email', {
          body: { name: 'x', email, password: secret('taken address') },
        }),
      ).toBe(422);
      expect(
        await say('POST /auth/sign-in/email', {
          body: `{"email":"${email}","password":"${secret('no JSON')}`,
        }),
      ).toBe(400);
      for (const line of ['POST /auth/change-password', 'GET /auth/token', 'GET /api/me', 'GET /api/rooms']) {
        const body = line.startsWith('POST')
          ? { currentPassword: secret('old password'), newPassword: secret('new password') }
          : undefined;
        const token = secret(`token of ${line}`);
        expect(await say(line, { token, ...(body === undefined ? {} : { body }) })).toBe(401);
      }
      const token = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(
        JSON.stringify({ iss: maru.url, sub: secret('sub of a forged token') }),
      ).toString('base64url')}.`;
      expect(await say('GET /api/me', { token: planted.keep('forged token', token) })).toBe(401);
      for (const name of [
        'cookie',
        'x-api-key',
        'proxy-authorization',
        'x-user-id',
        'referer',
        'forwarded',
      ]) {
        const value = `${name}=${secret(`header ${name}`)}`;
        expect(await say('GET /api/me', { headers: { [name]: value } })).toBe(401);
      }
      expect(await say('GET /api/me', { headers: { authorization: `Basic ${secret('Basic')}` } })).toBe(401);
      // What is in a body that was refused: of the wrong shape, of the wrong kind, too large, no JSON.
      const shapes: [string, unknown][] = [
        ['of the wrong shape', { content: { text: secret('body of the wrong shape') } }],
        ['no JSON', `{"content":"${secret('body, no JSON')}`],
        ['too long', { content: secret('body, too long').padEnd(20_000, 'x') }],
        ['with a field too many', { content: 'x', [secret('name of a field')]: 1 }],
      ];
      const roomId = await createRoom(maru, ann);
      for (const [what, body] of shapes) {
        const status = await say(`POST /api/rooms/${roomId}/messages`, { token: ann.token, body });
        expect([what, status >= 400 && status < 500]).toEqual([what, true]);
      }
      const form = await say(`POST /api/rooms/${roomId}/messages`, {
        token: ann.token,
        body: `content=${secret('body of a form')}`,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      expect(form).toBe(415);
      // A client is told which field is wrong by the name that it gave it; that is no secret to it.
      expect(planted.foundIn(answers.join('\n')).filter((place) => place !== 'name of a field')).toEqual([]);
    });

    it('TK02 TK05 a token in the query is refused, goes no further and is in no log', async () => {
      const ann = await signUp(maru, 'Ann');
      planted.keep('token in the query', ann.token);
      for (const name of ['access_token', 'token', 'ticket', 'ACCESS_TOKEN', 'bearer', 'jwt']) {
        const query = `${name}=${ann.token}&other=${secret(`query ${name}`)}`;
        const calls: [string, number][] = [
          [`GET /api/me?${query}`, 401],
          [`GET /auth/token?${query}`, 401],
          [`GET /nowhere?${query}`, 404],
          [`GET /chat?${query}`, 426],
          [`GET /api/../x?${query}`, 404],
        ];
        for (const [line, status] of calls) {
          const answer = await ask(maru, line);
          expect([line, answer.status]).toEqual([line, status]);
          expect(planted.foundIn(answer.text + JSON.stringify([...answer.headers]))).toEqual([]);
        }
        const refused = await refusalOf(`${maru.chatUrl}?${query}`, {});
        expect([name, refused.status]).toEqual([name, 401]);
        expect(refused.headers['www-authenticate']).toBe('Bearer');
        expect(planted.foundIn(refused.body + JSON.stringify(refused.headers))).toEqual([]);
        // Beside a good one it is no more than the rest of the query.
        const stomp = await RawStomp.connect(`${maru.chatUrl}?${query}`, ann.token);
        stomp.drop();
        const page = await fetch(`${maru.pageUrl}/?${query}`);
        expect([page.status, planted.foundIn(await page.text())]).toEqual([200, []]);
      }
    });

    it('TK04 TK20 of an upgrade nothing is in the log: subprotocol, headers, bad requests', async () => {
      const { port } = new URL(maru.url);
      const offered = ['v12.stomp', `bearer.${secret('subprotocol')}`];
      const stomp = await RawStomp.open(maru.chatUrl, { protocols: offered });
      expect(planted.foundIn(JSON.stringify(stomp.answered))).toEqual([]);
      stomp.write('CONNECT', { 'accept-version': '1.2', passcode: secret('passcode') });
      expect(await stomp.came.next()).toMatchObject({ command: 'ERROR' });
      expect(planted.foundIn(JSON.stringify(await stomp.came.next()))).toEqual([]);
      const bad: RawOptions[] = [
        { protocols: [`bearer.${secret('first of two')}`, `bearer.${secret('second of two')}`] },
        { headers: { origin: 'http://evil.example', authorization: `Bearer ${secret('bad origin')}` } },
        { headers: { authorization: `Basic ${secret('Basic at an upgrade')}` } },
        { headers: { cookie: `session=${secret('cookie at an upgrade')}` } },
      ];
      for (const options of bad) {
        const refused = await refusalOf(maru.chatUrl, options);
        expect(refused.status).toBeGreaterThanOrEqual(400);
        expect(planted.foundIn(refused.body + JSON.stringify(refused.headers))).toEqual([]);
      }
      const host = `Host: localhost:${port}\r\nConnection: close\r\n`;
      const hello = `GET /api/me HTTP/1.1\r\n${host}`;
      const wrong = [
        `${hello}Authorization Bearer ${secret('header without a colon')}\r\n\r\n`,
        `${hello}Authorization: Bearer ${secret('bare CR')}\r x\r\n\r\n`,
        `${hello}Authorization: Bearer ${secret('two headers')}\r\nAuthorization: Bearer ${secret('two headers')}\r\n\r\n`,
        `${hello}Authorization: Bearer ${secret('obs-fold')}\r\n ${secret('folded')}\r\n\r\n`,
        `${hello}Authorization: Bearer ${secret('too large').padEnd(40_000, 'x')}\r\n\r\n`,
        `${hello}Authorization: Bearer ${secret('NUL')}\0\r\n\r\n`,
        `${hello}Transfer-Encoding: chunked\r\n\r\n${secret('bad chunk')}\r\n`,
        `GET http://ann:${secret('userinfo')}@localhost:${port}/api/me HTTP/1.1\r\n${host}\r\n`,
        `GET //ann:${secret('userinfo of no scheme')}@localhost/api/me HTTP/1.1\r\n${host}\r\n`,
        `GET /api/me#access_token=${secret('fragment')} HTTP/1.1\r\n${host}\r\n`,
        `GET /api/me%3Faccess_token=${secret('query, encoded')} HTTP/1.1\r\n${host}\r\n`,
        `CONNECT ann:${secret('CONNECT')}@localhost:1 HTTP/1.1\r\nHost: localhost:1\r\nProxy-Authorization: Basic ${secret('Proxy')}\r\n\r\n`,
        `${secret('method')} / HTTP/1.1\r\n\r\n`,
      ];
      for (const request of wrong) expect(await sayRaw(Number(port), request)).toMatch(/^HTTP\/1\.1 4\d\d /);
    });

    it('TK20 of bad frames nothing is in the log, nor a token in the ERROR', async () => {
      const ann = await signUp(maru, 'Ann');
      const { token } = ann;
      const connected = `CONNECT\naccept-version:1.2\nAuthorization:Bearer ${planted.keep('access token', token)}\n\n\0`;
      const frames = [
        `CONNECT\naccept-version:1.2\nAuthorization:Bearer ${secret('Authorization')}\n\n\0`,
        `STOMP\naccept-version:1.2\nAuthorization:Basic ${secret('Authorization, Basic')}\n\n\0`,
        `CONNECT\naccept-version:9.9\nlogin:ann\npasscode:${secret('passcode, bad version')}\n\n\0`,
        `CONNECT\naccept-version:1.2\npasscode ${secret('header without a colon')}\n\n\0`,
        `${connected}SEND\ndestination:/pub/send/message\nx:${secret('bad escape')}\\x\n\n\0`,
        `CONNECT\naccept-version:1.2\npasscode:${secret('too long').padEnd(6_000, 'x')}\n\n\0`,
        `CONNECT\naccept-version:1.2\nheart-beat:${secret('heart-beat')}\n\n\0`,
        `CONNECT\naccept-version:1.2\n\n${secret('body of CONNECT')}\0`,
        `${secret('command')}\n\n\0`,
        `SEND\ndestination:/pub/send/message\nAuthorization:Bearer ${secret('SEND before CONNECT')}\n\n{"content":"${secret('body before CONNECT')}"}\0`,
        `${connected}${connected}`,
        `${connected}SEND\ndestination:/pub/send/message\nAuthorization:Bearer ${secret('SEND')}\n\n{"content":"${secret('body, no JSON')}\0`,
        `${connected}SEND\ndestination:/pub/send/message\n\n{"roomId":1,"content":"${secret('body, wrong shape')}"}\0`,
        `${connected}SEND\ndestination:/pub/send/message\ncontent-length:3\n\n{"content":"${secret('body, bad length')}"}\0`,
        `${connected}SEND\ndestination:/pub/send/message\ncontent-type:text/plain\n\n${secret('body, other type')}\0`,
        `${connected}SEND\ndestination:/pub/session/token\n\n{"accessToken":"${secret('renewal')}"}\0`,
        `${connected}SEND\ndestination:/pub/session/token\n\n{"accessToken":["${secret('renewal, wrong shape')}"]}\0`,
        `${connected}SEND\ndestination:/pub/nowhere\nx-token:${secret('header of SEND')}\n\n${secret('body to nowhere')}\0`,
        `${connected}SEND\ndestination:/topic/nowhere\n\n${secret('body to a topic')}\0`,
        `${connected}MESSAGE\n\n${secret('body of MESSAGE')}\0`,
        `${connected}SUBSCRIBE\nid:0\ndestination:/topic/**\nselector:${secret('selector')}\n\n\0`,
        `${connected}BEGIN\ntransaction:t\n\n\0SEND\ntransaction:t\ndestination:/pub/nowhere\n\n${secret('body in a transaction')}\0COMMIT\ntransaction:t\n\n\0`,
        Buffer.concat([
          Buffer.from(`${connected}SEND\nx:${secret('no UTF-8')}`),
          Buffer.from([0xff, 0x0a, 0x0a, 0]),
        ]),
      ];
      for (const frame of frames) {
        const stomp = await RawStomp.open(maru.chatUrl, {
          protocols: ['v12.stomp'],
          headers: { authorization: `Bearer ${token}` },
        });
        stomp.writeRaw(frame);
        const came: (RawFrame | Closing)[] = [];
        do came.push(await stomp.came.next());
        while (came.at(-1)?.command !== 'close');
        expect([frame, came.at(-2)?.command]).toEqual([frame, 'ERROR']);
        expect(planted.foundIn(JSON.stringify(came))).toEqual([]);
      }
      const cut = await RawStomp.open(maru.chatUrl, { headers: { authorization: `Bearer ${token}` } });
      cut.writeRaw(`${connected}SEND\ndestination:/pub/send/message\n\n${secret('unfinished')}`);
      expect(await cut.came.next()).toMatchObject({ command: 'CONNECTED' });
      cut.drop();
    });

    it('TK20 of WebSocket frames that are wrong nothing is in the log', async () => {
      const ann = await signUp(maru, 'Ann');
      const { port } = new URL(maru.url);
      const handshake = [
        'GET /chat HTTP/1.1',
        `Host: localhost:${port}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
        `Authorization: Bearer ${planted.keep('token of a raw upgrade', ann.token)}`,
      ].join('\r\n');
      /** Two octets of head, a mask of zeros where the second says so, and a secret of 24 octets. */
      const frame = (head: readonly number[], place: string) =>
        Buffer.concat([
          Buffer.from([...head, ...((head[1] ?? 0) & 0x80 ? [0, 0, 0, 0] : [])]),
          Buffer.from(secret(place)),
        ]);
      const frames = [
        frame([0x81, 24], 'unmasked'),
        frame([0xf1, 0x80 | 24], 'reserved bits'),
        frame([0x83, 0x80 | 24], 'reserved opcode'),
        frame([0x88, 0x80 | 24], 'Close with a bad code'),
        frame([0x89, 0x80 | 126, 0, 200], 'Ping, too large'),
        frame([0x80, 0x80 | 24], 'continuation of nothing'),
      ];
      for (const octets of frames) {
        const answer = await sayRaw(
          Number(port),
          Buffer.concat([Buffer.from(`${handshake}\r\n\r\n`), octets]),
        );
        expect(answer).toMatch(/^HTTP\/1\.1 101 /);
        expect(planted.foundIn(answer)).toEqual([]);
      }
    });

    it('TK20 nothing is in the log either when a service is away, nor at the end', async () => {
      const ann = await signUp(maru, 'Ann');
      planted.keep('token while a service is away', ann.token);
      if (maru.topology !== 'together') {
        await maru.end('chat', 'SIGKILL');
        const answer = await ask(maru, `POST /api/rooms?access_token=${secret('query while away')}`, {
          token: ann.token,
          headers: { cookie: `session=${secret('cookie while away')}` },
          body: { name: secret('name while away') },
        });
        expect(answer.status).toBe(502);
        const refused = await refusalOf(maru.chatUrl, {
          protocols: ['v12.stomp', `bearer.${secret('upgrade while away')}`],
        });
        expect(refused.status).toBe(502);
        await maru.end('identity', 'SIGKILL');
        const signIn = { email: ann.email, password: secret('password while away') };
        expect((await ask(maru, 'POST /auth/sign-in/email', { body: signIn })).status).toBe(502);
        await maru.restart();
      }
      const stomp = await RawStomp.connect(maru.chatUrl, ann.token, {
        passcode: secret('passcode at the end'),
      });
      for (const role of ROLES[maru.topology]) await maru.end(role, 'SIGTERM');
      expect(await stomp.came.next()).toMatchObject({ command: 'close' });
      // What a process had not written yet is written now.
      expect(planted.foundIn(maru.output)).toEqual([]);
      expect(planted.count).toBeGreaterThan(100);
    });
  },
  { 'log.level': 'trace', 'operations.port': 0 },
);

describe('TK13 in production', () => {
  let folder: string;
  const started: MaruProcess[] = [];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maru-secrets-'));
  });
  afterEach(async () => {
    for (const process of started.splice(0)) await process.end('SIGKILL');
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const start = async (role: string, settings: Settings, variables: Record<string, string> = {}) => {
    const ports = { 'operations.port': 0, 'identity.port': await freePort() };
    const maru = new MaruProcess([role], {
      folder,
      settings: { dataDir: join(folder, 'data'), ...ports, ...settings },
      variables: { NODE_ENV: 'production', ...variables },
    });
    started.push(maru);
    return maru;
  };

  const weak = [
    'secret',
    'change-me-change-me-change-me-change-me',
    'k8Zq-3fPw.R2xT7vB9nM4sD6hJ1gL5',
    'a'.repeat(64),
  ];
  for (const role of ['identity', 'start']) {
    it.each(weak)(
      `maru ${role} does not start with the secret %j, and does not repeat it`,
      async (secret) => {
        for (const maru of [
          await start(role, { 'identity.secret': secret }),
          await start(role, {}, { MARU_IDENTITY_SECRET: secret }),
        ]) {
          const { code } = await maru.exited;
          expect(code).toBe(1);
          expect(maru.stdout).toBe('');
          expect(maru.stderr).toMatch(/^maru: The setting identity\.secret .*openssl rand/);
          // The name of the setting itself ends in one of them.
          if (secret !== 'secret') expect(maru.stderr).not.toContain(secret);
        }
      },
    );

    it(`maru ${role} does not start without a secret, and makes none`, async () => {
      for (const variables of [{}, { MARU_IDENTITY_SECRET: '' }]) {
        const maru = await start(role, {}, variables);
        expect((await maru.exited).code).toBe(1);
        expect(maru.stderr).toMatch(/^maru: .*identity\.secret.*openssl rand/);
      }
      expect(await readdir(join(folder, 'data')).catch(() => [])).not.toContain('secrets.json');
    });
  }

  it('maru identity starts with a good one, and never says it', async () => {
    const secret = randomBytes(36).toString('base64url');
    const maru = await start('identity', { 'log.level': 'trace' }, { MARU_IDENTITY_SECRET: secret });
    await maru.ready();
    await maru.end();
    expect(maru.stdout + maru.stderr).not.toContain(secret);
  });
});
