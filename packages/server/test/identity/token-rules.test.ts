// The rules of RFC 8725 and RFC 7519, each tried by somebody who wants a token believed that must not be.
import { createHmac, generateKeyPairSync, KeyObject, sign } from 'node:crypto';
import { createServer, type Server } from 'node:net';
import { MaruError } from '@maru/contract';
import { CompactEncrypt, exportSPKI, generateKeyPair } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
  signText,
  type TestIssuer,
} from './test-issuer.ts';

const LOCAL = 'http://localhost:19091';
const CLAIMS = { iss: LOCAL, aud: 'maru', sub: 'ann', exp: 9e9 };
const HEADER = { alg: 'ES256', kid: 'key-1' };

let key: SigningKey;
let local: TestIssuer;
/** What nobody may call: it counts connections, not requests. */
let trap: Server;
let trapUrl: string;
let calls = 0;

beforeAll(async () => {
  key = await createSigningKey('key-1');
  local = await openTestIssuer(LOCAL, [key]);
  trap = createServer((socket) => {
    calls += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => trap.listen(0, '127.0.0.1', resolve));
  const address = trap.address();
  trapUrl = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
});
afterAll(async () => {
  await local.close();
  await new Promise((resolve) => trap.close(resolve));
  // Whatever any test here named in a token: nobody asked for it.
  expect(calls).toBe(0);
});

function verifier(options: Partial<TokenVerifierOptions> = {}, issuer: Partial<IssuerOptions> = {}) {
  const { issuer: name, jwksUrl, audience } = local;
  return createTokenVerifier({
    issuers: [{ issuer: name, jwksUrl, audience, ...issuer }],
    localIssuer: LOCAL,
    jwksIntervalMs: 20,
    ...options,
  });
}

async function outcome(verification: Promise<unknown>): Promise<string> {
  try {
    await verification;
    return 'accepted';
  } catch (error) {
    return error instanceof MaruError ? error.code : `not a MaruError: ${String(error)}`;
  }
}

const outcomeOf = (token: string) => outcome(verifier().verify(token));
const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url');
/** Signed by the issuer's own key, so that nothing but the named rule can refuse it. */
const signed = (header: object, claims: object = CLAIMS) =>
  signText(key, JSON.stringify({ ...HEADER, ...header }), JSON.stringify(claims));

test('a token made as these tests make theirs is good', async () => {
  expect(await outcomeOf(signed({}))).toBe('accepted');
});

describe('algorithms', () => {
  test.each(['none', 'None', 'NONE', 'nOnE', '', ' none'])(
    'TK07 an unsigned token is refused: alg %j',
    async (alg) => {
      const text = `${part({ ...HEADER, alg })}.${part(CLAIMS)}`;
      const [, , signature] = signed({}).split('.');
      for (const token of [`${text}.`, `${text}.AA`, `${text}.${signature}`]) {
        expect(await outcomeOf(token)).toBe('token-invalid');
      }
    },
  );

  test.each([
    undefined,
    null,
    1,
    ['ES256'],
    {},
    'es256',
    'ES256 ',
    'ES256K',
    'RS256',
    'EdDSA',
    'PBES2',
    'dir',
  ])('TK07 an alg of %j is refused over a good signature', async (alg) => {
    expect(await outcomeOf(signed({ alg }))).toBe('token-invalid');
  });

  /** Every form in which somebody has the issuer's public key. */
  const forms: [string, (key: SigningKey) => Promise<string | Buffer> | string | Buffer][] = [
    ['PEM', ({ publicKey }) => exportSPKI(publicKey)],
    ['PEM with a line end behind it', async ({ publicKey }) => `${await exportSPKI(publicKey)}\n`],
    ['PEM with CRLF', async ({ publicKey }) => (await exportSPKI(publicKey)).replaceAll('\n', '\r\n')],
    [
      'PEM in one line',
      async ({ publicKey }) => (await exportSPKI(publicKey)).replaceAll(/-+[^-]+-+|\n/g, ''),
    ],
    ['DER', ({ publicKey }) => KeyObject.from(publicKey).export({ type: 'spki', format: 'der' })],
    ['JWK as the key server has it', ({ jwk }) => JSON.stringify(jwk)],
    [
      'JWK with only its key',
      ({ publicKey }) => JSON.stringify(KeyObject.from(publicKey).export({ format: 'jwk' })),
    ],
    ['key set', ({ jwk }) => JSON.stringify({ keys: [jwk] })],
    ['x', ({ jwk }) => Buffer.from(jwk.x ?? jwk.n ?? '', 'base64url')],
    ['x as text', ({ jwk }) => jwk.x ?? jwk.n ?? ''],
    ['key id', ({ kid }) => kid],
    ['nothing', () => ''],
  ];
  for (const algorithm of ['ES256', 'RS256']) {
    test.each(forms)(`TK07 the public key of ${algorithm} is no shared secret: %s`, async (_form, form) => {
      const own = await createSigningKey('confused', algorithm);
      const issuer = await openTestIssuer(LOCAL, [own]);
      try {
        const { verify } = verifier({}, { jwksUrl: issuer.jwksUrl, algorithms: [algorithm] });
        expect(await outcome(verify(await issuer.sign(own, {}, { alg: algorithm })))).toBe('accepted');
        for (const bits of ['256', '384', '512']) {
          for (const kid of [own.kid, undefined]) {
            const text = `${part({ alg: `HS${bits}`, kid })}.${part(CLAIMS)}`;
            const signature = createHmac(`sha${bits}`, await form(own))
              .update(text)
              .digest('base64url');
            expect(await outcome(verify(`${text}.${signature}`))).toBe('token-invalid');
          }
        }
      } finally {
        await issuer.close();
      }
    });
  }

  test('TK07 TK13 a shared secret among the keys of the key server is not used', async () => {
    const secret = 'a shared secret that a careless issuer publishes';
    const k = Buffer.from(secret).toString('base64url');
    const issuer = await openTestIssuer(LOCAL, [key]);
    issuer.keys = [key.jwk, { kty: 'oct', k, kid: 'shared', alg: 'HS256', use: 'sig' }];
    const text = `${part({ alg: 'HS256', kid: 'shared' })}.${part(CLAIMS)}`;
    const signature = createHmac('sha256', secret).update(text).digest('base64url');
    const { verify } = verifier({}, { jwksUrl: issuer.jwksUrl });
    expect(await outcome(verify(`${text}.${signature}`))).toBe('token-invalid');
    expect(await outcome(verify(signed({})))).toBe('accepted');
    await issuer.close();
  });

  test('TK07 a good signature of an algorithm that is not on the list is refused', async () => {
    const rsa = await createSigningKey('rsa', 'RS256');
    const issuer = await openTestIssuer(LOCAL, [rsa]);
    const { jwksUrl } = issuer;
    const token = await issuer.sign(rsa, {}, { alg: 'RS256' });
    expect(await outcome(verifier({}, { jwksUrl }).verify(token))).toBe('token-invalid');
    expect(await outcome(verifier({}, { jwksUrl, algorithms: ['PS256', 'RS512'] }).verify(token))).toBe(
      'token-invalid',
    );
    expect(await outcome(verifier({}, { jwksUrl, algorithms: ['RS256'] }).verify(token))).toBe('accepted');
    await issuer.close();
  });

  test('TK07 an RSA key of fewer than 2048 bits is not used', async () => {
    const issuer = await openTestIssuer(LOCAL, []);
    for (const [bits, expected] of [
      [1024, 'token-invalid'],
      [2048, 'accepted'],
    ] as const) {
      const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: bits });
      issuer.keys = [{ ...publicKey.export({ format: 'jwk' }), kid: 'rsa', alg: 'RS256' }];
      const text = `${part({ alg: 'RS256', kid: 'rsa' })}.${part(CLAIMS)}`;
      const token = `${text}.${sign('sha256', Buffer.from(text), privateKey).toString('base64url')}`;
      const { verify } = verifier({}, { jwksUrl: issuer.jwksUrl, algorithms: ['RS256'] });
      expect([bits, await outcome(verify(token))]).toEqual([bits, expected]);
    }
    await issuer.close();
  });

  test.each([
    ['of another curve', 'ES384', {}],
    ['for encryption', 'ES256', { use: 'enc' }],
    ['for signing only', 'ES256', { key_ops: ['sign'] }],
    ['of another algorithm by its own word', 'ES256', { alg: 'ES384' }],
  ])('TK07 a key %s does not fit', async (_what, algorithm, change) => {
    const other = await createSigningKey('key-1', algorithm);
    const issuer = await openTestIssuer(LOCAL, [other]);
    issuer.keys = [{ ...other.jwk, ...change }];
    const { verify } = verifier({}, { jwksUrl: issuer.jwksUrl, algorithms: ['ES256', 'ES384'] });
    const expected = algorithm === 'ES384' ? 'accepted' : 'token-invalid';
    expect(await outcome(verify(await issuer.sign(other, {}, { alg: algorithm })))).toBe(expected);
    expect(await outcome(verify(signed({})))).toBe('token-invalid');
    await issuer.close();
  });

  test.each([[['HS256']], [['none']], [['ES256', 'HS512']], [[]]])(
    'TK07 TK13 an allow-list of %j cannot be configured',
    (algorithms) => {
      expect(() => verifier({}, { algorithms })).toThrow(/must be among/);
    },
  );
});

