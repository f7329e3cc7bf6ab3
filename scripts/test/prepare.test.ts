// The preparation of a checkout: run for real, on a small project with real packages and npm, without a network.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const SCRIPT = new URL('../prepare.cjs', import.meta.url).pathname;
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'maru-prepare-'));
});
afterEach(() => rmSync(root, { recursive: true }));

function write(path: string, content: string, mode = 0o644): void {
  const file = join(root, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
  chmodSync(file, mode);
}

/** A project of two local packages: one brings `node`, as the platform packages do, the other a bundler. */
function createProject({ nodeVersion = process.version } = {}): void {
  const dependencies = { 'node-here': 'file:node-here', vite: 'file:vite' };
  const node = { version: '1.0.0', bin: { node: 'bin/node' } };
  const project = { name: 'small', version: '1.0.0' };
  write('package.json', JSON.stringify({ ...project, dependencies }));
  write(
    'package-lock.json',
    JSON.stringify({
      ...project,
      lockfileVersion: 3,
      requires: true,
      packages: {
        '': { ...project, dependencies },
        'node-here': node,
        'node_modules/node-here': { resolved: 'node-here', link: true },
        'node_modules/vite': { resolved: 'vite', link: true },
        vite: { version: '1.0.0' },
      },
    }),
  );
  write('node-here/package.json', JSON.stringify({ name: 'node-here', ...node }));
  write(
    'node-here/bin/node',
    `#!/bin/sh\n[ "$1" = --version ] && { echo ${nodeVersion}; exit; }\nexec '${process.execPath}' "$@"\n`,
    0o755,
  );
  write('vite/package.json', JSON.stringify({ name: 'vite', version: '1.0.0' }));
}

/** A web page, and a bundler that says much, empties its folder as the real one does, and fails on the word `fail`. */
function createWebPage(): void {
  write('packages/web/vite.config.ts', 'export default {};');
  write('packages/web/index.html', '<html></html>');
  write('packages/web/src/main.ts', 'one');
  write('packages/contract/src/index.ts', '');
  write(
    'vite/bin/vite.js',
    `const fs = require('fs');
    console.log('chatter', process.argv.slice(2).join(' '));
    const source = fs.readFileSync('packages/web/src/main.ts', 'utf8');
    if (source === 'fail') { console.error('main.ts: unexpected token'); process.exit(3); }
    fs.rmSync('packages/web/dist', { recursive: true, force: true });
    fs.mkdirSync('packages/web/dist');
    fs.writeFileSync('packages/web/dist/index.html', source);`,
  );
}

function prepare(args: readonly string[] = [], env: NodeJS.ProcessEnv = {}) {
  const { status, stderr, stdout } = spawnSync(process.execPath, [SCRIPT, '--root', root, ...args], {
    encoding: 'utf8',
    // In CI it installs more.
    env: { ...process.env, CI: '', ...env },
  });
  return { status, said: stderr.split('\n').filter((line) => line.startsWith('maru: ')), stderr, stdout };
}

describe('the packages', () => {
  test('are installed once, and again when the lockfile changed', () => {
    createProject();
    const first = prepare();
    expect(first).toMatchObject({
      status: 0,
      said: [expect.stringMatching(/installing packages \(npm ci\)/)],
    });
    expect(existsSync(join(root, 'node_modules/.bin/node'))).toBe(true);

    expect(prepare()).toMatchObject({ status: 0, stderr: '', stdout: '' });

    write('package-lock.json', `${readFileSync(join(root, 'package-lock.json'), 'utf8')}\n`);
    expect(prepare().said).toEqual(first.said);
    expect(prepare().stderr).toBe('');
  });

  test('are installed again when node_modules was removed, or the Node in it', () => {
    createProject();
    prepare();
    rmSync(join(root, 'node_modules'), { recursive: true });
    expect(prepare()).toMatchObject({ status: 0, said: [expect.stringMatching(/installing/)] });
    rmSync(join(root, 'node_modules/.bin/node'));
    expect(prepare()).toMatchObject({ status: 0, said: [expect.stringMatching(/installing/)] });
  });

  test('that fail to install are tried again the next time', () => {
    createProject();
    write('package.json', JSON.stringify({ name: 'small', dependencies: { other: 'file:other' } }));
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const { status, said, stderr } = prepare();
      expect(status).toBe(1);
      expect(said.at(-1)).toMatch(/^maru: npm failed with exit code \d+; its own message is above$/);
      expect(stderr).not.toMatch(/\n\s+at /);
    }
  });

  test.each([
    ['an old one', { nodeVersion: 'v25.9.0' }, /needs Node 26 .* brought v25\.9\.0 /],
    [
      'one that does not run here',
      { nodeVersion: '""' },
      /brought none that runs for .*supported are Linux x64/,
    ],
  ])('must bring a Node that is new enough: %s', (_name, options, message) => {
    createProject(options);
    const { status, said } = prepare();
    expect(status).toBe(1);
    expect(said.at(-1)).toMatch(message);
    expect(prepare().status).toBe(1);
  });

  test('that bring a Node without linking it get the link', () => {
    createProject();
    const optionalDependencies = { 'node-other': '26.0.0', 'node-this': '26.0.0' };
    write('package.json', JSON.stringify({ name: 'small', optionalDependencies }));
    write(
      'npm/npm-cli.js',
      `const fs = require('fs');
      fs.mkdirSync('node_modules/node-this/bin', { recursive: true });
      fs.writeFileSync('node_modules/node-this/package.json', '{"bin":{"node":"bin/node"}}');
      fs.copyFileSync('node-here/bin/node', 'node_modules/node-this/bin/node');
      fs.chmodSync('node_modules/node-this/bin/node', 0o644);`,
    );
    expect(prepare([], { npm_execpath: join(root, 'npm/npm-cli.js') }).status).toBe(0);
    const { stdout } = spawnSync(join(root, 'node_modules/.bin/node'), ['--version'], { encoding: 'utf8' });
    expect(stdout.trim()).toBe(process.version);
    expect(prepare().stderr).toBe('');
  });

  test('need a lockfile', () => {
    const { status, said, stderr } = prepare();
    expect(status).toBe(1);
    expect(said).toEqual([expect.stringMatching(/package-lock\.json is missing/)]);
    expect(stderr.trim().split('\n')).toHaveLength(1);
  });
});

