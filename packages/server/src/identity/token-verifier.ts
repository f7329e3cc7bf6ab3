// The check of an access token: which issuer, its keys, signature, claims; and what was found, remembered for a while.
import { hash } from 'node:crypto';
import { MaruError } from '@maru/contract';
import { errors, jwtVerify } from 'jose';
import {
  type ClaimNames,
  checkForm,
  claimedIssuer,
  invalid,
  MAX_TOKEN_OCTETS,
  principalOf,
} from './access-token.ts';
import { IssuerKeys } from './issuer-keys.ts';
import type { Principal } from './principal.ts';
import { PrincipalCache } from './principal-cache.ts';

/** An issuer whose tokens are believed. What is left out is as in `ISSUER_DEFAULTS`. */
export type IssuerOptions = {
  /** Exactly the tokens' `iss`. */
  readonly issuer: string;
  readonly jwksUrl: string;
  /** Must be among the tokens' `aud`. */
  readonly audience: string;
  readonly algorithms?: readonly string[] | undefined;
} & { readonly [name in keyof ClaimNames]?: ClaimNames[name] | undefined };

export type TokenVerifierOptions = {
  readonly issuers: readonly IssuerOptions[];
  /** The issuer whose `sub` is a user id as it stands. */
  readonly localIssuer: string;
  readonly clockSkewSeconds?: number;
  /** Most verified tokens remembered; 0 remembers none. */
  readonly cacheSize?: number;
  readonly jwksIntervalMs?: number;
  readonly jwksTimeoutMs?: number;
  readonly jwksMaxAgeMs?: number;
  readonly now?: () => number;
};

export interface TokenVerifier {
  /** Rejects with `token-missing`, `token-invalid`, `token-expired`, or `upstream-unavailable` while no keys are known. */
  verify(token: string): Promise<Principal>;
}

const ISSUER_DEFAULTS = { algorithms: ['ES256'], rolesClaim: 'roles', nameClaim: 'name' } as const;

const TOKEN_VERIFIER_DEFAULTS = {
  clockSkewSeconds: 5,
  cacheSize: 10_000,
  jwksIntervalMs: 1_000,
  jwksTimeoutMs: 5_000,
  jwksMaxAgeMs: 600_000,
  now: Date.now,
} as const;

/** RFC 8725 §3.1: `none` and the shared-secret algorithms can't be configured, so no public key ever serves as a secret. */
const ASYMMETRIC_ALGORITHMS = new Set(
  'ES256 ES384 ES512 RS256 RS384 RS512 PS256 PS384 PS512 EdDSA Ed25519'.split(' '),
);

type Issuer = {
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: string[];
  readonly names: ClaimNames;
  readonly keys: IssuerKeys;
};

export function createTokenVerifier(options: TokenVerifierOptions): TokenVerifier {
  const { localIssuer, clockSkewSeconds, cacheSize, now, ...jwks } = {
    ...TOKEN_VERIFIER_DEFAULTS,
    ...options,
  };
  if (!(clockSkewSeconds >= 0 && clockSkewSeconds <= 60)) {
    throw new RangeError('clockSkewSeconds must be between 0 and 60');
  }
  const issuers = new Map<string, Issuer>();
  for (const each of options.issuers) {
    if (issuers.has(each.issuer)) throw new Error(`The issuer ${each.issuer} is configured twice`);
    issuers.set(each.issuer, createIssuer(each, jwks));
  }
  const cache = new PrincipalCache(cacheSize);
  const running = new Map<string, Promise<Principal>>();

  async function check(token: string, key: string): Promise<Principal> {
    checkForm(token);
    const issuer = issuers.get(claimedIssuer(token) ?? '');
    if (issuer === undefined) throw invalid('the issuer is not among the configured ones');
    try {
      const verified = await jwtVerify(token, issuer.keys.find, {
        algorithms: issuer.algorithms,
        issuer: issuer.issuer,
        audience: issuer.audience,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: clockSkewSeconds,
        currentDate: new Date(now()),
      });
      const principal = principalOf(verified, issuer.issuer, localIssuer, issuer.names);
      // No longer than the keys are: whoever stole a key wrote any `exp` they liked, and its withdrawal must end that.
      const end = Math.min(principal.expiresAt + clockSkewSeconds * 1000, now() + jwks.jwksMaxAgeMs);
      cache.keep(key, principal, end);
      return principal;
    } catch (error) {
      throw refusal(error);
    }
  }

  async function verify(token: string): Promise<Principal> {
    // Hashed, so that no memory dump is a list of good tokens; too long a token is not even that.
    if (token === '' || token.length > MAX_TOKEN_OCTETS) checkForm(token);
    const key = hash('sha256', token, 'base64url');
    const known = cache.find(key, now());
    if (known !== undefined) return known;
    const pending = running.get(key);
    if (pending !== undefined) return pending;
    const checking = check(token, key).finally(() => running.delete(key));
    running.set(key, checking);
    return checking;
  }

  return { verify };
}

function createIssuer(
  options: IssuerOptions,
  jwks: {
    readonly jwksIntervalMs: number;
    readonly jwksTimeoutMs: number;
    readonly jwksMaxAgeMs: number;
  },
): Issuer {
  const algorithms = [...(options.algorithms ?? ISSUER_DEFAULTS.algorithms)];
  const refused = algorithms.filter((algorithm) => !ASYMMETRIC_ALGORITHMS.has(algorithm));
  if (refused.length > 0 || algorithms.length === 0) {
    throw new Error(
      `Algorithms of the issuer ${options.issuer} must be among ${[...ASYMMETRIC_ALGORITHMS].join(', ')}`,
    );
  }
  return {
    issuer: options.issuer,
    audience: options.audience,
    algorithms,
    names: {
      rolesClaim: options.rolesClaim ?? ISSUER_DEFAULTS.rolesClaim,
      nameClaim: options.nameClaim ?? ISSUER_DEFAULTS.nameClaim,
    },
    keys: new IssuerKeys({
      url: options.jwksUrl,
      intervalMs: jwks.jwksIntervalMs,
      timeoutMs: jwks.jwksTimeoutMs,
      maxAgeMs: jwks.jwksMaxAgeMs,
    }),
  };
}

/** What a failed verification is called outside. The claims that jose hangs on its errors stay out of every log. */
function refusal(error: unknown): MaruError {
  if (error instanceof MaruError) return error;
  if (error instanceof errors.JWTExpired) return new MaruError('token-expired');
  return invalid(error instanceof Error ? `${error.name}: ${error.message}` : 'the verification failed');
}
