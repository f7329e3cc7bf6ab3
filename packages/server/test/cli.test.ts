// The command `maru` in a process of its own: what it prints and how it ends.
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openWriting } from './store/writing.ts';

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
    const commands = [
      'start',
      'gateway',
      'chat',
      'identity',
      'web',
      'check-config',
      'backup',
      'restore',
      'verify',
    ];
    for (const command of commands) expect(out).toContain(`  ${command} `);
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
    [['start', '--json'], 'maru: maru start takes no "--json"; see maru help\n'],
    [['backup', 'a', '--quick'], 'maru: maru backup takes no "--quick"; see maru help\n'],
    [['backup'], 'maru: maru backup needs a FOLDER; see maru help\n'],
    [['restore', 'a', 'b'], 'maru: maru restore takes no "b"; see maru help\n'],
    [['verify', 'a'], 'maru: maru verify takes no "a"; see maru help\n'],
    [['verify', '--set', 'dataDir=none'], /^maru: there is no data of Maru in .*none\n$/],
    [['backup', 'a', '--set', 'dataDir=none'], /^maru: there is no data of Maru in .*none\n$/],
    [['restore', 'none'], /^maru: none is no backup of Maru: .*\n$/],
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

  test('verify prints a line for each problem, or JSON, and ends with 1 if there is one', async () => {
    const dataDir = join(folder, 'data');
    const writing = openWriting(dataDir);
    const owner = { userId: 'ann', name: 'Ann' };
    const { roomId } = writing.write({
      name: 'createRoom',
      input: { name: 'x', visibility: 'public', owner },
    });
    writing.close();
    const run = (...options: string[]) => maru(['verify', ...options, '--set', `dataDir=${dataDir}`]);
    expect(await run()).toEqual({
      code: 0,
      out: `No problem in ${dataDir}; rooms: 1, entries: 1.\n`,
      err: '',
    });

    const db = new DatabaseSync(join(dataDir, 'chat.db'));
    db.exec('UPDATE rooms SET member_count = 7');
    db.close();
    const problem = `room ${roomId}: it counts 7 members, there are 1`;
    const check = 'every member is counted, and joined by an entry';
    const { code, out, err } = await run('--quick');
    expect([code, err]).toEqual([1, '']);
    expect(out.split('\n').slice(0, 2)).toEqual([
      `chat.db: ${problem}   (${check})`,
      expect.stringContaining(`Problems in ${dataDir}: 1.`),
    ]);
    const json = await run('--json');
    expect([json.code, json.err]).toEqual([1, '']);
    expect(JSON.parse(json.out)).toEqual({
      dataDir,
      rooms: 1,
      entries: 1,
      problems: [{ file: 'chat.db', check, problem }],
    });
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
