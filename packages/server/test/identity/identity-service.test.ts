// The identity service over HTTP: accounts, sessions, access tokens, and what a restart keeps.
import { once } from 'node:events';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, request } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { decodeJwt, decodeProtectedHeader } from 'jose';
import { type Logger, pino } from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { readConfig } from '../../src/config.ts';
import type { IdentityRateLimit } from '../../src/identity/identity-endpoint.ts';
import { openIdentityService } from '../../src/identity/identity-service.ts';
import { MAX_BODY_OCTETS } from '../../src/identity/json-body.ts';
import { createTokenVerifier } from '../../src/identity/token-verifier.ts';

const PUBLIC_URL = 'http://localhost:19091';
const PAGE = 'http://127.0.0.1:5500';
const SECRET = 'vPq0Zr7hT1uX9bN4mK6sD3wY8eL2fJ5g';
const PASSWORD = 'correct horse';

type Running = Awaited<ReturnType<typeof start>>;

/** The service behind a real HTTP server, as a gateway would mount it. */
async function start(
  dataDir: string,
  options: {
    secret?: string;
    rateLimit?: Partial<IdentityRateLimit>;
    trustedProxies?: readonly string[];
    now?: () => number;
  } = {},
) {
  const logged: string[] = [];
  const log: Logger = pino({ level: 'trace' }, { write: (line: string) => logged.push(line) });
  const service = await openIdentityService({
    dataDir,
    publicUrl: PUBLIC_URL,
    audience: 'maru',
    trustedOrigins: [PAGE],
    secret: options.secret ?? SECRET,
    accessTokenSeconds: 900,
    rateLimit: { ...readConfig({}, {}).identity.rateLimit, ...options.rateLimit },
    log,
    trustedProxies: options.trustedProxies ?? [],
    ...(options.now === undefined ? {} : { now: options.now }),
  });
  const server = createServer((req, res) => service.upstream.handleRequest(req, res));
  server.on('upgrade', (req, socket, head) => service.upstream.handleUpgrade(req, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}`;

  async function call(
    method: string,
    path: string,
    { body, token, headers }: { body?: unknown; token?: string; headers?: Record<string, string> } = {},
  ) {
    const response = await fetch(url + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const answer = await response.text();
    return { status: response.status, headers: response.headers, body: JSON.parse(answer) };
  }

  let people = 0;
  return {
    port,
    url,
    logged,
    call,
    signUp: (fields: Record<string, unknown> = {}, headers: Record<string, string> = {}) => {
      people += 1;
      const email = `person${people}.${crypto.randomUUID()}@example.com`;
      return call('POST', '/auth/sign-up/email', {
        body: { name: 'Ann', email, password: PASSWORD, ...fields },
        headers,
      });
    },
    verifier: () =>
      createTokenVerifier({
        issuers: [{ issuer: PUBLIC_URL, jwksUrl: `${url}/auth/jwks`, audience: 'maru' }],
        localIssuer: PUBLIC_URL,
      }),
    close: service.close,
    /** Resolves when that many more requests have arrived. */
    received: (count: number) =>
      new Promise<void>((resolve) => {
        let left = count;
        server.on('request', () => {
          left -= 1;
          if (left === 0) resolve();
        });
      }),
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await service.close();
    },
  };
}

function emailOf(length: number): string {
  const domain = `@${'y.'.repeat(91)}example.com`;
  return 'x'.repeat(length - domain.length) + domain;
}

function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'maru-identity-'));
}

describe('the identity service', () => {
  let folder: string;
  let service: Running;
  beforeAll(async () => {
    folder = temporaryFolder();
    service = await start(folder);
  });
  afterAll(async () => {
    await service.stop();
    rmSync(folder, { recursive: true });
  });

  test('makes an account, whose session token gets an access token that verifies', async () => {
    const { status, body } = await service.signUp({ name: 'Ann' });
    expect(status).toBe(200);
    expect(body).toMatchObject({ token: expect.any(String), user: { name: 'Ann' } });

    const { body: granted, headers } = await service.call('GET', '/auth/token', { token: body.token });
    expect(headers.get('cache-control')).toBe('no-store');
    expect(decodeProtectedHeader(granted.token)).toEqual({ alg: 'ES256', kid: expect.any(String) });
    const claims = decodeJwt(granted.token);
    expect(claims).toEqual({
      sub: body.user.id,
      name: 'Ann',
      roles: ['ROLE_GENERAL'],
      iss: PUBLIC_URL,
      aud: 'maru',
      iat: expect.any(Number),
      exp: expect.any(Number),
    });
    expect((claims.exp ?? 0) - (claims.iat ?? 0)).toBe(900);
    expect(await service.verifier().verify(granted.token)).toMatchObject({
      userId: body.user.id,
      name: 'Ann',
      roles: ['ROLE_GENERAL'],
    });
  });

  test('TK19 signs in with the password, and out again: no access token is made after that', async () => {
    const email = 'sign-in@example.com';
    await service.signUp({ email });
    const credentials = { body: { email: 'Sign-In@Example.com', password: PASSWORD } };
    const { status, body } = await service.call('POST', '/auth/sign-in/email', credentials);
    expect(status).toBe(200);
    const { token } = body;
    expect((await service.call('GET', '/auth/token', { token })).status).toBe(200);
    expect((await service.call('POST', '/auth/sign-out', { token })).status).toBe(200);
    expect((await service.call('GET', '/auth/token', { token })).status).toBe(401);
  });

  test('says the same of a wrong password and of an unknown address', async () => {
    const email = 'known@example.com';
    await service.signUp({ email });
    const wrong = await service.call('POST', '/auth/sign-in/email', {
      body: { email, password: 'wrong one' },
    });
    const unknown = await service.call('POST', '/auth/sign-in/email', {
      body: { email: 'unknown@example.com', password: 'wrong one' },
    });
    expect(wrong.status).toBe(401);
    expect(wrong.headers.get('www-authenticate')).toBe('Bearer');
    expect(wrong.body).toEqual({ code: 'INVALID_EMAIL_OR_PASSWORD', message: expect.any(String) });
    expect([unknown.status, unknown.body]).toEqual([wrong.status, wrong.body]);
  });

  test('changes a name and a password', async () => {
    const email = 'change@example.com';
    const { token } = (await service.signUp({ email })).body;
    await service.call('POST', '/auth/update-user', { token, body: { name: 'Anna' } });
    expect((await service.call('GET', '/auth/get-session', { token })).body.user.name).toBe('Anna');
    const changed = await service.call('POST', '/auth/change-password', {
      token,
      body: { currentPassword: PASSWORD, newPassword: 'another horse' },
    });
    expect(changed.status).toBe(200);
    const signIn = (password: string) =>
      service.call('POST', '/auth/sign-in/email', { body: { email, password } });
    expect((await signIn('another horse')).status).toBe(200);
    expect((await signIn(PASSWORD)).status).toBe(401);
  });

  test('TK19 a change of the password ends every session, also where it is asked not to, and begins a new one', async () => {
    const email = 'leaked@example.com';
    const mine = (await service.signUp({ email })).body.token;
    const { body: elsewhere } = await service.call('POST', '/auth/sign-in/email', {
      body: { email, password: PASSWORD },
    });
    const changed = await service.call('POST', '/auth/change-password', {
      token: mine,
      body: { currentPassword: PASSWORD, newPassword: 'another horse', revokeOtherSessions: false },
    });
    expect(changed.status).toBe(200);
    for (const token of [elsewhere.token, mine]) {
      expect((await service.call('GET', '/auth/token', { token })).status).toBe(401);
    }
    expect((await service.call('GET', '/auth/token', { token: changed.body.token })).status).toBe(200);
  });

  test('publishes the public half of an ES256 key and nothing more', async () => {
    const { status, body } = await service.call('GET', '/auth/jwks');
    expect(status).toBe(200);
    expect(body.keys).toEqual([
      {
        kid: expect.any(String),
        alg: 'ES256',
        kty: 'EC',
        crv: 'P-256',
        x: expect.any(String),
        y: expect.any(String),
      },
    ]);
  });

  test.each([
    ['no token', undefined],
    ['a made-up one', 'made-up'],
    ['one with a made-up signature', 'a.b'],
  ])('gives no access token for %s', async (_name, token) => {
    const { status, body, headers } = await service.call('GET', '/auth/token', {
      ...(token === undefined ? {} : { token }),
    });
    expect(status).toBe(401);
    expect(headers.get('www-authenticate')).toBe('Bearer');
    expect(body).toEqual({ code: expect.any(String), message: expect.any(String) });
  });

  test('TK12 takes no access token for a session token, nor the other way round', async () => {
    const session = (await service.signUp()).body.token;
    const access = (await service.call('GET', '/auth/token', { token: session })).body.token;
    expect((await service.call('GET', '/auth/token', { token: access })).status).toBe(401);
    await expect(service.verifier().verify(session)).rejects.toMatchObject({ code: 'token-invalid' });
  });

  describe('origins', () => {
    test('a page of the list and one of the gateway itself sign in; neither answer has a CORS header', async () => {
      for (const origin of [PAGE, PUBLIC_URL]) {
        const { status, headers } = await service.signUp({}, { origin });
        expect(status).toBe(200);
        expect([...headers.keys()].filter((name) => name.startsWith('access-control-'))).toEqual([]);
        expect(headers.get('set-auth-token')).not.toBeNull();
      }
    });

    test.each([
      'http://localhost:5500',
      'http://127.0.0.1:5501',
      'https://127.0.0.1:5500',
      'http://evil.example',
      'null',
    ])('a page of %s does not', async (origin) => {
      const { status, body } = await service.signUp({}, { origin });
      expect(status).toBe(403);
      expect(body).toEqual({ code: expect.any(String), message: expect.any(String) });
    });

    test('a form, which needs no preflight, is not read', async () => {
      const { status, body } = await service.call('POST', '/auth/sign-in/email', {
        body: 'email=a%40example.com&password=x',
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      });
      expect([status, body.code]).toEqual([415, 'unsupported-content-type']);
    });

    test('Host and X-Forwarded-Host change nothing', async () => {
      const headers = {
        'x-forwarded-host': 'evil.example',
        'x-forwarded-proto': 'https',
        origin: 'https://evil.example',
      };
      expect((await service.signUp({}, headers)).status).toBe(403);
    });
  });

  describe('names', () => {
    test.each([
      ['one character', 'x', 'x'],
      ['eighty characters', 'x'.repeat(80), 'x'.repeat(80)],
      ['Hangul, spaces around it', '  마루 마당 ', '마루 마당'],
      ['emoji joined by U+200D', '👩‍👩‍👧', '👩‍👩‍👧'],
      ['markup, which is only text', '<b>"&', '<b>"&'],
    ])('%s is kept', async (_name, name, kept) => {
      const { status, body } = await service.signUp({ name });
      expect([status, body.user?.name]).toEqual([200, kept]);
    });

    test.each([
      ['nothing', ''],
      ['spaces', '   '],
      ['eighty-one characters', 'x'.repeat(81)],
      ['a line end', 'Ann\nBob'],
      ['a NUL', 'Ann\0'],
      ['half a surrogate pair', 'Ann\ud800'],
      ['a right-to-left override', 'Ann\u202etxt'],
      ['a line separator', 'Ann\u2028Bob'],
    ])('%s is refused, at sign-up and later', async (_name, name) => {
      const { status, body } = await service.signUp({ name });
      expect([status, body.code]).toEqual([400, 'INVALID_NAME']);
      expect(body.message).toMatch(/1 to 80 characters/);
      const { token } = (await service.signUp()).body;
      const renamed = await service.call('POST', '/auth/update-user', { token, body: { name } });
      expect([renamed.status, renamed.body.code]).toEqual([400, 'INVALID_NAME']);
    });

    test('a picture is not kept', async () => {
      const { body } = await service.signUp({ image: 'https://tracker.example/pixel' });
      expect(body.user.image).toBeNull();
    });
  });

  test.each([
    ['7 characters of password', { password: 'x'.repeat(7) }, 400],
    ['8 characters of password', { password: 'x'.repeat(8) }, 200],
    ['128 characters of password', { password: 'x'.repeat(128) }, 200],
    ['129 characters of password', { password: 'x'.repeat(129) }, 400],
    ['no e-mail address', { email: 'ann' }, 400],
    ['an e-mail address of 254 characters', { email: emailOf(254) }, 200],
    ['an e-mail address of 255 characters', { email: emailOf(255) }, 400],
    ['no name', { name: undefined }, 400],
    ['a name that is no text', { name: { toString: 'x' } }, 400],
  ])('a sign-up with %s', async (_name, fields, expected) => {
    const { status, body } = await service.signUp(fields);
    expect(status).toBe(expected);
    if (expected !== 200) expect(body).toEqual({ code: expect.any(String), message: expect.any(String) });
  });

  test('an address has one account', async () => {
    const email = 'taken@example.com';
    expect((await service.signUp({ email })).status).toBe(200);
    const { status, body } = await service.signUp({ email: email.toUpperCase() });
    expect([status, body.code]).toEqual([422, 'USER_ALREADY_EXISTS_USE_ANOTHER_EMAIL']);
  });

  test.each(['{', '"x"', '[]', 'null', '1'])('a body of %s is refused', async (body) => {
    const answer = await service.call('POST', '/auth/sign-in/email', { body });
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ code: expect.any(String), message: expect.any(String) });
  });

  test('a body of 64 KiB is read and one octet more is not', async () => {
    const sized = (octets: number) => {
      const credentials = JSON.stringify({ email: 'nobody@example.com', password: 'nobody knows' });
      return { body: credentials.padEnd(octets) };
    };
    expect((await service.call('POST', '/auth/sign-in/email', sized(MAX_BODY_OCTETS))).status).toBe(401);
    const past = await service.call('POST', '/auth/sign-in/email', sized(MAX_BODY_OCTETS + 1));
    expect([past.status, past.body.code]).toEqual([413, 'payload-too-large']);
  });

  test('a chunked body without end is cut off at the limit', async () => {
    const socket = connect(service.port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(
      'POST /auth/sign-in/email HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
    );
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`;
    socket.write(chunk);
    socket.write(chunk);
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 413 .*payload-too-large/s);
  });

  test.each([
    '/auth',
    '/auth/',
    '/auth/ok',
    '/auth/error',
    '/auth/sign-in/social',
    '/auth/callback/x',
    '/auth/jwks/',
    '/auth//jwks',
    '/auth/constructor',
    '/other',
    '/',
  ])('there is nothing at %s', async (path) => {
    const { status, body } = await service.call('GET', path);
    expect(status).toBe(404);
    expect(body).toEqual({ code: 'not-found', message: expect.any(String) });
  });

  test('another method is told which one is taken', async () => {
    const { status, body, headers } = await service.call('GET', '/auth/sign-in/email');
    expect([status, body.code, headers.get('allow')]).toEqual([405, 'method-not-allowed', 'POST']);
  });

  test('an upgrade is refused and its socket closed', async () => {
    const socket = connect(service.port, '127.0.0.1');
    socket.write('GET /auth/token HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n');
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 404 .*Connection: close.*"code":"not-found"/s);
  });

  test('TK20 no token and no password was logged at any level', async () => {
    const { token } = (await service.signUp({ name: 'bad\nname' })).body;
    expect(token).toBeUndefined();
    const session = (await service.signUp()).body.token;
    const access = (await service.call('GET', '/auth/token', { token: session })).body.token;
    await service.signUp({}, { origin: 'http://evil.example', authorization: `Bearer ${session}` });
    const log = service.logged.join('');
    expect(log).toContain('Invalid origin');
    for (const secret of [session, access, PASSWORD, SECRET]) expect(log).not.toContain(secret);
  });

  test('the database is for its owner alone', () => {
    for (const file of ['identity.db', 'identity.db-wal', 'identity.db-shm']) {
      expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
    }
  });
});

