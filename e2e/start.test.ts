// What a person sees who starts Maru: the lines it prints, what it finds again, and what it says when it cannot start.
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from './free-port.ts';
import { MaruProcess, type Settings } from './maru-process.ts';
import { accessToken, ask, call, createRoom, history, postMessage, signUp } from './people.ts';
import { StompClient } from './stomp-client.ts';

let folder: string;
let ports: Settings;
const started: MaruProcess[] = [];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maru-start-'));
  ports = {
    'identity.port': await freePort(),
    'chat.port': await freePort(),
    'gateway.port': await freePort(),
    'web.port': await freePort(),
    'operations.port': await freePort(),
  };
});
afterEach(async () => {
  for (const process of started.splice(0)) await process.end('SIGKILL');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function start(settings: Settings = {}, variables: Record<string, string> = {}): MaruProcess {
  const process = new MaruProcess(['start'], { folder, settings: { ...ports, ...settings }, variables });
  started.push(process);
  return process;
}

describe('starting', () => {
  it('says in a few lines what listens where, and how long it took', async () => {
    const maru = start();
    await maru.ready();
    await maru.end('SIGINT');
    expect(maru.stdout.split('\n').slice(0, 8)).toEqual([
      expect.stringMatching(/^Maru \d+\.\d+\.\d+ is ready after \d+ ms\.$/),
      expect.stringContaining(`http://127.0.0.1:${ports['web.port']} `),
      expect.stringContaining(`http://localhost:${ports['gateway.port']} `),
      expect.stringContaining(`127.0.0.1:${ports['chat.port']} `),
      expect.stringContaining(`127.0.0.1:${ports['identity.port']} `),
      expect.stringContaining(join(folder, 'data')),
      expect.stringContaining(`127.0.0.1:${ports['operations.port']} `),
      expect.stringContaining('Ctrl-C'),
    ]);
  });

  it('a second start finds the accounts, the rooms and the messages again', async () => {
    const gateway = { url: `http://localhost:${ports['gateway.port']}` };
    const settings = { 'gateway.identityUpstream': `http://127.0.0.1:${ports['identity.port']}` };
    const first = start(settings);
    await first.ready();
    const ann = await signUp(gateway, 'Ann');
    const roomId = await createRoom(gateway, ann);
    const message = await postMessage(gateway, ann, roomId, 'still here?');
    await first.end('SIGINT');

    await start(settings).ready();
    // Both hold: the session that was given before, and the access token made from it, signed with the same key.
    const again = { ...ann, token: await accessToken(gateway, ann.session) };
    for (const person of [ann, again]) {
      expect((await history(gateway, person, roomId)).messages).toEqual([message]);
    }
  });

  it('tokens are good whatever port the identity service has', async () => {
    const gateway = { url: `http://localhost:${ports['gateway.port']}` };
    await start().ready();
    const ann = await signUp(gateway, 'Ann');
    expect(await call(gateway, ann, 'GET /api/me')).toMatchObject({ name: 'Ann' });
  });

  it('Ctrl-C ends it cleanly', async () => {
    const maru = start();
    await maru.ready();
    expect(await maru.end('SIGINT')).toEqual({ code: 0, signal: null });
    expect(maru.stderr).toBe('');
  });

  it('keeps what it generates for its owner alone', async () => {
    await start().ready();
    for (const file of ['secrets.json', 'identity.db', 'chat.db']) {
      expect(await modeOf(join(folder, 'data', file)), file).toBe('600');
    }
    expect(await modeOf(join(folder, 'data'))).toBe('700');
  });

  it('a second Maru on the same data is refused', async () => {
    await start().ready();
    const other = {
      'identity.port': await freePort(),
      'chat.port': await freePort(),
      'gateway.port': await freePort(),
      'web.port': await freePort(),
      'operations.port': await freePort(),
    };
    await expectRefusal(start(other), /^maru: another Maru process \(pid \d+\) is using .*data$/);
  });

  it('writes no token, no password and no message to its log', async () => {
    const gateway = { url: `http://localhost:${ports['gateway.port']}` };
    const chatUrl = `ws://localhost:${ports['gateway.port']}/chat`;
    const maru = start({
      'log.level': 'trace',
      'gateway.identityUpstream': `http://127.0.0.1:${ports['identity.port']}`,
    });
    await maru.ready();
    const ann = await signUp(gateway, 'Ann');
    const roomId = await createRoom(gateway, ann);
    for (const tokenIn of ['subprotocol', 'headers'] as const) {
      const client = await StompClient.connect(chatUrl, ann.token, { tokenIn });
      await client.send(roomId, 'between the two of us');
      void client.send(roomId, 'between the two of us', { odd: true });
      await client.ended;
    }
    const refused = { token: `${ann.token}x` };
    await ask(gateway, `GET /api/rooms?access_token=${ann.token}`, refused);
    await StompClient.connect(chatUrl, refused.token).catch(() => undefined);
    const wrong = { email: ann.email, password: 'a wrong password' };
    await ask(gateway, 'POST /auth/sign-in/email', { body: wrong });
    await maru.end();
    const said = maru.stdout + maru.stderr;
    expect(said).toContain('session connected');
    // The signature alone would do for whoever knows the rest.
    const signature = ann.token.split('.')[2] ?? '';
    for (const secret of [signature, ann.session, ann.password, wrong.password, 'between the two of us']) {
      expect(said.includes(secret)).toBe(false);
    }
  });
});

describe('what cannot start says why in a line, and ends with a code that is not 0', () => {
  it('a port in use', async () => {
    const holder = createServer().listen(Number(ports['gateway.port']), '127.0.0.1');
    try {
      await expectRefusal(
        start(),
        new RegExp(
          `^maru: gateway: port ${ports['gateway.port']} on 127\\.0\\.0\\.1 is in use .*gateway\\.port`,
        ),
      );
    } finally {
      await new Promise((resolve) => holder.close(resolve));
    }
  });

  // Under a file, or the file itself: not even root can write a folder there.
  it.each(['a-file/data', 'a-file'])('a data folder that cannot be written: %s', async (dataDir) => {
    await writeFile(join(folder, 'a-file'), '');
    await expectRefusal(start({ dataDir: join(folder, dataDir) }), /^maru: cannot .*a-file/);
  });

  it('an unknown key, with the one that was probably meant', async () => {
    await withConfig('gateway:\n  prot: 1\n', (maru) =>
      expectRefusal(maru, /^maru: gateway\.prot is no setting of Maru; did you mean gateway\.port\?$/),
    );
  });

  it('several mistakes, a line each', async () => {
    await withConfig('port: 1\nchat:\n  heartBeatMs: soon\n', async (maru) => {
      expect(await maru.exited).toMatchObject({ code: 1 });
      expect(lines(maru.stderr)).toEqual([
        expect.stringMatching(/^maru: .*chat\.heartBeatMs/),
        expect.stringMatching(/^maru: port is no setting of Maru; did you mean .*port\?$/),
      ]);
    });
  });

  it('a configuration that is no YAML', async () => {
    await withConfig('gateway: [1, 2\n', (maru) =>
      expectRefusal(maru, /^maru: .*maru\.yaml is not valid YAML/),
    );
  });

  it('a configuration file that is not there', async () => {
    const maru = new MaruProcess(['start', '--config', 'none.yaml'], { folder });
    started.push(maru);
    await expectRefusal(maru, /^maru: cannot read the configuration .*none\.yaml/);
  });

  it('a variable that is no setting', async () => {
    await expectRefusal(
      start({}, { MARU_GATEWAY_PROT: '1' }),
      /^maru: MARU_GATEWAY_PROT is no setting of Maru/,
    );
  });

  it.each([
    [['begin'], /^maru: maru has no command "begin"; see maru help$/],
    [['start', 'now'], /^maru: maru start takes no "now"; see maru help$/],
    [['start', '--port', '1'], /^maru: .*--port.*see maru help$/],
    [['start', '--set', 'port=1'], /^maru: --set port is no setting of Maru/],
  ])('maru %j', async (command, line) => {
    const maru = new MaruProcess(command, { folder });
    started.push(maru);
    await expectRefusal(maru, line);
  });

  it.each([
    ['without a secret', {}, /^maru: In production .*identity.*must be set/],
    ['with a sample secret', { 'identity.secret': 'change-me-change-me-change-me-1234' }, /^maru: .*sample/],
    ['with a short secret', { 'identity.secret': 'kE8-92mf.Qz' }, /^maru: .*at least 32/],
  ])('production %s', async (_, settings, line) => {
    const dataDir = join(folder, 'production');
    await expectRefusal(start({ dataDir, ...settings }, { NODE_ENV: 'production' }), line);
    expect(await readdir(dataDir).catch(() => [])).not.toContain('secrets.json');
  });
});

/** One line on standard error, nothing on standard output. */
async function expectRefusal(maru: MaruProcess, line: RegExp): Promise<void> {
  expect(await maru.exited).toMatchObject({ code: 1 });
  expect(lines(maru.stderr)).toEqual([expect.stringMatching(line)]);
  expect(maru.stdout).toBe('');
}

async function withConfig(text: string, test: (maru: MaruProcess) => Promise<void>): Promise<void> {
  const file = join(folder, 'maru.yaml');
  await writeFile(file, text);
  try {
    await test(start());
  } finally {
    await rm(file);
  }
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}

async function modeOf(file: string): Promise<string> {
  return ((await stat(file)).mode & 0o777).toString(8);
}