describe('signatures', () => {
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

  /** All of them at once: those whose key id was hit wait for the next fetch together. */
  async function outcomesOf(tokens: readonly string[]): Promise<string[]> {
    const { verify } = verifier();
    expect(await outcome(verify(signed({})))).toBe('accepted');
    return [...new Set(await Promise.all(tokens.map((token) => outcome(verify(token)))))];
  }

  test('TK08 one bit flipped anywhere is an invalid token', async () => {
    const token = signed({});
    const flipped = [...token].flatMap((character, at) => {
      const index = ALPHABET.indexOf(character);
      if (index === -1) return [];
      // Also those bits of the last character that no octet uses.
      return [1, 2, 4, 8, 16, 32].map(
        (bit) => token.slice(0, at) + ALPHABET.charAt(index ^ bit) + token.slice(at + 1),
      );
    });
    expect(flipped.length).toBeGreaterThan(1_200);
    expect(await outcomesOf(flipped)).toEqual(['token-invalid']);
  });

  test('TK08 one character left out, put in, doubled or swapped anywhere is an invalid token', async () => {
    const token = signed({});
    const changed = [...token].flatMap((character, at) => {
      const [before, after] = [token.slice(0, at), token.slice(at + 1)];
      const next = token.charAt(at + 1);
      return [
        before + after,
        `${before}A${character}${after}`,
        `${before}.${after}`,
        `${before} ${after}`,
        before,
      ].concat(next === character ? [] : [before + next + character + after.slice(1)]);
    });
    expect(await outcomesOf(changed.filter((text) => text !== token && text !== ''))).toEqual([
      'token-invalid',
    ]);
  });

  test('TK08 the signature of another token, of nothing, or in another form is refused', async () => {
    const [header = '', claims = '', signature = ''] = signed({}).split('.');
    const raw = Buffer.from(signature, 'base64url');
    const other = signed({}, { ...CLAIMS, sub: 'bob' }).split('.')[2];
    const integer = (octets: Buffer) => Buffer.concat([Buffer.from([2, octets.length + 1, 0]), octets]);
    const pair = Buffer.concat([integer(raw.subarray(0, 32)), integer(raw.subarray(32))]);
    const signatures = [
      other,
      // The "psychic signature": r and s of zero, which some libraries took for anything.
      Buffer.alloc(64).toString('base64url'),
      Buffer.alloc(0).toString('base64url'),
      Buffer.concat([Buffer.from([0x30, pair.length]), pair]).toString('base64url'),
      Buffer.concat([raw, Buffer.alloc(1)]).toString('base64url'),
      raw.subarray(0, 63).toString('base64url'),
      raw.toString('hex'),
      `${signature}==`,
      raw.toString('base64'),
    ];
    const tokens = signatures.map((each) => `${header}.${claims}.${each}`);
    expect(await outcomesOf(tokens.filter((token) => token !== `${header}.${claims}.${signature}`))).toEqual([
      'token-invalid',
    ]);
  });

  test('TK08 nothing of the claims is told of a token whose signature is bad', async () => {
    // Expired, and for nobody: said only to who holds a token that was signed.
    const forger = await createSigningKey('key-1');
    for (const claims of [{ exp: 1 }, { aud: 'other' }, { sub: undefined }, { nbf: 9e9 }]) {
      const text = JSON.stringify({ ...CLAIMS, ...claims });
      expect(await outcomeOf(signText(forger, JSON.stringify(HEADER), text))).toBe('token-invalid');
    }
  });

  test('TK08 a token within a token is refused, signed or encrypted', async () => {
    const inner = signed({});
    const nested = signText(key, JSON.stringify({ ...HEADER, cty: 'JWT' }), inner);
    const quoted = signText(key, JSON.stringify({ ...HEADER, cty: 'JWT' }), JSON.stringify(inner));
    const encrypted = await new CompactEncrypt(Buffer.from(inner))
      .setProtectedHeader({ alg: 'ECDH-ES', enc: 'A256GCM', kid: 'key-1', cty: 'JWT' })
      .encrypt((await generateKeyPair('ECDH-ES')).publicKey);
    const [header, claims, signature] = inner.split('.');
    const json = JSON.stringify({ payload: claims, protected: header, signature });
    const general = JSON.stringify({ payload: claims, signatures: [{ protected: header, signature }] });
    for (const token of [nested, quoted, encrypted, json, general, `${header}..${signature}`]) {
      expect(await outcomeOf(token)).toBe('token-invalid');
    }
  });

  test.each(['null', '[]', '"ann"', '1', '', '{', '\ufeff{}', '{"iss":"http://localhost:19091"}x'])(
    'TK08 claims that are no object of JSON are refused: %j',
    async (claims) => {
      expect(await outcomeOf(signText(key, JSON.stringify(HEADER), claims))).toBe('token-invalid');
    },
  );

  test('TK08 of a name that comes twice the last one counts, for everybody who asks', async () => {
    const text = JSON.stringify(CLAIMS).slice(0, -1);
    const head = JSON.stringify(HEADER).slice(0, -1);
    const { verify } = verifier();
    const twice = await verify(signText(key, JSON.stringify(HEADER), `${text},"sub":"bob"}`));
    expect([twice.userId, twice.subject, twice.name]).toEqual(['bob', 'bob', 'bob']);
    const outcomes: [string, string, string][] = [
      [head.concat('}'), `${text},"iss":"http://evil.example"}`, 'token-invalid'],
      [head.concat('}'), `${text},"aud":"other"}`, 'token-invalid'],
      [head.concat('}'), `${text},"exp":1}`, 'token-expired'],
      [head.concat(',"alg":"none"}'), `${text}}`, 'token-invalid'],
      [head.concat(',"alg":"HS256"}'), `${text}}`, 'token-invalid'],
      [head.concat(',"kid":"key-2"}'), `${text}}`, 'token-invalid'],
      [head.concat(',"typ":"logout+jwt"}'), `${text}}`, 'token-invalid'],
    ];
    for (const [header, claims, expected] of outcomes) {
      expect([header, claims, await outcome(verify(signText(key, header, claims)))]).toEqual([
        header,
        claims,
        expected,
      ]);
    }
  });
});

