// An access token as text and as claims: what is checked before any cryptography, and the principal it names.
import { MaruError } from '@maru/contract';
import { decodeJwt, type JWTPayload, type JWTVerifyResult } from 'jose';
import { cleanDisplayName } from './display-name.ts';
import { type Principal, userIdOf } from './principal.ts';

/** The Authorization header line's limit of the contract; checked before anything is parsed. */
export const MAX_TOKEN_OCTETS = 4096;
const MAX_SUBJECT_CHARACTERS = 128;
/** The last instant a Date can hold: a later `exp` would become NaN in timers. */
const MAX_EXPIRY_SECONDS = 8.64e12;

const COMPACT_FORM = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)$/;

/** RFC 8725 §3.11: only these, or no `typ` at all, are access tokens; a logout token or a ticket is not. */
const ACCESS_TOKEN_TYPES = new Set(['jwt', 'at+jwt', 'application/jwt', 'application/at+jwt']);

/** Where in the claims of an issuer's tokens the facts about a person stand. */
export type ClaimNames = { readonly rolesClaim: string; readonly nameClaim: string };

/** Refuses whatever isn't one canonical JWS in compact form, before any of it is decoded. */
export function checkForm(token: string): void {
  if (token === '') throw new MaruError('token-missing');
  if (token.length > MAX_TOKEN_OCTETS) throw invalid('the token is longer than the limit');
  const signature = COMPACT_FORM.exec(token)?.[1];
  if (signature === undefined) throw invalid('the token is not three base64url parts');
  // The last base64url character has bits that no octet uses; decoders drop them, so a token with one of them flipped
  // would verify. Header and payload need no such check: the signature covers their text.
  if (Buffer.from(signature, 'base64url').toString('base64url') !== signature) {
    throw invalid('the signature is not canonical base64url');
  }
}

/** The issuer a token claims to be from. Not verified: good for choosing whose keys to try, for nothing else. */
export function claimedIssuer(token: string): string | undefined {
  try {
    const { iss } = decodeJwt(token);
    return typeof iss === 'string' ? iss : undefined;
  } catch {
    return undefined;
  }
}

/** The person a verified token names. */
export function principalOf(
  { payload, protectedHeader }: JWTVerifyResult,
  issuer: string,
  localIssuer: string,
  names: ClaimNames,
): Principal {
  const { typ } = protectedHeader;
  if (typ !== undefined && (typeof typ !== 'string' || !ACCESS_TOKEN_TYPES.has(typ.toLowerCase()))) {
    throw invalid('the token is of another type');
  }
  const { exp, sub } = payload;
  if (exp === undefined || exp > MAX_EXPIRY_SECONDS) throw invalid('the expiry is out of range');
  if (!isSubject(sub)) throw invalid('the subject is not usable');
  return {
    userId: userIdOf(issuer, sub, localIssuer),
    issuer,
    subject: sub,
    name: cleanDisplayName(claimAt(payload, names.nameClaim)) ?? cleanDisplayName(sub) ?? '',
    roles: rolesOf(claimAt(payload, names.rolesClaim)),
    expiresAt: exp * 1000,
  };
}

/** `token-invalid`; the reason stays in the log. */
export function invalid(reason: string): MaruError {
  return new MaruError('token-invalid', { cause: new Error(reason) });
}

function isSubject(sub: unknown): sub is string {
  return (
    typeof sub === 'string' &&
    sub.trim() !== '' &&
    sub.length <= MAX_SUBJECT_CHARACTERS &&
    sub.isWellFormed() &&
    !/\p{Cc}/u.test(sub)
  );
}

function rolesOf(claim: unknown): readonly string[] {
  if (!Array.isArray(claim)) return [];
  return claim.every((role): role is string => typeof role === 'string') ? [...claim] : [];
}

/** The claim of this very name, else the one at the end of the dot path (Keycloak's `realm_access.roles`). */
function claimAt(claims: JWTPayload, path: string): unknown {
  if (Object.hasOwn(claims, path)) return claims[path];
  let value: unknown = claims;
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}
