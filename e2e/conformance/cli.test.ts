// The command, as somebody uses it who looks at a server: what it prints, and how it ends.
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../free-port.ts';
import { signUp } from '../people.ts';
import { useMaru } from '../topology.ts';
import type { Report } from './result.ts';

type Ended = { readonly code: number; readonly stdout: string; readonly stderr: string };

function conformance(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [join(import.meta.dirname, 'cli.ts'), ...args], (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}

const WRONG: Readonly<Record<string, readonly [args: readonly string[], said: string]>> = {
  'no URL': [[], '--url is missing'],
  'a URL of another kind': [['--url', 'http://localhost'], 'must begin with ws:// or wss://'],
  'an option that does not exist': [['--url', 'ws://localhost', '--loud'], "Unknown option '--loud'"],
  'a row that does not exist': [['--url', 'ws://localhost:1', '--only', 'Q01'], 'there is no such row'],
  'a destination without {id}': [['--url', 'ws://localhost', '--destination', '/topic/x'], 'must hold {id}'],
  'a time in words': [['--url', 'ws://localhost', '--timeout', 'long'], 'must be a whole number'],
};

test.each(Object.entries(WRONG))('%s: says what is wrong, and exits with 2', async (_, [args, said]) => {
  const { code, stderr } = await conformance(...args);
  expect(stderr).toContain(said);
  expect(stderr).toContain('--help tells more');
  expect(code).toBe(2);
});

test('--help shows the options', async () => {
  const { code, stdout } = await conformance('--help');
  expect(stdout).toContain('--passcode TEXT');
  expect(code).toBe(0);
});

test('a server that is not there: says so once, and exits with 2', async () => {
  const { code, stdout, stderr } = await conformance('--url', `ws://127.0.0.1:${await freePort()}/chat`);
  expect(stderr).toContain('ECONNREFUSED');
  expect(stdout).toBe('');
  expect(code).toBe(2);
});

describe('against Maru', () => {
  const maru = useMaru('together', { handlers: join(import.meta.dirname, 'handlers.ts') });
  let way: string[] = [];

  beforeAll(async () => {
    const { token } = await signUp(maru, 'Conformance');
    way = ['--url', maru.chatUrl, '--origin', maru.pageUrl, '--token', token];
  });

  test('a line for each check, a summary, exit code 0, and the token nowhere', async () => {
    const { code, stdout } = await conformance(...way, '--only', 'F0', '--strict', '--transcript');
    expect(stdout).toContain('✓ F05 1.1 MUST     skips EOLs between frames');
    expect(stdout).toMatch(/MUST of STOMP: (\d+) of \1 met, 0 not, 0 cannot be seen/);
    expect(stdout).not.toContain(way.at(-1));
    expect(code).toBe(0);
  });

  test('--json: a report that a program can read', async () => {
    const { stdout } = await conformance(...way, '--only', 'C05', '--json');
    const { results } = JSON.parse(stdout) as Report;
    expect(results.map(({ row, version, verdict }) => `${row} ${version} ${verdict}`)).toEqual([
      'C05 1.1 pass',
      'C05 1.2 pass',
    ]);
  });

  test('a requirement that is not met: exit code 1, what was seen, and what went over the wire', async () => {
    // Where everybody may subscribe nobody is refused.
    const { code, stdout } = await conformance(
      ...way,
      '--forbidden',
      '/topic/conformance/{id}',
      '--only',
      'U06',
      '--timeout',
      '500',
      '--transcript',
    );
    expect(stdout).toContain(
      '✗ U06 1.2 MUST     answers a SUBSCRIBE that it cannot do with ERROR — it is not refused',
    );
    expect(stdout).toContain('0 > "SUBSCRIBE\\nid:sub-0\\n');
    expect(code).toBe(1);
  });

  test('a token that is not taken: says so once, and exits with 2', async () => {
    const [, url = '', , origin = ''] = way;
    const { code, stderr } = await conformance('--url', url, '--origin', origin, '--token', 'nonsense');
    expect(stderr).toContain('ERROR');
    expect(code).toBe(2);
  });
});