describe('issuer, audience and subject', () => {
  test.each<[string, Claims]>([
    ['another issuer', { iss: 'http://evil.example' }],
    ['the issuer with a slash behind it', { iss: `${LOCAL}/` }],
    ['the issuer in capitals', { iss: LOCAL.toUpperCase() }],
    ['the issuer with a space', { iss: ` ${LOCAL}` }],
    ['no issuer', { iss: undefined }],
    ['an issuer of null', { iss: null }],
    ['a list of issuers', { iss: [LOCAL] }],
    ['an issuer that JavaScript knows', { iss: 'constructor' }],
    ['another audience', { aud: 'other' }],
    ['a longer audience', { aud: 'maru2' }],
    ['the audience in capitals', { aud: 'MARU' }],
    ['no audience', { aud: undefined }],
    ['an audience of null', { aud: null }],
    ['an audience that is an object', { aud: { 0: 'maru', length: 1 } }],
    ['an empty list of audiences', { aud: [] }],
    ['a list of lists of audiences', { aud: [['maru']] }],
    ['no subject', { sub: undefined }],
    ['a subject of null', { sub: null }],
    ['an empty subject', { sub: '' }],
    ['a subject of spaces', { sub: '  ' }],
    ['a subject that is no text', { sub: 1 }],
    ['a list of subjects', { sub: ['ann'] }],
    ['a subject with a line end', { sub: 'ann\nbob' }],
    ['a subject with a NUL', { sub: 'ann\0' }],
    ['a subject one past the limit', { sub: 'x'.repeat(129) }],
  ])('TK09 %s is refused', async (_name, claims) => {
    expect(await outcomeOf(await local.sign(key, claims))).toBe('token-invalid');
  });

  test('TK09 half a surrogate pair in a subject is refused', async () => {
    const claims = JSON.stringify(CLAIMS).replace('"ann"', '"ann\\ud800"');
    expect(await outcomeOf(signText(key, JSON.stringify(HEADER), claims))).toBe('token-invalid');
  });

  test('TK09 a list of audiences with ours and a subject at the limit are accepted', async () => {
    const token = await local.sign(key, { aud: ['other', 'maru'], sub: 'x'.repeat(128) });
    expect(await outcomeOf(token)).toBe('accepted');
  });

  test("TK09 another issuer's subject is another user, and its keys are good for its own tokens only", async () => {
    // The same key id at both, as any issuer may have.
    const foreignKey = await createSigningKey('key-1');
    const foreign = await openTestIssuer('https://login.example', [foreignKey]);
    try {
      const { verify } = createTokenVerifier({ issuers: [local, foreign], localIssuer: LOCAL });
      const [ours, theirs] = [
        await verify(await local.sign(key)),
        await verify(await foreign.sign(foreignKey)),
      ];
      expect([ours.userId, theirs.subject]).toEqual(['ann', 'ann']);
      expect(theirs.userId).toMatch(/^[A-Za-z0-9_-]{32}$/);
      expect(await outcome(verify(await local.sign(foreignKey)))).toBe('token-invalid');
      expect(await outcome(verify(await foreign.sign(key)))).toBe('token-invalid');
    } finally {
      await foreign.close();
    }
  });
});

