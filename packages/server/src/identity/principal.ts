// Who is speaking: a verified token's subject, as every later stage knows them.
import { createHash } from 'node:crypto';

export type Principal = {
  /** Issuer-scoped id: the `sub` itself for the local issuer, a digest of issuer and `sub` for any other. */
  readonly userId: string;
  readonly issuer: string;
  readonly subject: string;
  readonly name: string;
  readonly roles: readonly string[];
  /** End of the token's life, in milliseconds since the epoch. */
  readonly expiresAt: number;
};

/** A person is issuer + `sub`: another issuer's `sub` never names a local account. */
export function userIdOf(issuer: string, subject: string, localIssuer: string): string {
  if (issuer === localIssuer) return subject;
  return createHash('sha256').update(`${issuer}\0${subject}`).digest('base64url').slice(0, 32);
}
