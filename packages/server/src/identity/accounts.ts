// The accounts: better-auth on its own SQLite database or in a schema of PostgreSQL, with every option that matters said aloud.
import type { DatabaseSync } from 'node:sqlite';
import { type BetterAuthOptions, betterAuth } from 'better-auth';
import { APIError } from 'better-auth/api';
import { getMigrations } from 'better-auth/db/migration';
import { bearer } from 'better-auth/plugins/bearer';
import { jwt } from 'better-auth/plugins/jwt';
import type { Pool } from 'pg';
import type { Logger } from '../telemetry/log.ts';
import { AUTH_BASE_PATH, CLIENT_ADDRESS_HEADER } from './auth-request.ts';
import { MAX_DISPLAY_NAME_CHARACTERS, parseDisplayName } from './display-name.ts';
import { createPasswordWork, type PasswordWork } from './password-work.ts';

const MIN_PASSWORD_CHARACTERS = 8;
const MAX_PASSWORD_CHARACTERS = 128;
/** RFC 5321 §4.5.3.1.3: a path of 256 octets, less its angle brackets. */
const MAX_EMAIL_CHARACTERS = 254;

export type AccountsOptions = {
  readonly database: DatabaseSync | Pool;
  readonly publicUrl: string;
  readonly audience: string;
  readonly trustedOrigins: readonly string[];
  readonly secret: string;
  readonly accessTokenSeconds: number;
  readonly log: Logger;
};

export interface Accounts {
  /**
   * `body` is the request's, parsed. Refusals are answers; rejects with `overloaded` when too many passwords wait, and
   * with what nobody foresaw.
   */
  handle(request: Request, body: unknown): Promise<Response>;
}

/** Brings the database to this version's tables, makes the signing key if there is none, and tries it. */
export async function openAccounts(options: AccountsOptions): Promise<Accounts> {
  const signing = jwt({
    jwks: { keyPairConfig: { alg: 'ES256' } },
    jwt: {
      issuer: options.publicUrl,
      audience: options.audience,
      expirationTime: `${options.accessTokenSeconds}s`,
      definePayload: ({ user }) => ({ name: user.name, roles: ['ROLE_GENERAL'] }),
    },
    // An access token leaves by GET /auth/token alone.
    disableSettingJwtHeader: true,
  });
  const passwords = createPasswordWork();
  const settings = {
    ...betterAuthOptions(options, passwords),
    plugins: [signing, bearer()],
  } satisfies BetterAuthOptions;

  const { runMigrations } = await getMigrations(settings);
  await runMigrations();
  const auth = betterAuth(settings);
  await auth.api.getJwks();
  try {
    await auth.api.signJWT({ body: { payload: {} } });
  } catch (cause) {
    throw new Error(
      'The signing keys in the database of accounts were encrypted with another identity secret; start with that one, or delete the rows of its table jwks to make new keys',
      { cause },
    );
  }
  return {
    handle(request, body) {
      const password =
        new URL(request.url).pathname === `${AUTH_BASE_PATH}/sign-up/email` ? newPassword(body) : undefined;
      const action = () => auth.handler(request);
      return password === undefined ? action() : passwords.prepare(password, action);
    },
  };
}

/** The password of a sign-up, if it is one that will be hashed. */
function newPassword(body: unknown): string | undefined {
  if (typeof body !== 'object' || body === null || !('password' in body)) return undefined;
  const { password } = body;
  if (typeof password !== 'string' || password.length < MIN_PASSWORD_CHARACTERS) return undefined;
  return password.length <= MAX_PASSWORD_CHARACTERS ? password : undefined;
}

function betterAuthOptions(options: AccountsOptions, passwords: PasswordWork) {
  return {
    appName: 'Maru',
    baseURL: options.publicUrl,
    basePath: AUTH_BASE_PATH,
    // Given as a list, so that no BETTER_AUTH_SECRETS of the environment is looked for.
    secrets: [{ version: 1, value: options.secret }],
    database: options.database,
    trustedOrigins: [...options.trustedOrigins],
    emailAndPassword: {
      enabled: true,
      minPasswordLength: MIN_PASSWORD_CHARACTERS,
      maxPasswordLength: MAX_PASSWORD_CHARACTERS,
      password: { hash: passwords.hash, verify: passwords.verify },
    },
    session: { expiresIn: 7 * 24 * 3600, updateAge: 24 * 3600 },
    advanced: {
      // Said aloud because better-auth drops both checks when NODE_ENV is test.
      disableOriginCheck: false,
      disableCSRFCheck: false,
      ipAddress: { ipAddressHeaders: [CLIENT_ADDRESS_HEADER] },
    },
    // The endpoint counts attempts itself: better-auth's counters are one per process, not one per service.
    rateLimit: { enabled: false },
    telemetry: { enabled: false },
    // Unforeseen errors come to the endpoint instead of better-auth's console.error with their stack.
    onAPIError: { throw: true },
    logger: {
      level: 'warn',
      disableColors: true,
      log: (level, message, ...details) => {
        const err = details.find((detail) => detail instanceof Error);
        options.log[level]({ component: 'identity', ...(err === undefined ? {} : { err }) }, message);
      },
    },
    databaseHooks: {
      user: {
        create: { before: async (user) => ({ data: acceptUser(user) }) },
        update: { before: async (user) => ({ data: acceptUser(user) }) },
      },
    },
  } satisfies BetterAuthOptions;
}

/** What may be stored of a person; the picture of better-auth's schema is not used and not kept. */
function acceptUser<User extends { name?: string; email?: string }>(user: User): User {
  const accepted = { ...user, ...('image' in user ? { image: null } : {}) };
  if (accepted.email !== undefined && accepted.email.length > MAX_EMAIL_CHARACTERS) {
    throw new APIError('BAD_REQUEST', { code: 'INVALID_EMAIL', message: 'The e-mail address is too long' });
  }
  if (accepted.name === undefined) return accepted;
  const name = parseDisplayName(accepted.name);
  if (name === undefined) {
    throw new APIError('BAD_REQUEST', {
      code: 'INVALID_NAME',
      message: `The name must have 1 to ${MAX_DISPLAY_NAME_CHARACTERS} characters and no control characters`,
    });
  }
  return { ...accepted, name };
}