describe('npm', () => {
  /** A program in place of npm's, that tells who runs it and with what. */
  function createNpm(path: string): string {
    write(
      path,
      `console.log(JSON.stringify([process.env.RUN_BY, ...process.argv.slice(2)])); process.exit(9);`,
    );
    return join(root, path);
  }
  function createNode(path: string, name: string): string {
    write(path, `#!/bin/sh\nRUN_BY=${name} exec '${process.execPath}' "$@"\n`, 0o755);
    return join(root, path);
  }
  const runBy = (env: NodeJS.ProcessEnv) => JSON.parse(prepare([], env).stderr.split('\n')[1] ?? '');

  test('is run by the Node it came with', () => {
    createProject();
    const env = {
      npm_execpath: createNpm('old/npm-cli.js'),
      npm_node_execpath: createNode('old/node', 'old-node'),
    };
    expect(runBy(env)).toEqual([
      'old-node',
      'ci',
      '--include=dev',
      '--include=optional',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ]);
  });

  // npm leaves out optional packages that do not want the Node it runs on, and ours run on another.
  test('takes the Node that the packages bring for its own', () => {
    createProject();
    const project = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    write(
      'package.json',
      JSON.stringify({ ...project, optionalDependencies: { 'node-here-x64': '99.1.2' } }),
    );
    write('npm/npm-cli.js', 'console.error("npm sees", process.version); process.exit(1);');
    const { stderr } = prepare([], { npm_execpath: join(root, 'npm/npm-cli.js') });
    expect(stderr).toContain('npm sees v99.1.2');
  });

  test.each([undefined, '/usr/lib/yarn.js', '/nowhere/npm-cli.js'])(
    'is found on PATH, with the Node beside it, when npm_execpath is %s',
    (npm_execpath) => {
      createProject();
      createNpm('lib/npm-cli.js');
      createNode('bin/node', 'its-own');
      symlinkSync('../lib/npm-cli.js', join(root, 'bin/npm'));
      createNode('node_modules/.bin/npm', 'the-wrong-one');
      const PATH = [join(root, 'node_modules/.bin'), join(root, 'bin'), process.env.PATH].join(':');
      expect(runBy({ npm_execpath, PATH })[0]).toBe('its-own');
    },
  );

  test.each([
    ['builds of a package for other platforms', 'Missing: native-other-os@1.0.0 from lock file', true],
    ['builds that its registry does not carry', 'Missing: native-other-os@ from lock file', true],
    ['a package that is needed', 'Missing: needed@1.0.0 from lock file', false],
    ['another version', "Invalid: lock file's native-other-os@1.0.0 does not satisfy 2", false],
  ])('that finds a difference between lockfile and package.json: %s', (_name, difference, tolerated) => {
    createProject();
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    lock.packages.vite.optionalDependencies = { 'native-other-os': '1.0.0' };
    write('package-lock.json', JSON.stringify(lock));
    write(
      'npm/npm-cli.js',
      `console.error('npm error ' + (process.argv[2] === 'ci' ? ${JSON.stringify(difference)} : process.argv.slice(2, 4)));
      process.exit(1);`,
    );
    const { status, stderr } = prepare([], { npm_execpath: join(root, 'npm/npm-cli.js') });
    expect(status).toBe(1);
    expect(stderr).toContain(tolerated ? 'install,--no-save' : difference);
  });

  test('that is nowhere is told in one line', () => {
    createProject();
    const { status, said } = prepare([], { npm_execpath: undefined, PATH: root });
    expect(status).toBe(1);
    expect(said.at(-1)).toMatch(/npm was not found/);
  });
});

