// Which tokens are believed, and what is asked of an issuer's key server.
import { createHmac } from 'node:crypto';
import { MaruError } from '@maru/contract';
import { exportSPKI } from 'jose';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PrincipalCache } from '../../src/identity/principal-cache.ts';
import {
  createTokenVerifier,
  type IssuerOptions,
  type TokenVerifierOptions,
} from '../../src/identity/token-verifier.ts';
import {
  type Claims,
  createSigningKey,
  openTestIssuer,
  type SigningKey,
  type TestIssuer,
} from './test-issuer.ts';

const LOCAL = 'http://localhost:19091';
let key: SigningKey;
let local: TestIssuer;

beforeEach(async () => {
  key = await createSigningKey('key-1');
  local = await openTestIssuer(LOCAL, [key]);
});
afterEach(() => local.close());

function verifier(options: Partial<TokenVerifierOptions> = {}, issuer: Partial<IssuerOptions> = {}) {
  const { issuer: name, jwksUrl, audience } = local;
  return createTokenVerifier({
    issuers: [{ issuer: name, jwksUrl, audience, ...issuer }],
    localIssuer: LOCAL,
    jwksIntervalMs: 100,
    ...options,
  });
}

async function codeOf(verification: Promise<unknown>): Promise<string> {
  try {
    await verification;
    return 'accepted';
  } catch (error) {
    return error instanceof MaruError ? error.code : `not a MaruError: ${String(error)}`;
  }
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');

describe('a good token', () => {
  test('names its principal', async () => {
    const exp = Math.floor(Date.now() / 1000) + 900;
    expect(await verifier().verify(await local.sign(key, { exp }))).toEqual({
      userId: 'ann',
      issuer: LOCAL,
      subject: 'ann',
      name: 'Ann',
      roles: ['ROLE_GENERAL'],
      expiresAt: exp * 1000,
    });
  });

  test('is fetched for once and then costs no request', async () => {
    const { verify } = verifier();
    const token = await local.sign(key);
    const first = await verify(token);
    expect(await verify(token)).toBe(first);
    await verify(await local.sign(key, { sub: 'bob' }));
    expect(local.hits).toBe(1);
  });

  test('verified many times at once is verified once', async () => {
    const { verify } = verifier();
    const token = await local.sign(key);
    const principals = await Promise.all(Array.from({ length: 50 }, () => verify(token)));
    expect(new Set(principals).size).toBe(1);
  });

  test.each([
    ['no type', undefined, 'accepted'],
    ['JWT', 'JWT', 'accepted'],
    ['at+jwt', 'at+jwt', 'accepted'],
    ['a logout token', 'logout+jwt', 'token-invalid'],
    ['a ticket', 'maru-ticket', 'token-invalid'],
  ])('may be of the type of an access token only: %s', async (_name, typ, outcome) => {
    expect(await codeOf(verifier().verify(await local.sign(key, {}, typ === undefined ? {} : { typ })))).toBe(
      outcome,
    );
  });
});

describe('the form of a token', () => {
  test('none at all is a missing token', async () => {
    expect(await codeOf(verifier().verify(''))).toBe('token-missing');
  });

  test.each(['x', 'a.b', 'a.b.c', 'a.b.c.d', '..', ' ', 'e30.e30.e30', '{}', '가.나.다', '\0', 'null'])(
    'garbage is an invalid token: %j',
    async (token) => {
      expect(await codeOf(verifier().verify(token))).toBe('token-invalid');
      expect(local.hits).toBe(0);
    },
  );

  test('4096 octets are read and 4097 are not', async () => {
    // base64url skips a length now and then; a little more in the header brings every total within reach.
    const ofLength = async (length: number) => {
      for (const pad of ['', 'p', 'pp']) {
        const least = (await local.sign(key, { padding: '' }, { pad })).length;
        const about = Math.floor(((length - least) * 3) / 4);
        for (const octets of [about - 1, about, about + 1]) {
          const token = await local.sign(key, { padding: 'x'.repeat(octets) }, { pad });
          if (token.length === length) return token;
        }
      }
      throw new Error(`no token of ${length} octets`);
    };
    expect(await codeOf(verifier().verify(await ofLength(4096)))).toBe('accepted');
    expect(await codeOf(verifier().verify(await ofLength(4097)))).toBe('token-invalid');
    expect(await codeOf(verifier().verify('a'.repeat(1_000_000)))).toBe('token-invalid');
  });

  test('one character changed anywhere is an invalid token (TK08)', async () => {
    const { verify } = verifier();
    const token = await local.sign(key);
    await verify(token);
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const outcomes = new Set<string>();
    for (let at = 0; at < token.length; at += 1) {
      const index = alphabet.indexOf(token.charAt(at));
      if (index === -1) continue;
      // The lowest bit: in the signature's last character no octet uses it.
      const flipped = token.slice(0, at) + alphabet.charAt(index ^ 1) + token.slice(at + 1);
      outcomes.add(await codeOf(verify(flipped)));
    }
    expect([...outcomes]).toEqual(['token-invalid']);
  });

  test.each(['%s ', ' %s', '%s\n', '%s=', '%s.', '%s.e30'])(
    'the token within %j is an invalid token',
    async (frame) => {
      const { verify } = verifier();
      expect(await codeOf(verify(frame.replace('%s', await local.sign(key))))).toBe('token-invalid');
    },
  );
});

describe('algorithms (TK07)', () => {
  test.each(['none', 'None', 'NONE', ''])('an unsigned token is refused: alg %j', async (alg) => {
    const claims = part({ iss: LOCAL, aud: 'maru', sub: 'ann', exp: 9e9 });
    const { verify } = verifier();
    expect(await codeOf(verify(`${part({ alg })}.${claims}.`))).toBe('token-invalid');
    expect(await codeOf(verify(`${part({ alg, kid: 'key-1' })}.${claims}.AA`))).toBe('token-invalid');
  });

  test('the public key does not serve as a shared secret', async () => {
    const head = `${part({ alg: 'HS256', kid: 'key-1' })}.${part({ iss: LOCAL, aud: 'maru', sub: 'ann', exp: 9e9 })}`;
    for (const secret of [await exportSPKI(key.publicKey), JSON.stringify(key.jwk)]) {
      const signature = createHmac('sha256', secret).update(head).digest('base64url');
      expect(await codeOf(verifier().verify(`${head}.${signature}`))).toBe('token-invalid');
    }
  });

  test('a good signature of an algorithm that is not allowed is refused', async () => {
    const rsa = await createSigningKey('rsa', 'RS256');
    local.keys = [rsa.jwk];
    const token = await local.sign(rsa, {}, { alg: 'RS256' });
    expect(await codeOf(verifier().verify(token))).toBe('token-invalid');
    expect(await codeOf(verifier({}, { algorithms: ['RS256'] }).verify(token))).toBe('accepted');
  });

  test.each([[['HS256']], [['none']], [['ES256', 'HS512']], [[]]])(
    'an allow-list of %j cannot be configured',
    (algorithms) => {
      expect(() => verifier({}, { algorithms })).toThrow(/must be among/);
    },
  );
});

describe('issuer, audience and subject (TK09)', () => {
  test.each<[string, Claims]>([
    ['another issuer', { iss: 'http://evil.example' }],
    ['the issuer with a slash behind it', { iss: `${LOCAL}/` }],
    ['no issuer', { iss: undefined }],
    ['another audience', { aud: 'other' }],
    ['a longer audience', { aud: 'maru2' }],
    ['no audience', { aud: undefined }],
    ['an empty list of audiences', { aud: [] }],
    ['no subject', { sub: undefined }],
    ['an empty subject', { sub: '' }],
    ['a subject that is no text', { sub: 1 }],
    ['a subject with a line end', { sub: 'ann\nbob' }],
    ['a subject one past the limit', { sub: 'x'.repeat(129) }],
  ])('%s is refused', async (_name, claims) => {
    expect(await codeOf(verifier().verify(await local.sign(key, claims)))).toBe('token-invalid');
  });

  test('a list of audiences with ours and a subject at the limit are accepted', async () => {
    const token = await local.sign(key, { aud: ['other', 'maru'], sub: 'x'.repeat(128) });
    expect(await codeOf(verifier().verify(token))).toBe('accepted');
  });

  test("another issuer's subject is another user, and its keys are good for its own tokens only", async () => {
    const foreignKey = await createSigningKey('key-1');
    const foreign = await openTestIssuer('https://login.example', [foreignKey]);
    try {
      const { verify } = createTokenVerifier({ issuers: [local, foreign], localIssuer: LOCAL });
      const ours = await verify(await local.sign(key));
      const theirs = await verify(await foreign.sign(foreignKey));
      expect(ours.userId).toBe('ann');
      expect(theirs.subject).toBe('ann');
      expect(theirs.userId).toMatch(/^[A-Za-z0-9_-]{32}$/);
      expect(await codeOf(verify(await local.sign(foreignKey)))).toBe('token-invalid');
    } finally {
      await foreign.close();
    }
  });
});

describe('time (TK10)', () => {
  const NOW = 1_800_000_000;
  test.each<[string, Claims, string]>([
    ['exp a second ahead', { exp: NOW + 1 }, 'accepted'],
    ['exp within the skew', { exp: NOW - 4 }, 'accepted'],
    ['exp at the skew', { exp: NOW - 5 }, 'token-expired'],
    ['exp past the skew', { exp: NOW - 6 }, 'token-expired'],
    ['no exp', { exp: undefined }, 'token-invalid'],
    ['exp that is a text', { exp: `${NOW + 900}` }, 'token-invalid'],
    ['exp beyond every date', { exp: 1e300 }, 'token-invalid'],
    ['nbf at the skew', { exp: NOW + 900, nbf: NOW + 5 }, 'accepted'],
    ['nbf past the skew', { exp: NOW + 900, nbf: NOW + 6 }, 'token-invalid'],
  ])('%s: %s', async (_name, claims, outcome) => {
    expect(await codeOf(verifier({ now: () => NOW * 1000 }).verify(await local.sign(key, claims)))).toBe(
      outcome,
    );
  });

  test('a remembered token ends when it expires', async () => {
    let now = NOW * 1000;
    const { verify } = verifier({ now: () => now });
    const token = await local.sign(key, { exp: NOW + 900 });
    expect(await codeOf(verify(token))).toBe('accepted');
    now = (NOW + 905) * 1000 - 1;
    expect(await codeOf(verify(token))).toBe('accepted');
    now += 1;
    expect(await codeOf(verify(token))).toBe('token-expired');
  });

  test('a skew of more than a minute cannot be configured', () => {
    expect(() => verifier({ clockSkewSeconds: 60 })).not.toThrow();
    expect(() => verifier({ clockSkewSeconds: 61 })).toThrow(RangeError);
  });
});

describe('keys named in the token (TK11)', () => {
  test.each(['../../etc/passwd', "key-1' OR '1'='1", 'http://127.0.0.1/x', '', '__proto__', 'key-1\0'])(
    'the key id %j opens nothing',
    async (kid) => {
      const forger = await createSigningKey(kid);
      expect(await codeOf(verifier().verify(await local.sign(forger, {}, { kid })))).toBe('token-invalid');
    },
  );

  test('a key, or an address of keys, in the header is not used', async () => {
    const forger = await createSigningKey('forger');
    const trap = await openTestIssuer('trap', [forger]);
    try {
      for (const header of [{ jku: trap.jwksUrl }, { x5u: trap.jwksUrl }, { jwk: forger.jwk }]) {
        const token = await local.sign(forger, {}, { kid: undefined, ...header });
        expect(await codeOf(verifier().verify(token))).toBe('token-invalid');
      }
      expect(trap.hits).toBe(0);
    } finally {
      await trap.close();
    }
  });

  test('a critical header that is not understood is refused', async () => {
    const [, claims] = (await local.sign(key)).split('.');
    const head = `${part({ alg: 'ES256', kid: 'key-1', crit: ['exp'], exp: 1 })}.${claims}`;
    const signature = await crypto.subtle.sign(
      { name: 'ECDSA', hash: 'SHA-256' },
      key.privateKey,
      Buffer.from(head),
    );
    const token = `${head}.${Buffer.from(signature).toString('base64url')}`;
    expect(await codeOf(verifier().verify(token))).toBe('token-invalid');
  });
});

describe('the key server (TK14)', () => {
  test('a rotation under load refuses no good token', async () => {
    const { verify } = verifier();
    await verify(await local.sign(key));
    const next = await createSigningKey('key-2');
    local.keys = [key.jwk, next.jwk];
    const tokens = await Promise.all(
      Array.from({ length: 40 }, (_, n) => local.sign(n % 2 === 0 ? key : next, { sub: `u${n}` })),
    );
    const outcomes = await Promise.all(tokens.map((token) => codeOf(verify(token))));
    expect(new Set(outcomes)).toEqual(new Set(['accepted']));
    expect(local.hits).toBe(2);
  });

  test('a flood of unknown key ids makes one request an interval', async () => {
    const { verify } = verifier({ jwksIntervalMs: 200 });
    await verify(await local.sign(key));
    const began = performance.now();
    for (let round = 0; round < 3; round += 1) {
      const tokens = await Promise.all(
        Array.from({ length: 30 }, (_, n) => local.sign(key, {}, { kid: `made-up-${round}-${n}` })),
      );
      const outcomes = await Promise.all(tokens.map((token) => codeOf(verify(token))));
      expect(new Set(outcomes)).toEqual(new Set(['token-invalid']));
    }
    const intervals = Math.floor((performance.now() - began) / 200) + 1;
    expect(local.hits).toBeLessThanOrEqual(1 + intervals);
    expect(local.hits).toBeLessThanOrEqual(4);
  });

  test('while it is down the last good keys stay', async () => {
    const { verify } = verifier({ jwksMaxAgeMs: 0 });
    await verify(await local.sign(key));
    local.keys = undefined;
    expect(await codeOf(verify(await local.sign(key, { sub: 'bob' })))).toBe('accepted');
    const stranger = await createSigningKey('key-2');
    expect(await codeOf(verify(await local.sign(stranger)))).toBe('token-invalid');
    expect(await codeOf(verify(await local.sign(key, { sub: 'eve' })))).toBe('accepted');
    expect(local.hits).toBeGreaterThan(1);
  });

  test('down from the start it is unavailable, and is asked again', async () => {
    const { verify } = verifier({ jwksIntervalMs: 20 });
    const token = await local.sign(key);
    const good = local.keys;
    for (const broken of [undefined, []]) {
      local.keys = broken;
      expect(await codeOf(verify(token))).toBe('upstream-unavailable');
    }
    local.keys = good;
    expect(await codeOf(verify(token))).toBe('accepted');
  });

  test('withdrawn keys go away once the keys are old', async () => {
    const { verify } = verifier({ jwksMaxAgeMs: 0, jwksIntervalMs: 0 });
    await verify(await local.sign(key));
    const next = await createSigningKey('key-2');
    local.keys = [next.jwk];
    // The old keys answer while the new ones are fetched behind them.
    await expect
      .poll(async () => codeOf(verify(await local.sign(key, { jti: crypto.randomUUID() }))))
      .toBe('token-invalid');
    expect(await codeOf(verify(await local.sign(next)))).toBe('accepted');
  });
});

describe('what a principal is made of', () => {
  test.each<[string, unknown, readonly string[]]>([
    ['a list of texts', ['A', 'B'], ['A', 'B']],
    ['one text', 'ROLE_ADMIN', []],
    ['a list with something else in it', ['A', 1], []],
    ['an object', { 0: 'A', length: 1 }, []],
    ['nothing', undefined, []],
  ])('roles: %s', async (_name, roles, expected) => {
    expect((await verifier().verify(await local.sign(key, { roles }))).roles).toEqual(expected);
  });

  test('roles and name are found where the issuer has them', async () => {
    const { verify } = verifier({}, { rolesClaim: 'realm_access.roles', nameClaim: 'preferred_username' });
    const claims = { realm_access: { roles: ['X'] }, preferred_username: 'Annie' };
    expect(await verify(await local.sign(key, claims))).toMatchObject({ name: 'Annie', roles: ['X'] });
    expect(await verify(await local.sign(key, { realm_access: 'x' }))).toMatchObject({
      name: 'ann',
      roles: [],
    });
    const dotted = verifier({}, { rolesClaim: 'https://example.com/roles' });
    expect(await dotted.verify(await local.sign(key, { 'https://example.com/roles': ['Y'] }))).toMatchObject({
      roles: ['Y'],
    });
    expect((await verifier({}, { rolesClaim: '__proto__.x' }).verify(await local.sign(key))).roles).toEqual(
      [],
    );
  });

  test.each([
    ['An\nn\u202e', 'An n'],
    [`${'x'.repeat(79)}😀`, `${'x'.repeat(79)}\ufffd`],
    ['x'.repeat(81), 'x'.repeat(80)],
    ['  ', 'ann'],
    [42, 'ann'],
  ])('the name %j is shown as %j', async (name, shown) => {
    expect((await verifier().verify(await local.sign(key, { name }))).name).toBe(shown);
  });
});

test('the cache keeps as many as it may, the most recently used ones', () => {
  const cache = new PrincipalCache(2);
  const ann = {
    userId: 'ann',
    issuer: LOCAL,
    subject: 'ann',
    name: 'Ann',
    roles: [],
    expiresAt: 100,
  };
  cache.keep('a', ann, 100);
  cache.keep('b', ann, 100);
  expect(cache.find('a', 0)).toBe(ann);
  cache.keep('c', ann, 100);
  expect(cache.size).toBe(2);
  expect(cache.find('b', 0)).toBeUndefined();
  expect(cache.find('a', 99)).toBe(ann);
  expect(cache.find('a', 100)).toBeUndefined();
  expect(cache.size).toBe(1);
});