describe('time', () => {
  const NOW = 1_800_000_000;
  const FAR = NOW + 900;
  const table: [number, Claims, string][] = [
    [5, { exp: NOW + 1 }, 'accepted'],
    [5, { exp: NOW }, 'accepted'],
    [5, { exp: NOW - 4 }, 'accepted'],
    [5, { exp: NOW - 4.5 }, 'accepted'],
    [5, { exp: NOW - 5 }, 'token-expired'],
    [5, { exp: NOW - 6 }, 'token-expired'],
    [0, { exp: NOW + 1 }, 'accepted'],
    [0, { exp: NOW }, 'token-expired'],
    [0, { exp: NOW - 1 }, 'token-expired'],
    [60, { exp: NOW - 59 }, 'accepted'],
    [60, { exp: NOW - 60 }, 'token-expired'],
    [5, { exp: 0 }, 'token-expired'],
    [5, { exp: -1 }, 'token-expired'],
    [5, { exp: undefined }, 'token-invalid'],
    [5, { exp: null }, 'token-invalid'],
    [5, { exp: `${FAR}` }, 'token-invalid'],
    [5, { exp: [FAR] }, 'token-invalid'],
    [5, { exp: true }, 'token-invalid'],
    [5, { exp: FAR * 1_000_000 }, 'token-invalid'],
    [5, { exp: 1e300 }, 'token-invalid'],
    [5, { exp: FAR, nbf: NOW }, 'accepted'],
    [5, { exp: FAR, nbf: NOW + 5 }, 'accepted'],
    [5, { exp: FAR, nbf: NOW + 6 }, 'token-invalid'],
    [0, { exp: FAR, nbf: NOW }, 'accepted'],
    [0, { exp: FAR, nbf: NOW + 1 }, 'token-invalid'],
    [60, { exp: FAR, nbf: NOW + 60 }, 'accepted'],
    [60, { exp: FAR, nbf: NOW + 61 }, 'token-invalid'],
    [5, { exp: FAR, nbf: `${NOW}` }, 'token-invalid'],
    [5, { exp: FAR, nbf: null }, 'token-invalid'],
    [5, { exp: NOW - 6, nbf: NOW + 6 }, 'token-invalid'],
    // When it was made decides nothing; a clock that is ahead harms nobody.
    [5, { exp: FAR, iat: NOW }, 'accepted'],
    [5, { exp: FAR, iat: NOW + 60 }, 'accepted'],
    [5, { exp: FAR, iat: 0 }, 'accepted'],
    [5, { exp: FAR, iat: `${NOW}` }, 'token-invalid'],
    [5, { exp: FAR, iat: null }, 'token-invalid'],
  ];
  test.each(table)('TK10 at 1800000000 with a skew of %i s, %j is %s', async (skew, claims, expected) => {
    const { verify } = verifier({ now: () => NOW * 1000 + 999, clockSkewSeconds: skew });
    expect(await outcome(verify(await local.sign(key, claims)))).toBe(expected);
  });

  test('TK10 a remembered token ends when it expires', async () => {
    let now = NOW * 1000;
    const { verify } = verifier({ now: () => now, jwksMaxAgeMs: 86_400_000 });
    const token = await local.sign(key, { exp: FAR });
    expect(await outcome(verify(token))).toBe('accepted');
    now = (FAR + 5) * 1000 - 1;
    expect(await outcome(verify(token))).toBe('accepted');
    now += 1;
    expect(await outcome(verify(token))).toBe('token-expired');
  });

  test.each([-1, 61, Number.NaN, Number.POSITIVE_INFINITY])(
    'TK10 a skew of %d seconds cannot be configured',
    (clockSkewSeconds) => {
      expect(() => verifier({ clockSkewSeconds })).toThrow(RangeError);
      expect(() => verifier({ clockSkewSeconds: 60 })).not.toThrow();
    },
  );
});

