// Maru from its packages: built, packed, installed in an empty folder and used there as by somebody who has no checkout.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandOf } from '../scripts/command.ts';
import { runNpm } from '../scripts/npm.ts';
import { freePort } from './free-port.ts';
import { MaruProcess } from './maru-process.ts';
import { createRoom, history, postMessage, signUp } from './people.ts';

const PACKAGES = ['stomp', 'contract', 'client', 'web', 'server'];
const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Past this a program counts as one that doesn't end. */
const END_WITHIN_MS = 30_000;

let folder: string;
let build: string;
let app: string;

/** The packages' own folder knows no checkout: what a package forgot to bring is missing here. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maru-embed-'));
  build = join(folder, 'build');
  app = join(folder, 'app');
  await runTool(join(ROOT, 'scripts/build.ts'), ['--out', build], ROOT);
  const tarballs = (await readdir(build)).filter((name) => name.endsWith('.tgz'));
  await mkdir(app);
  await writeFile(join(app, 'package.json'), '{ "private": true, "type": "module" }');
  await runNpm(app, [
    'install',
    '--prefer-offline',
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    ...tarballs.map((name) => join(build, name)),
    ...(await versionsOf('@stomp/stompjs', '@types/node')),
  ]);
}, 300_000);
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('what is packed', () => {
  it.each(PACKAGES)('@maru/%s is a package as it should be', async (name) => {
    const file = (await readdir(build)).find((entry) => entry.startsWith(`maru-${name}-`)) ?? '';
    const { buffer } = new Uint8Array(await readFile(join(build, file)));
    const { messages, pkg } = await publint({ pack: { tarball: buffer }, strict: true });
    expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
    const installed = join(app, 'node_modules/@maru', name);
    expect(await readdir(installed)).toEqual(['LICENSE', 'README.md', 'dist', 'package.json']);
    const sources = (await readdir(join(installed, 'dist'), { recursive: true })).filter((entry) =>
      /(?<!\.d)\.ts$/.test(entry),
    );
    expect(sources).toEqual([]);
  });
});

describe('a program with Maru in it', () => {
  it('starts it, people chat, closes it and ends by itself', async () => {
    await copyFile(join(ROOT, 'e2e/embedding/chat.mjs'), join(app, 'chat.mjs'));
    expect(await run('chat.mjs')).toEqual([
      'the page: 200',
      'Ann: Good evening',
      'Ben was sent away with 1012',
      '',
    ]);
    expect(await readdir(join(app, 'chat-data'))).toContain('chat.db');
  });

  it('is checked by the types of the packages, all of them, and runs with the client', async () => {
    await copyFile(join(ROOT, 'e2e/embedding/typed.ts'), join(app, 'typed.ts'));
    await typeCheck(['typed.ts']);
    expect(await run('typed.ts')).toEqual([
      'problems: gateway.port, chat.frameOctets',
      'listening: operations, identity, chat, gateway',
      'Cho: 안녕하세요',
      'the wire format: function, function',
      '',
    ]);
  });

  it('a mistake in the options is one for the compiler', async () => {
    await writeFile(
      join(app, 'mistaken.ts'),
      "import { createMaru } from '@maru/server';\ncreateMaru({ settings: { gateway: { prot: 1 } } });\n",
    );
    await expect(typeCheck(['mistaken.ts'])).rejects.toThrow(/mistaken\.ts\(2,.*'prot' does not exist/);
  });

  it('what the pages show compiles', async () => {
    const files: string[] = [];
    for (const page of ['docs/embedding.md', 'packages/server/README.md']) {
      const blocks = [...(await readFile(join(ROOT, page), 'utf8')).matchAll(/```(js|ts)\n(.*?)```/gs)];
      expect(blocks.length, page).toBeGreaterThan(0);
      for (const [, language, lines = ''] of blocks) {
        const file = `page-${files.length}.${language === 'ts' ? 'ts' : 'mjs'}`;
        await writeFile(join(app, file), lines);
        files.push(file);
      }
    }
    await typeCheck(files);
  });

  it.each(['the checkout', 'the packages'])('examples/embed.ts runs from %s, until Ctrl-C', async (from) => {
    const example = join(ROOT, 'examples/embed.ts');
    if (from === 'the packages') await copyFile(example, join(app, 'embed.ts'));
    const ports = await freePorts();
    const child = spawn(process.execPath, [from === 'the packages' ? 'embed.ts' : example], {
      cwd: app,
      env: {
        ...environment(),
        MARU_DATA_DIR: 'example-data',
        MARU_GATEWAY_PORT: ports[0],
        MARU_CHAT_PORT: ports[1],
        MARU_IDENTITY_PORT: ports[2],
        MARU_WEB_PORT: ports[3],
        MARU_OPERATIONS_PORT: '0',
      },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const exited = once(child, 'exit');
    try {
      const [said] = (await Promise.race([once(child.stdout, 'data'), exited])) as [Buffer];
      expect(String(said)).toBe(`Chat is at ws://localhost:${ports[0]}/chat\n`);
      child.kill('SIGINT');
      expect(await exited).toEqual([0, null]);
    } finally {
      child.kill('SIGKILL');
    }
  });
});

describe('the packed command', () => {
  it('says its version, by the name it was installed under', async () => {
    const { version } = JSON.parse(await readFile(join(ROOT, 'packages/server/package.json'), 'utf8')) as {
      version: string;
    };
    // npx does the same: the folder comes first on the PATH.
    const { stdout } = await promisify(execFile)(join(app, 'node_modules/.bin/maru'), ['version'], {
      cwd: app,
      env: environment(),
    });
    expect(stdout).toBe(`${version}\n`);
  });

  it('maru start serves the page and keeps what people write', async () => {
    const [gateway = '', chat = '', identity = '', web = ''] = await freePorts();
    const maru = new MaruProcess(['start'], {
      folder: app,
      cli: join(app, 'node_modules/@maru/server/dist/cli.js'),
      settings: {
        'gateway.port': gateway,
        'chat.port': chat,
        'identity.port': identity,
        'web.port': web,
        'operations.port': 0,
      },
    });
    try {
      await maru.ready();
      const page = await fetch(`http://127.0.0.1:${web}/`);
      expect(await page.text()).toContain('<title>Maru');
      const door = { url: `http://localhost:${gateway}` };
      const ann = await signUp(door, 'Ann');
      const roomId = await createRoom(door, ann);
      const message = await postMessage(door, ann, roomId, 'Good evening');
      expect((await history(door, ann, roomId)).messages).toEqual([message]);
    } finally {
      expect(await maru.end()).toEqual({ code: 0, signal: null });
    }
  });
});

/** Rejects unless the program ends by itself, with exit code 0. @returns the lines it printed. */
async function run(program: string): Promise<string[]> {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [program, ...(await freePorts())], {
    cwd: app,
    env: environment(),
    timeout: END_WITHIN_MS,
  });
  expect(stderr).toBe('');
  return stdout.split('\n');
}

