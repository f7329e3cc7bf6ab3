// Good tokens and the people they name; what form a token must have. The rules that it must keep: token-rules.test.ts.
import { MaruError } from '@maru/contract';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PrincipalCache } from '../../src/identity/principal-cache.ts';
import {
  createTokenVerifier,
  type IssuerOptions,
  type TokenVerifierOptions,
} from '../../src/identity/token-verifier.ts';
import { createSigningKey, openTestIssuer, type SigningKey, type TestIssuer } from './test-issuer.ts';

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

  test.each(['%s ', ' %s', '%s\n', '%s=', '%s.', '%s.e30'])(
    'the token within %j is an invalid token',
    async (frame) => {
      const { verify } = verifier();
      expect(await codeOf(verify(frame.replace('%s', await local.sign(key))))).toBe('token-invalid');
    },
  );
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