describe('what a header names', () => {
  const kids = () => [
    '../../../../etc/passwd',
    '/dev/null',
    'file:///etc/passwd',
    "key-1' OR '1'='1",
    "x' UNION SELECT 'secret' --",
    '$(curl example.com)',
    `${trapUrl}/jwks`,
    '',
    ' key-1',
    'KEY-1',
    'key-1\0',
    '__proto__',
    'constructor',
    'toString',
    'x'.repeat(2_000),
  ];
  test('TK11 a key id is looked for among the known ones and nowhere else', async () => {
    const { verify } = verifier();
    for (const kid of kids()) {
      const forger = await createSigningKey(kid);
      // Signed by a key of that name, and by the real one under that name.
      const tokens = [forger, key].map((each) =>
        signText(each, JSON.stringify({ ...HEADER, kid }), JSON.stringify(CLAIMS)),
      );
      for (const token of tokens) expect([kid, await outcome(verify(token))]).toEqual([kid, 'token-invalid']);
    }
  });

  test.each([1, 0, true, null, ['key-1'], { kid: 'key-1' }])(
    'TK11 a key id that is no text is refused, over a good signature too: %j',
    async (kid) => {
      expect(await outcomeOf(signed({ kid }))).toBe('token-invalid');
    },
  );

  test('TK11 a key, a certificate or an address of either in the header is not looked at', async () => {
    const forger = await createSigningKey('forger');
    const certificate = KeyObject.from(forger.publicKey).export({ type: 'spki', format: 'der' });
    const offers = [
      { jku: `${trapUrl}/jwks` },
      { jku: local.jwksUrl.replace('/jwks', '/other') },
      { x5u: `${trapUrl}/certificate.pem` },
      { jwk: forger.jwk },
      { x5c: [certificate.toString('base64')] },
      { x5t: 'AAAA', 'x5t#S256': 'AAAA' },
      { jku: `${trapUrl}/jwks`, x5u: trapUrl, jwk: forger.jwk, x5c: [certificate.toString('base64')] },
    ];
    const { verify } = verifier();
    expect(await outcome(verify(signed({})))).toBe('accepted');
    for (const offer of offers) {
      for (const kid of [undefined, 'forger', 'key-1']) {
        const header = JSON.stringify({ ...HEADER, kid, ...offer });
        expect(await outcome(verify(signText(forger, header, JSON.stringify(CLAIMS))))).toBe('token-invalid');
      }
      // Beside a good signature they mean nothing either.
      expect(await outcome(verify(signed(offer)))).toBe('accepted');
    }
    expect(calls).toBe(0);
  });

  test.each([
    [{ crit: ['exp'], exp: 1 }],
    [{ crit: ['http://example.com/extension'], 'http://example.com/extension': true }],
    [{ crit: [] }],
    [{ crit: 'exp' }],
    [{ crit: null }],
    [{ crit: ['missing'] }],
    [{ crit: ['alg'] }],
    [{ crit: ['b64'], b64: false }],
  ])('TK11 a header that must be understood and is not refuses the token: %j', async (header) => {
    expect(await outcomeOf(signed(header))).toBe('token-invalid');
  });

  test.each([undefined, 'JWT', 'jwt', 'at+jwt', 'AT+JWT', 'application/jwt', 'application/at+jwt'])(
    'TK12 an access token may be of the type %j',
    async (typ) => {
      expect(await outcomeOf(signed({ typ }))).toBe('accepted');
    },
  );

  test.each([
    'logout+jwt',
    'secevent+jwt',
    'dpop+jwt',
    'maru-ticket',
    'ticket+jwt',
    'id_token',
    'JOSE',
    'JWT ',
    'application/jwt; charset=utf-8',
    '',
    null,
    1,
    ['JWT'],
    { typ: 'JWT' },
  ])('TK12 what is signed as another type is no access token: %j', async (typ) => {
    expect(await outcomeOf(signed({ typ }))).toBe('token-invalid');
  });
});