/** As strictly as a person could want it, the packages' own declarations too. Rejects with what the compiler says. */
async function typeCheck(files: readonly string[]): Promise<void> {
  const flags = ['--noEmit', '--strict', '--exactOptionalPropertyTypes', '--module', 'nodenext'];
  const args = [...flags, '--checkJs', '--types', 'node', ...files];
  await runTool(commandOf('typescript', 'tsc'), args, app);
}

/** Rejects with all that it said. */
async function runTool(file: string, args: readonly string[], cwd: string): Promise<void> {
  await promisify(execFile)(process.execPath, [file, ...args], { cwd }).catch(
    ({ stdout, stderr }: { stdout: string; stderr: string }) => {
      throw new Error(stdout + stderr);
    },
  );
}

/** With the versions that this checkout has tested. */
async function versionsOf(...names: string[]): Promise<string[]> {
  const file = await readFile(join(ROOT, 'package.json'), 'utf8');
  const { devDependencies } = JSON.parse(file) as { devDependencies: Record<string, string> };
  return names.map((name) => `${name}@${devDependencies[name]}`);
}

async function freePorts(): Promise<string[]> {
  const ports = new Set<number>();
  while (ports.size < 4) ports.add(await freePort());
  return [...ports].map(String);
}

/** Nothing of the test runner's, and this Node first on the PATH. */
function environment(): NodeJS.ProcessEnv {
  const own = Object.entries(process.env).filter(([name]) => !/^(MARU_|NODE_|VITEST|npm_)/.test(name));
  const path = [dirname(process.execPath), process.env.PATH ?? ''].join(delimiter);
  return { ...Object.fromEntries(own), PATH: path };
}