describe('a service of its own', () => {
  let folder: string;
  let service: Running | undefined;
  beforeEach(() => {
    folder = temporaryFolder();
  });
  afterEach(async () => {
    await service?.stop();
    service = undefined;
    rmSync(folder, { recursive: true });
  });

  test('finds its accounts, sessions and keys again after a restart', async () => {
    const email = 'ann@example.com';
    service = await start(folder);
    const session = (await service.signUp({ email })).body.token;
    const before = (await service.call('GET', '/auth/token', { token: session })).body.token;
    const keys = (await service.call('GET', '/auth/jwks')).body;
    await service.stop();

    service = await start(folder);
    expect((await service.call('GET', '/auth/jwks')).body).toEqual(keys);
    expect(await service.verifier().verify(before)).toMatchObject({ name: 'Ann' });
    const after = (await service.call('GET', '/auth/token', { token: session })).body.token;
    expect(await service.verifier().verify(after)).toMatchObject({ name: 'Ann' });
    const signIn = { body: { email, password: PASSWORD } };
    expect((await service.call('POST', '/auth/sign-in/email', signIn)).status).toBe(200);
  });

  test('does not open with another secret than the one that its keys were encrypted with', async () => {
    service = await start(folder);
    await service.stop();
    service = undefined;
    await expect(start(folder, { secret: `${SECRET}x` })).rejects.toThrow(/another identity secret/);
    service = await start(folder);
    expect((await service.call('GET', '/auth/jwks')).status).toBe(200);
  });

  describe('guesses of a password', () => {
    const email = 'ann@example.com';
    let now: number;
    let signIn: (password: string, address?: string) => Promise<Awaited<ReturnType<Running['call']>>>;
    beforeEach(async () => {
      now = Date.now();
      const limited = await start(folder, {
        rateLimit: { failedSignIns: 3, windowSeconds: 60 },
        now: () => now,
      });
      service = limited;
      await limited.signUp({ email });
      signIn = (password, address = '192.0.2.1') =>
        limited.call('POST', '/auth/sign-in/email', {
          body: { email, password },
          headers: { 'x-forwarded-for': address },
        });
    });
    const statusesOf = async (answers: readonly ReturnType<typeof signIn>[]) =>
      (await Promise.all(answers)).map(({ status }) => status);

    test('past the limit are refused, with when to come again, and so is the right one', async () => {
      for (let n = 0; n < 3; n += 1) expect((await signIn('wrong one')).status).toBe(401);
      for (const password of ['wrong one', PASSWORD]) {
        const { status, body, headers } = await signIn(password);
        expect([status, body.code, headers.get('retry-after')]).toEqual([429, 'too-many-requests', '60']);
      }
      expect((await signIn(PASSWORD, '192.0.2.2')).status).toBe(200);
      now += 59_001;
      expect((await signIn(PASSWORD)).headers.get('retry-after')).toBe('1');
      now += 999;
      expect((await signIn(PASSWORD)).status).toBe(200);
    });

    test('that are right are not counted, however many come at once', async () => {
      expect(await statusesOf(Array.from({ length: 12 }, () => signIn(PASSWORD)))).toEqual(
        Array.from({ length: 12 }, () => 200),
      );
      // Nor do they take anything back from those that were wrong.
      for (let n = 0; n < 3; n += 1) expect((await signIn('wrong one')).status).toBe(401);
      expect((await signIn(PASSWORD)).status).toBe(429);
    });

    test('that are wrong and come at once are all counted', async () => {
      await statusesOf(Array.from({ length: 3 }, () => signIn('wrong one')));
      expect((await signIn('wrong one')).status).toBe(429);
    });

    test('whose body is held back until the limit is reached are refused untried', async () => {
      const received = service?.received(1);
      const held = request(`${service?.url}/auth/sign-in/email`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-forwarded-for': '192.0.2.1' },
      });
      held.write('{');
      await received;
      for (let n = 0; n < 3; n += 1) expect((await signIn('wrong one')).status).toBe(401);
      held.end(JSON.stringify({ email, password: PASSWORD }).slice(1));
      const [answer] = (await once(held, 'response')) as [IncomingMessage];
      expect([answer.statusCode, answer.headers['retry-after']]).toEqual([429, '60']);
      answer.resume();
    });

    test('in a change of password count as well', async () => {
      const { token } = (await signIn(PASSWORD)).body;
      const change = (currentPassword: string) =>
        service?.call('POST', '/auth/change-password', {
          token,
          body: { currentPassword, newPassword: 'another horse' },
          headers: { 'x-forwarded-for': '192.0.2.1' },
        });
      for (let n = 0; n < 3; n += 1) expect((await change('wrong one'))?.status).toBe(400);
      expect((await change(PASSWORD))?.status).toBe(429);
    });
  });

  test('counts clients behind trusted proxies, and believes nothing before those', async () => {
    service = await start(folder, { rateLimit: { requests: 1 }, trustedProxies: ['10.0.0.0/8', '::1'] });
    const from = async (chain: string) =>
      (await service?.call('GET', '/auth/jwks', { headers: { 'x-forwarded-for': chain } }))?.status;
    expect(await from('192.0.2.1, 10.0.0.1')).toBe(200);
    expect(await from('192.0.2.2, 10.0.0.1')).toBe(200);
    expect(await from('192.0.2.1')).toBe(429);
    expect(await from('made up, 192.0.2.2, 10.9.9.9, ::1')).toBe(429);
    expect(await from('10.0.0.3, 10.0.0.4')).toBe(200);
  });

  test('limits sign-ups and other calls of one address', async () => {
    service = await start(folder, { rateLimit: { signUps: 1, requests: 2 } });
    expect((await service.signUp()).status).toBe(200);
    expect((await service.signUp()).status).toBe(429);
    expect((await service.call('GET', '/auth/jwks')).status).toBe(200);
    expect((await service.call('GET', '/auth/jwks')).status).toBe(200);
    expect((await service.call('GET', '/auth/jwks')).status).toBe(429);
  });

  test('answers the calls that began before it closed, and refuses the next', async () => {
    service = await start(folder);
    const received = service.received(3);
    const signUps = [service.signUp(), service.signUp(), service.signUp()];
    await received;
    await service.close();
    expect((await Promise.all(signUps)).map((answer) => answer.status)).toEqual([200, 200, 200]);
    const { status, body } = await service.call('GET', '/auth/jwks');
    expect([status, body.code]).toEqual([503, 'going-away']);
  });
});
