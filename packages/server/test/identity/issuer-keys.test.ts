// What is asked of an issuer's key server, and what happens to tokens while its keys change or it cannot be reached.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { MaruError } from '@maru/contract';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createTokenVerifier, type TokenVerifierOptions } from '../../src/identity/token-verifier.ts';
import { createSigningKey, openTestIssuer, type SigningKey, type TestIssuer } from './test-issuer.ts';

const LOCAL = 'http://localhost:19091';
let key: SigningKey;
let local: TestIssuer;

beforeEach(async () => {
  key = await createSigningKey('key-1');
  local = await openTestIssuer(LOCAL, [key]);
});
afterEach(() => local.close());

function verifier(options: Partial<TokenVerifierOptions> = {}, jwksUrl = local.jwksUrl) {
  return createTokenVerifier({
    issuers: [{ issuer: LOCAL, jwksUrl, audience: 'maru' }],
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

/** Another token each time, so that none is remembered. */
const freshToken = (by: SigningKey, kid = by.kid) => local.sign(by, { jti: crypto.randomUUID() }, { kid });

describe('rotation', () => {
  test('TK14 keys that come and go under load refuse no good token', async () => {
    const { verify } = verifier();
    let signing = key;
    let rotating = true;
    const outcomes: string[] = [];
    const work = async () => {
      while (rotating) outcomes.push(await codeOf(verify(await freshToken(signing))));
    };
    const workers = Array.from({ length: 20 }, work);
    const began = performance.now();
    for (let rotation = 2; rotation <= 6; rotation += 1) {
      const next = await createSigningKey(`key-${rotation}`);
      // Published and signed with at the same moment; of the old ones the last stays.
      local.keys = [signing.jwk, next.jwk];
      signing = next;
      const done = outcomes.length;
      await expect.poll(() => outcomes.length).toBeGreaterThan(done + 100);
    }
    rotating = false;
    await Promise.all(workers);
    expect(outcomes.length).toBeGreaterThan(500);
    expect(new Set(outcomes)).toEqual(new Set(['accepted']));
    expect(local.hits).toBeLessThanOrEqual(2 + (performance.now() - began) / 100);
  });

  test('TK14 a new key is found once for all who come with it', async () => {
    const { verify } = verifier();
    await verify(await local.sign(key));
    const next = await createSigningKey('key-2');
    local.keys = [key.jwk, next.jwk];
    const tokens = await Promise.all(
      Array.from({ length: 40 }, (_, n) => freshToken(n % 2 === 0 ? key : next)),
    );
    const outcomes = await Promise.all(tokens.map((token) => codeOf(verify(token))));
    expect(new Set(outcomes)).toEqual(new Set(['accepted']));
    expect(local.hits).toBe(2);
  });

  test('TK14 a withdrawn key goes away once the keys are old', async () => {
    const { verify } = verifier({ jwksMaxAgeMs: 0, jwksIntervalMs: 0 });
    await verify(await local.sign(key));
    const next = await createSigningKey('key-2');
    local.keys = [next.jwk];
    // The old keys answer while the new ones are fetched behind them.
    await expect.poll(async () => codeOf(verify(await freshToken(key)))).toBe('token-invalid');
    expect(await codeOf(verify(await local.sign(next)))).toBe('accepted');
  });

  test('TK14 TK19 a remembered token of a withdrawn key goes with it, however late it ends', async () => {
    let now = Date.now();
    const { verify } = verifier({ jwksMaxAgeMs: 100, jwksIntervalMs: 0, now: () => now });
    const year = 365 * 86_400;
    const stolen = await local.sign(key, { exp: Math.floor(now / 1000) + year });
    expect(await codeOf(verify(stolen))).toBe('accepted');
    local.keys = [(await createSigningKey('key-2')).jwk];
    await expect
      .poll(() => {
        now += 100;
        return codeOf(verify(stolen));
      })
      .toBe('token-invalid');
  });
});

describe('a flood of unknown key ids', () => {
  test('TK14 makes one request an interval', async () => {
    const intervalMs = 200;
    const { verify } = verifier({ jwksIntervalMs: intervalMs });
    await verify(await local.sign(key));
    const began = performance.now();
    for (let round = 0; round < 3; round += 1) {
      const tokens = await Promise.all(
        Array.from({ length: 100 }, (_, n) => freshToken(key, `made-up-${round}-${n}`)),
      );
      const outcomes = await Promise.all(tokens.map((token) => codeOf(verify(token))));
      expect(new Set(outcomes)).toEqual(new Set(['token-invalid']));
    }
    expect(local.hits).toBeLessThanOrEqual(2 + (performance.now() - began) / intervalMs);
    expect(local.hits).toBeLessThanOrEqual(4);
  });

  test('TK14 keeps no good token waiting, and holds no more than its bound', async () => {
    const { verify } = verifier({ jwksIntervalMs: 2_000 });
    await verify(await local.sign(key));
    let waiting = 0;
    const bad = await freshToken(key, 'made-up');
    // Of one signed token many: what differs is behind the signature's check.
    const flood = Array.from({ length: 3_000 }, async (_, n) => {
      waiting += 1;
      const outcome = await codeOf(verify(bad.replace(/\.[^.]{6}/, `.${String(n).padStart(6, 'A')}`)));
      waiting -= 1;
      return outcome;
    });
    const unknown = Array.from({ length: 1_500 }, async () => {
      waiting += 1;
      const outcome = await codeOf(verify(await freshToken(key, 'made-up')));
      waiting -= 1;
      return outcome;
    });
    for (let n = 0; n < 50; n += 1) expect(await codeOf(verify(await freshToken(key)))).toBe('accepted');
    // The interval isn't over, so those that wait for the next fetch still do; the rest was refused at once.
    expect(local.hits).toBe(1);
    expect(waiting).toBeGreaterThan(0);
    expect(waiting).toBeLessThanOrEqual(1_000);
    expect(new Set(await Promise.all([...flood, ...unknown]))).toEqual(new Set(['token-invalid']));
    expect(local.hits).toBe(2);
  });
});

describe('an outage', () => {
  test('TK14 leaves the last good keys, refuses the others, and ends by itself', async () => {
    const { verify } = verifier({ jwksMaxAgeMs: 0, jwksIntervalMs: 20 });
    await verify(await local.sign(key));
    local.keys = undefined;
    const next = await createSigningKey('key-2');
    for (let n = 0; n < 5; n += 1) {
      expect(await codeOf(verify(await freshToken(key)))).toBe('accepted');
      expect(await codeOf(verify(await freshToken(next)))).toBe('token-invalid');
    }
    expect(local.hits).toBeGreaterThan(1);
    local.keys = [key.jwk, next.jwk];
    expect(await codeOf(verify(await freshToken(next)))).toBe('accepted');
  });

  test('TK14 a flood while it lasts makes one request an interval all the same', async () => {
    const intervalMs = 100;
    const { verify } = verifier({ jwksIntervalMs: intervalMs });
    await verify(await local.sign(key));
    local.keys = undefined;
    const began = performance.now();
    for (let round = 0; round < 5; round += 1) {
      const tokens = await Promise.all(
        Array.from({ length: 50 }, (_, n) => freshToken(key, `made-up-${round}-${n}`)),
      );
      await Promise.all(tokens.map((token) => codeOf(verify(token))));
    }
    expect(local.hits).toBeLessThanOrEqual(2 + (performance.now() - began) / intervalMs);
  });

  test('TK14 from the start on is unavailable, and is asked again', async () => {
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
});

describe('a key server that answers nonsense', () => {
  let server: Server;
  let url: string;
  let answer: (req: IncomingMessage, res: ServerResponse) => void;
  beforeEach(async () => {
    server = createServer((req, res) => answer(req, res));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  });
  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });

  const good = () => JSON.stringify({ keys: [key.jwk] });
  const nonsense: [string, (res: ServerResponse) => void][] = [
    ['a redirect', (res) => res.writeHead(302, { location: local.jwksUrl }).end()],
    ['a server error', (res) => res.writeHead(500).end(good())],
    ['no JSON', (res) => res.end('<html>')],
    ['JSON that is no key set', (res) => res.end('{"keys":{}}')],
    ['null', (res) => res.end('null')],
    ['a key set of nothing', (res) => res.end('{"keys":[null]}')],
    ['an empty key set', (res) => res.end('{"keys":[]}')],
    ['more than a key set', (res) => res.end(good().padEnd(256 * 1024 + 1))],
    ['no end', (res) => void res.write(good().slice(0, 20))],
    ['a cut connection', (res) => void res.socket?.destroy()],
    ['silence', () => undefined],
  ];
  test.each(nonsense)('TK14 by %s gives no keys and takes none away', async (_what, say) => {
    const options = { jwksTimeoutMs: 100, jwksIntervalMs: 1, jwksMaxAgeMs: 0 };
    answer = (_req, res) => say(res);
    const { verify } = verifier(options, url);
    expect(await codeOf(verify(await freshToken(key)))).toBe('upstream-unavailable');
    answer = (_req, res) => void res.end(good());
    expect(await codeOf(verify(await freshToken(key)))).toBe('accepted');
    let asked = 0;
    answer = (_req, res) => {
      asked += 1;
      say(res);
    };
    await expect
      .poll(async () => {
        expect(await codeOf(verify(await freshToken(key)))).toBe('accepted');
        return asked;
      })
      .toBeGreaterThan(0);
    expect(await codeOf(verify(await freshToken(key)))).toBe('accepted');
    // A redirect leads nowhere.
    expect(local.hits).toBe(0);
  });

  test('TK14 the largest key set is read', async () => {
    answer = (_req, res) => void res.end(good().padEnd(256 * 1024));
    expect(await codeOf(verifier({}, url).verify(await freshToken(key)))).toBe('accepted');
  });

  test.each([
    ['a private key', (jwk: object) => ({ ...jwk, d: key.jwk.x })],
    ['a key without its kind', (jwk: object) => ({ ...jwk, kty: undefined })],
    ['a key off its curve', (jwk: object) => ({ ...jwk, x: 'AAAA' })],
  ])('TK14 %s in the key set spoils no other', async (_what, spoil) => {
    answer = (_req, res) =>
      void res.end(JSON.stringify({ keys: [spoil({ ...key.jwk, kid: 'bad' }), key.jwk] }));
    const { verify } = verifier({ jwksIntervalMs: 1 }, url);
    expect(await codeOf(verify(await freshToken(key)))).toBe('accepted');
    expect(await codeOf(verify(await freshToken(key, 'bad')))).toBe('token-invalid');
  });
});
