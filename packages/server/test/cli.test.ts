// The command `maru` in a process of its own: what it prints and how it ends.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const CLI = fileURLToPath(new URL('../src/cli.ts', import.meta.url));

type Ended = { readonly code: number; readonly out: string; readonly err: string };

describe('maru', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maru-cli-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const maru = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    new Promise<Ended>((resolve) => {
      const clean = Object.fromEntries(
        Object.entries(process.env).filter(([name]) => !name.startsWith('MARU_')),
      );
      const options = { cwd: folder, env: { ...clean, ...env }, timeout: 20_000 };
      execFile(process.execPath, [CLI, ...args], options, (error, out, err) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
        resolve({ code, out, err });
      });
    });

  test.each([[[]], [['help']], [['--help']], [['start', '-h']]])('%j prints how it is used', async (args) => {
    const { code, out, err } = await maru(args);
    expect([code, err]).toEqual([0, '']);
    for (const command of ['start', 'gateway', 'chat', 'identity', 'web', 'check-config'])
      expect(out).toContain(`  ${command} `);
  });

  test('version prints the version alone', async () => {
    expect(await maru(['version'])).toEqual({
      code: 0,
      out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/),
      err: '',
    });
  });

  test.each([
    [['strat'], 'maru: maru has no command "strat"; see maru help\n'],
    [['check-config', 'now'], 'maru: maru check-config takes no "now"; see maru help\n'],
    [['check-config', '--prot', '1'], /^maru: Unknown option '--prot'.*see maru help\n$/],
    [['check-config', '--set', 'gateway.prot=1'], /^maru: --set gateway\.prot is no setting of Maru.*\n$/],
    [['check-config', '--config', 'none.yaml'], /^maru: cannot read the configuration .*none\.yaml.*\n$/],
  ] as const)('%j is one clear line on standard error and an exit code', async (args, line) => {
    const { code, out, err } = await maru(args);
    expect([code, out]).toEqual([1, '']);
    if (typeof line === 'string') expect(err).toBe(line);
    else expect(err).toMatch(line);
  });

  test('every problem of the configuration is a line', async () => {
    const { code, err } = await maru(['start', '--set', 'web.port=x'], { MARU_NOPE: '1' });
    expect(code).toBe(1);
    expect(err.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/^maru: MARU_NOPE is no setting/),
      expect.stringMatching(/^maru: web\.port: /),
    ]);
  });

  test('check-config prints what would be used, from maru.yaml too, and no secret', async () => {
    await writeFile(join(folder, 'maru.yaml'), 'chat:\n  port: 4711\n');
    const secret = 'a-very-secret-secret-of-32-characters';
    const { code, out, err } = await maru(['check-config'], { MARU_IDENTITY_SECRET: secret });
    await rm(join(folder, 'maru.yaml'));
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toMatchObject({
      chat: { port: 4711 },
      identity: { secret: '[secret]' },
      file: join(folder, 'maru.yaml'),
    });
    expect(out).not.toContain(secret);
  });

  test('a busy port is one clear line that says which setting to change', async () => {
    const busy = createServer();
    await new Promise<void>((resolve) => busy.listen(0, '127.0.0.1', resolve));
    const { port } = busy.address() as AddressInfo;
    const { code, out, err } = await maru([
      'gateway',
      '--set',
      `gateway.port=${port}`,
      '--set',
      'operations.port=0',
      '--set',
      'log.level=silent',
    ]);
    await new Promise((resolve) => busy.close(resolve));
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(
      /^maru: gateway: port \d+ on 127\.0\.0\.1 is in use by another process; set gateway\.port .*\n$/,
    );
  });
});