describe('the web page', () => {
  const page = () => readFileSync(join(root, 'packages/web/dist/index.html'), 'utf8');

  beforeEach(() => {
    createProject();
    createWebPage();
  });

  test('is built once and without chatter', () => {
    const { status, said, stdout, stderr } = prepare();
    expect(status).toBe(0);
    expect(said.at(-1)).toBe('maru: building the web page …');
    expect(`${stdout}${stderr}`).not.toContain('chatter');
    expect(page()).toBe('one');
    expect(prepare()).toMatchObject({ status: 0, stderr: '', stdout: '' });
  });

  test.each([
    'packages/web/src/main.ts',
    'packages/web/src/deep/new.ts',
    'packages/contract/src/index.ts',
    'packages/web/index.html',
  ])('is built again when %s changed', (file) => {
    prepare();
    write(file, 'two');
    expect(prepare().said).toEqual(['maru: building the web page …']);
    expect(prepare().stderr).toBe('');
  });

  test('is built again when a source was removed, and when the built page was', () => {
    write('packages/client/src/index.ts', '');
    prepare();
    rmSync(join(root, 'packages/client/src/index.ts'));
    expect(prepare().said).toHaveLength(1);
    rmSync(join(root, 'packages/web/dist'), { recursive: true });
    expect(prepare().said).toHaveLength(1);
    expect(page()).toBe('one');
  });

  test('that cannot be built shows why, keeps the last one, and is tried again', () => {
    prepare();
    write('packages/web/src/main.ts', 'fail');
    for (let attempt = 0; attempt < 2; attempt += 1) {
      const { status, stderr, said } = prepare();
      expect(status).toBe(1);
      expect(stderr).toContain('main.ts: unexpected token');
      expect(said.at(-1)).toBe('maru: the web page could not be built: vite build failed with exit code 3');
    }
    expect(page()).toBe('one');
  });
});

describe('the browser', () => {
  beforeEach(() => {
    createProject();
    prepare();
  });

  test('is looked for only with --tests', () => {
    expect(prepare([], { CHROMIUM: '/nowhere/chromium' }).status).toBe(0);
  });

  test('that CHROMIUM names is enough', () => {
    write('chromium', '#!/bin/sh\n', 0o755);
    expect(prepare(['--tests'], { CHROMIUM: join(root, 'chromium') })).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  test('that CHROMIUM names and that is not there is told in one line', () => {
    const { status, said } = prepare(['--tests'], { CHROMIUM: '/nowhere/chromium' });
    expect(status).toBe(1);
    expect(said).toEqual(['maru: CHROMIUM is set to /nowhere/chromium, where there is no program']);
  });
});

describe("what other people's clients run on", () => {
  const PACKAGES = 'python3-venv golang-go default-jdk-headless maven';
  /** A machine that has apt-get, one that only writes down what it is asked, and of the rest what `tools` names. */
  function createMachine(tools: readonly string[]): NodeJS.ProcessEnv {
    createProject();
    prepare();
    write('chromium', '');
    mkdirSync(join(root, 'bin'));
    symlinkSync('/bin/sh', join(root, 'bin/sh'));
    write('bin/apt-get', `#!/bin/sh\necho "$@" >> '${join(root, 'asked')}'\n`, 0o755);
    for (const tool of tools) write(`bin/${tool}`, '#!/bin/sh\n', 0o755);
    return { PATH: join(root, 'bin'), CHROMIUM: join(root, 'chromium') };
  }
  const asked = () => (existsSync(join(root, 'asked')) ? readFileSync(join(root, 'asked'), 'utf8') : '');

  test('is not installed where the suite may tell what it could not run', () => {
    expect(prepare(['--tests'], createMachine([]))).toMatchObject({ status: 0, stderr: '' });
    expect(asked()).toBe('');
  });

  test('is installed where all must run and it is missing, if npm is run as root', () => {
    const { status, said } = prepare(['--tests'], { ...createMachine(['go']), CI: 'true' });
    const packages = PACKAGES.replace('golang-go ', '');
    const asRoot = {
      said: [expect.stringMatching(/^maru: installing python3-venv and .* for the interop tests/)],
      asked: `update\ninstall -y --no-install-recommends ${packages}\n`,
    };
    expect({ said, asked: asked() }).toEqual(process.getuid?.() === 0 ? asRoot : { said: [], asked: '' });
    expect(status).toBe(0);
  });

  test('is left alone where it is there', () => {
    const machine = { ...createMachine(['python3', 'go', 'javac', 'mvn']), CI: 'true' };
    expect(prepare(['--tests'], machine)).toMatchObject({ status: 0, stderr: '' });
    expect(asked()).toBe('');
  });
});

test('what is prepared already is found so in a moment', () => {
  createProject();
  createWebPage();
  for (let n = 0; n < 200; n += 1) write(`packages/web/src/file${n}.ts`, 'x'.repeat(4000));
  prepare();
  const stamp = statSync(join(root, 'packages/web/dist/.maru-sources')).mtimeMs;
  const times = Array.from({ length: 5 }, () => {
    const began = performance.now();
    expect(prepare().stderr).toBe('');
    return performance.now() - began;
  });
  expect(statSync(join(root, 'packages/web/dist/.maru-sources')).mtimeMs).toBe(stamp);
  // 100 ms on a machine of our own; one that is shared may be several times slower.
  expect(Math.min(...times)).toBeLessThan(500);
});
