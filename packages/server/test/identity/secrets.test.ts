// Where the identity secret comes from, and which ones are refused.
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadSecrets } from '../../src/identity/secrets.ts';

const GOOD = 'vPq0Zr7hT1uX9bN4mK6sD3wY8eL2fJ5g';
let folder: string;
let dataDir: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'maru-secrets-'));
  dataDir = join(folder, 'data');
});
afterEach(() => rmSync(folder, { recursive: true }));

const load = (identitySecret?: string, production = false) =>
  loadSecrets({ dataDir, production, configured: { identitySecret } });

describe('TK13 a configured secret', () => {
  test.each([true, false])('is used as it is, and nothing is written (production: %s)', (production) => {
    expect(GOOD).toHaveLength(32);
    expect(load(GOOD, production)).toEqual({ identitySecret: GOOD });
    expect(existsSync(dataDir)).toBe(false);
  });

  test.each(['', 'short', GOOD.slice(1)])('of fewer than 32 characters is refused: %j', (secret) => {
    expect(() => load(secret)).toThrow(/needs at least 32/);
  });

  test.each([
    'secret',
    'change-me-change-me-change-me-change-me',
    'please CHANGE_ME before use, thank you very much',
    'better-auth-secret-12345678901234567890',
    'my-super-secret-key-my-super-secret-key',
    'your_jwt_secret_of_thirty-two_or_more_letters',
    '0123456789abcdef0123456789abcdef',
  ])('that stands in every manual is refused: %j', (secret) => {
    expect(() => load(secret)).toThrow(/sample value.*openssl rand/);
    expect(() => load(secret, true)).toThrow(/sample value/);
  });

  test('of few kinds of characters is refused', () => {
    expect(() => load('abcdefg'.repeat(6))).toThrow(/too easy to guess/);
    expect(load('abcdefgh'.repeat(6))).toBeDefined();
  });

  test('is in no message', () => {
    for (const secret of ['hunter2', 'change-me-hunter2', 'z'.repeat(40)]) {
      expect(() => load(secret)).toThrow(
        expect.not.objectContaining({ message: expect.stringContaining(secret) }),
      );
    }
  });
});

describe('TK13 a secret made at the first start', () => {
  test('is the same at the second', () => {
    const first = load();
    expect(first.identitySecret.length).toBeGreaterThanOrEqual(48);
    expect(load()).toEqual(first);
  });

  test('is for its owner alone', () => {
    load();
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
    expect(statSync(join(dataDir, 'secrets.json')).mode & 0o777).toBe(0o600);
    expect(readdirSync(dataDir)).toEqual(['secrets.json']);
  });

  test.each([0o640, 0o604, 0o620, 0o644])('that others can reach is refused (mode %o)', (mode) => {
    load();
    const path = join(dataDir, 'secrets.json');
    chmodSync(path, mode);
    expect(() => load()).toThrow(`chmod 600 '${path}'`);
    chmodSync(path, 0o600);
    expect(load()).toBeDefined();
  });

  test.each(['', '{', 'null', '{}', '{"identitySecret":"short"}'])(
    'is not made anew over a spoilt file: %j',
    (spoilt) => {
      load();
      writeFileSync(join(dataDir, 'secrets.json'), spoilt);
      expect(() => load()).toThrow(/does not hold the identity secret/);
    },
  );

  test('is refused in production, also if it is there already', () => {
    expect(() => load(undefined, true)).toThrow(/identity\.secret must be set/);
    load();
    expect(() => load(undefined, true)).toThrow(/identity\.secret must be set/);
  });

  test('is one when several processes start at once', async () => {
    const script = `import { loadSecrets } from ${JSON.stringify(
      new URL('../../src/identity/secrets.ts', import.meta.url).href,
    )};
      console.log(loadSecrets({ dataDir: ${JSON.stringify(dataDir)}, production: false, configured: {} }).identitySecret);`;
    const outputs = await Promise.all(
      Array.from({ length: 4 }, () => {
        const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
          stdio: ['ignore', 'pipe', 'inherit'],
        });
        return text(child.stdout);
      }),
    );
    expect(new Set(outputs)).toEqual(new Set([`${load().identitySecret}\n`]));
    expect(readdirSync(dataDir)).toEqual(['secrets.json']);
  });
});
