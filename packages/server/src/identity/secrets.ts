// The secrets of the identity service: configured, or made at the first start and kept for their owner's eyes only.
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { getSystemErrorMessage } from 'node:util';

export type Secrets = { readonly identitySecret: string };

export type SecretsOptions = {
  readonly dataDir: string;
  /** In production a secret is the operator's: one that was made here would be lost with the folder, or differ by node. */
  readonly production: boolean;
  readonly configured: { readonly identitySecret?: string | undefined };
};

/** HMAC-SHA-256 and the encryption of the signing keys take 256 bits (RFC 8725 §3.5). */
const MIN_CHARACTERS = 32;
/** A random hex string of that length has fewer kinds of characters once in millions; `abcabcabc…` always. */
const MIN_DISTINCT_CHARACTERS = 8;

/** Values that stand in documentation, examples and other people's defaults, so everyone knows them. */
const SAMPLES = [
  /change[-_ ]?(me|this|it)/i,
  /^(my|your|the|a|some|super|top|very|long|random|identity|auth|jwt|maru|better|session|shared|secret|key|[-_ ])*secret/i,
  /^better-auth-secret-/i,
  /replace[-_ ]?(me|this|with)/i,
  /^(example|sample|default|insecure|password|test)/i,
  /0123456789.*abcdef|abcdefghijklmnop|12345678901234567890/i,
];

const HOW_TO_MAKE_ONE = 'one is made by: openssl rand -base64 48';

/** The secrets to run with. Throws an Error whose message tells the operator what to do. */
export function loadSecrets(options: SecretsOptions): Secrets {
  const { identitySecret } = options.configured;
  if (identitySecret !== undefined) return { identitySecret: checkConfigured(identitySecret) };
  if (options.production) {
    throw new Error(
      `In production the setting identity.secret must be set, to at least ${MIN_CHARACTERS} random characters; ${HOW_TO_MAKE_ONE}`,
    );
  }
  const path = join(options.dataDir, 'secrets.json');
  try {
    return readSecrets(path) ?? createSecrets(options.dataDir, path);
  } catch (cause) {
    // The folder can't be used: that is the operator's to mend, so it is said without a stack.
    if (!(cause instanceof Error && 'errno' in cause && typeof cause.errno === 'number')) throw cause;
    throw new Error(
      `cannot use ${path}: ${getSystemErrorMessage(cause.errno)}; set dataDir to a folder that can be written`,
      {
        cause,
      },
    );
  }
}

function checkConfigured(secret: string): string {
  if (SAMPLES.some((sample) => sample.test(secret))) {
    throw new Error(`The setting identity.secret is a sample value that anybody knows; ${HOW_TO_MAKE_ONE}`);
  }
  if (secret.length < MIN_CHARACTERS) {
    throw new Error(
      `The setting identity.secret has ${secret.length} characters, it needs at least ${MIN_CHARACTERS}; ${HOW_TO_MAKE_ONE}`,
    );
  }
  if (new Set(secret).size < MIN_DISTINCT_CHARACTERS) {
    throw new Error(`The setting identity.secret is too easy to guess; ${HOW_TO_MAKE_ONE}`);
  }
  return secret;
}

function readSecrets(path: string): Secrets | undefined {
  let text: string;
  try {
    checkMode(path);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (isCode(error, 'ENOENT')) return undefined;
    throw error;
  }
  let identitySecret: unknown;
  try {
    ({ identitySecret } = JSON.parse(text));
  } catch {
    // Not JSON, or null: refused below. The text itself is in no message, it may hold the secret.
  }
  if (typeof identitySecret !== 'string' || identitySecret.length < MIN_CHARACTERS) {
    throw new Error(
      `${path} does not hold the identity secret; restore it from a backup, or delete it together with identity.db, whose signing keys no other secret can read`,
    );
  }
  return { identitySecret };
}

function checkMode(path: string): void {
  // Windows has no mode bits; the folder's access list is inherited there.
  if (process.platform === 'win32') return;
  const { mode } = statSync(path);
  if ((mode & 0o077) === 0) return;
  throw new Error(
    `${path} can be read by others (mode ${(mode & 0o777).toString(8).padStart(4, '0')}); make it yours alone: chmod 600 '${path}'`,
  );
}

function createSecrets(dataDir: string, path: string): Secrets {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const draft = `${path}.${process.pid}.${randomBytes(6).toString('hex')}`;
  const file = openSync(draft, 'wx', 0o600);
  try {
    const secrets: Secrets = { identitySecret: randomBytes(36).toString('base64url') };
    writeSync(file, `${JSON.stringify(secrets)}\n`);
    // On disk before it has its name: after a crash there is the whole file or none.
    fsyncSync(file);
    // A link, unlike a rename, never replaces: of two processes that start at once the first one's secret holds.
    linkSync(draft, path);
  } catch (error) {
    if (!isCode(error, 'EEXIST')) throw error;
  } finally {
    closeSync(file);
    rmSync(draft, { force: true });
  }
  const kept = readSecrets(path);
  if (kept === undefined) throw new Error(`${path} was removed while Maru started`);
  return kept;
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
