// A token issuer for tests: keys, signed tokens, and a real HTTP server with its key set that counts who asks.
import { KeyObject, sign } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';

export type SigningKey = {
  readonly kid: string;
  readonly privateKey: CryptoKey;
  readonly publicKey: CryptoKey;
  readonly jwk: JWK;
};

export async function createSigningKey(kid: string, algorithm = 'ES256'): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
  return {
    kid,
    privateKey,
    publicKey,
    jwk: { ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' },
  };
}

/** A token of exactly this header and these claims, whatever they are; ES256 over them. */
export function signText(key: SigningKey, header: string, claims: string): string {
  const text = `${Buffer.from(header).toString('base64url')}.${Buffer.from(claims).toString('base64url')}`;
  const signature = sign('sha256', Buffer.from(text), {
    key: KeyObject.from(key.privateKey),
    dsaEncoding: 'ieee-p1363',
  });
  return `${text}.${signature.toString('base64url')}`;
}

/** What is set here replaces the claims of a good token; `undefined` leaves one out. */
export type Claims = Readonly<Record<string, unknown>>;

export type TestIssuer = {
  readonly issuer: string;
  readonly jwksUrl: string;
  readonly audience: string;
  /** What GET /jwks answers; `undefined` answers 503. */
  keys: readonly JWK[] | undefined;
  /** Requests of any path so far. */
  hits: number;
  sign(key: SigningKey, claims?: Claims, header?: Record<string, unknown>): Promise<string>;
  close(): Promise<void>;
};

export async function openTestIssuer(issuer: string, keys: readonly SigningKey[]): Promise<TestIssuer> {
  const server = createServer((_req, res) => {
    self.hits += 1;
    if (self.keys === undefined) return void res.writeHead(503).end();
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ keys: self.keys }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const audience = 'maru';
  const self: TestIssuer = {
    issuer,
    jwksUrl: `http://127.0.0.1:${port}/jwks`,
    audience,
    keys: keys.map(({ jwk }) => jwk),
    hits: 0,
    sign(key, claims = {}, header = {}) {
      const now = Math.floor(Date.now() / 1000);
      const payload = {
        iss: issuer,
        aud: audience,
        sub: 'ann',
        name: 'Ann',
        roles: ['ROLE_GENERAL'],
        exp: now + 900,
        ...claims,
      };
      return new SignJWT(JSON.parse(JSON.stringify(payload)))
        .setProtectedHeader({ alg: 'ES256', kid: key.kid, ...header })
        .sign(key.privateKey);
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return self;
}
