// Makes a fresh checkout ready: the packages of the lockfile, the built web page and, with --tests, a browser, PostgreSQL
// and NATS; where CI=true also what other people's clients run on.
//
//   node scripts/prepare.cjs [--tests] [--root <folder>]
//
// npm runs it before start, test and check with whatever Node the machine has; packages/… run on the Node that it
// installs. So this file is plain CommonJS in the syntax of Node 12 and depends on nothing. Each step is skipped without
// a word when there is nothing to do.
// biome-ignore-all lint/style/useNodejsImportProtocol: Node 12 and 14 before 14.18 can't require with the prefix.
// biome-ignore-all lint/complexity/useOptionalChain: Node 12 has no optional chaining.
'use strict';

const { spawnSync } = require('child_process');
const { createHash } = require('crypto');
const fs = require('fs');
const path = require('path');

const NODE_MAJOR = 26;
const PLATFORMS = 'Linux x64 and arm64 (glibc), macOS x64 and arm64, Windows x64';

/** What the built page is made of: files, and folders with all that is in them. */
const WEB_SOURCES = [
  'packages/web/src',
  'packages/web/public',
  'packages/web/index.html',
  'packages/web/package.json',
  'packages/web/vite.config.ts',
  'packages/client/src',
  'packages/contract/src',
  'packages/stomp/src',
  'package-lock.json',
];

const CHROMIUM = '/usr/bin/chromium';
const CHROMIUM_PACKAGES = ['chromium', 'fonts-noto-cjk'];

/** What chat services share when they are several: where Debian has the program, and the package that brings it. */
const ENGINES = [
  { isHere: hasPostgres, brings: 'postgresql' },
  { isHere: hasNats, brings: 'nats-server' },
];

/** What the clients of e2e/interop are built with: a command that tells whether it is here, and what brings it. */
const INTEROP_TOOLS = [
  { probe: ['python3', '-c', 'import ensurepip, venv'], brings: 'python3-venv' },
  { probe: ['go', 'version'], brings: 'golang-go' },
  { probe: ['javac', '-version'], brings: 'default-jdk-headless' },
  { probe: ['mvn', '--version'], brings: 'maven' },
];

// Whatever this machine's settings leave out, the development packages build the page and the optional ones hold Node.
// Warnings are about the Node that npm runs on, which runs nothing else.
const NPM_OPTIONS = ['--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];

/** A failure that is told in one line. */
class Failure extends Error {}

function main(args) {
  const root = path.resolve(optionOf(args, '--root') || path.join(__dirname, '..'));
  preparePackages(root);
  prepareWeb(root);
  if (!args.includes('--tests')) return;
  prepareBrowser();
  prepareEngines();
  prepareInterop();
}

function optionOf(args, name) {
  const at = args.indexOf(name);
  return at === -1 ? undefined : args[at + 1];
}

// Packages.

function preparePackages(root) {
  const lockfile = path.join(root, 'package-lock.json');
  if (!isFile(lockfile)) throw new Failure(`${lockfile} is missing; is this a whole checkout?`);
  const stampFile = path.join(root, 'node_modules', '.maru-lock');
  const stamp = digest(root, ['package-lock.json']);
  if (readStamp(stampFile) === stamp && installedNode(root) !== undefined) return;

  say('installing packages (npm ci), this takes a minute the first time …');
  const npm = findNpm();
  let result = runNpm(npm, root, ['ci']);
  // `--no-save`: as locked, and the lockfile stays as it is.
  if (onlyMissesOtherPlatforms(root, result)) result = runNpm(npm, root, ['install', '--no-save']);
  if (!succeeded(result)) {
    process.stderr.write(output(result));
    throw new Failure(`npm ${ending(result)}; its own message is above`);
  }
  linkNode(root);
  checkNode(root);
  fs.writeFileSync(stampFile, `${stamp}\n`);
}

function runNpm(npm, root, command) {
  // npm leaves out, without a word, optional packages that do not want the Node it runs on; ours run on the one they bring.
  const preload = npm.args.length > 0 ? ['--require', __filename] : [];
  return spawnSync(npm.command, preload.concat(npm.args, command, NPM_OPTIONS), {
    cwd: root,
    env: npm.env,
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
}

/** In npm's process, where this file is preloaded: the Node that the packages are for is the one among them. */
function nameComingNode(root) {
  const { optionalDependencies } = readJson(path.join(root, 'package.json'));
  const name = Object.keys(optionalDependencies || {}).find((dependency) => dependency.startsWith('node-'));
  if (name === undefined) return;
  const version = /[0-9]+\.[0-9]+\.[0-9]+/.exec(optionalDependencies[name]);
  if (version === null) return;
  Object.defineProperty(process, 'version', {
    value: `v${version[0]}`,
    enumerable: true,
    configurable: true,
  });
}

/**
 * npm 11 refuses a lockfile in which a package's builds for other platforms are not entered, as when the registry that
 * wrote it doesn't carry them; npm 9 and 10 install it. Any other difference from package.json stays an error.
 */
function onlyMissesOtherPlatforms(root, result) {
  const differences = output(result).match(/\b(Missing|Invalid): .*/g) || [];
  const { packages } = readJson(path.join(root, 'package-lock.json'));
  const optional = Object.assign({}, ...Object.keys(packages).map((at) => packages[at].optionalDependencies));
  const names = differences.map((line) => (/^Missing: (@?[^@\s]+)@/.exec(line) || [])[1]);
  return names.length > 0 && names.every((name) => name in optional);
}

/** npm, run by the Node it came with: an old npm fails on a new Node, and node_modules/.bin may put a new one in front. */
function findNpm() {
  const env = Object.assign({}, process.env, { PATH: searchPath().join(path.delimiter) });
  // npm tells its scripts the folder it works in; the npm started here finds its own.
  delete env.npm_config_local_prefix;
  const given = process.env.npm_execpath;
  // yarn and pnpm set the same variable.
  if (given !== undefined && /^npm-cli\.c?js$/.test(path.basename(given)) && isFile(given)) {
    return { command: process.env.npm_node_execpath || process.execPath, args: [given], env };
  }
  const windows = process.platform === 'win32';
  for (const folder of searchPath()) {
    const launcher = path.join(folder, 'npm');
    if (!isFile(launcher)) continue;
    const script = windows
      ? path.join(folder, 'node_modules', 'npm', 'bin', 'npm-cli.js')
      : fs.realpathSync(launcher);
    if (!script.endsWith('.js') || !isFile(script)) return { command: launcher, args: [], env };
    const node = path.join(folder, windows ? 'node.exe' : 'node');
    return { command: isFile(node) ? node : process.execPath, args: [script], env };
  }
  throw new Failure('npm was not found; run this by `npm start` or `npm test`, or install npm');
}

/** PATH without the folders that npm puts in front of it for a script. */
function searchPath() {
  const bin = path.join('node_modules', '.bin');
  const folders = (process.env.PATH || process.env.Path || '').split(path.delimiter);
  return folders.filter((folder) => folder !== '' && !path.normalize(folder).endsWith(bin));
}

/** The Node that scripts find first on their PATH; Windows has a command file there, and the program elsewhere. */
function installedNode(root) {
  const linked = path.join(root, 'node_modules', '.bin', 'node');
  return process.platform === 'win32' ? platformNode(root) : [linked].find(isFile);
}

/** The program in the one package, of those for all platforms, that npm took for this one. */
function platformNode(root) {
  const { optionalDependencies } = readJson(path.join(root, 'package.json'));
  for (const name of Object.keys(optionalDependencies || {})) {
    const folder = path.join(root, 'node_modules', name);
    if (!name.startsWith('node-') || !isFile(path.join(folder, 'package.json'))) continue;
    const { bin } = readJson(path.join(folder, 'package.json'));
    if (bin && bin.node && isFile(path.join(folder, bin.node))) return path.join(folder, bin.node);
  }
  return undefined;
}

/** npm 9 and 10 link the program and then take the link away, with those of the other platforms' packages. */
function linkNode(root) {
  const node = platformNode(root);
  if (process.platform === 'win32' || node === undefined || installedNode(root) !== undefined) return;
  const bin = path.join(root, 'node_modules', '.bin');
  fs.mkdirSync(bin, { recursive: true });
  fs.chmodSync(node, 0o755);
  const link = path.join(bin, 'node');
  // A link into a folder that is gone would be in the way.
  if (fs.readdirSync(bin).includes('node')) fs.unlinkSync(link);
  fs.symlinkSync(path.relative(bin, node), link);
}

function checkNode(root) {
  const node = installedNode(root);
  const version = node === undefined ? '' : String(spawnSync(node, ['--version']).stdout || '').trim();
  if (Number((/^v(\d+)\./.exec(version) || [])[1]) >= NODE_MAJOR) return;
  const found = version === '' ? 'none that runs' : version;
  throw new Failure(
    `Maru needs Node ${NODE_MAJOR} and its packages brought ${found} for ${process.platform}-${process.arch}; supported are ${PLATFORMS}`,
  );
}

// The web page.

function prepareWeb(root) {
  if (!isFile(path.join(root, 'packages', 'web', 'vite.config.ts'))) return;
  const stampFile = path.join(root, 'packages', 'web', 'dist', '.maru-sources');
  const stamp = digest(root, WEB_SOURCES);
  if (readStamp(stampFile) === stamp) return;

  say('building the web page …');
  const vite = path.join('node_modules', 'vite', 'bin', 'vite.js');
  const result = spawnSync(installedNode(root), [vite, 'build', path.join('packages', 'web')], {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 16 * 1024 * 1024,
  });
  if (!succeeded(result)) {
    process.stderr.write(output(result));
    throw new Failure(`the web page could not be built: vite build ${ending(result)}`);
  }
  fs.mkdirSync(path.dirname(stampFile), { recursive: true });
  fs.writeFileSync(stampFile, `${stamp}\n`);
}

// The browser of the tests.

function prepareBrowser() {
  const given = process.env.CHROMIUM;
  if (given !== undefined && given !== '') {
    if (isFile(given)) return;
    throw new Failure(`CHROMIUM is set to ${given}, where there is no program`);
  }
  if (isFile(CHROMIUM)) return;
  if (!hasApt()) {
    throw new Failure(
      'the browser tests need Chromium; install it and set CHROMIUM to the path of its program',
    );
  }
  if (process.getuid() !== 0) {
    throw new Failure(`the browser tests need Chromium; run: sudo sh -c '${aptLine(CHROMIUM_PACKAGES)}'`);
  }
  aptInstall(CHROMIUM_PACKAGES, 'the browser tests');
  if (!isFile(CHROMIUM)) throw new Failure(`${CHROMIUM_PACKAGES[0]} was installed without ${CHROMIUM}`);
}

// The database and the bus of the tests with several chat services.

function prepareEngines() {
  const missing = ENGINES.filter(({ isHere }) => !isHere()).map(({ brings }) => brings);
  if (missing.length === 0) return;
  const purpose = 'the tests of several chat services';
  if (!hasApt()) throw new Failure(`${purpose} need ${missing.join(' and ')}; install them`);
  if (process.getuid() !== 0)
    throw new Failure(`${purpose} need more; run: sudo sh -c '${aptLine(missing)}'`);
  aptInstall(missing, purpose);
}

/** PostgreSQL's own programs are not on the PATH: a machine may have several versions. */
function hasPostgres() {
  const folder = '/usr/lib/postgresql';
  if (!fs.existsSync(folder)) return false;
  return fs
    .readdirSync(folder)
    .some((version) => Number(version) >= 15 && isFile(path.join(folder, version, 'bin', 'initdb')));
}

function hasNats() {
  return searchPath()
    .concat('/usr/sbin')
    .some((folder) => isFile(path.join(folder, 'nats-server')));
}

// What other people's clients run on.

/** Large, so it is installed only where every client must run; elsewhere the suite tells which it could not. */
function prepareInterop() {
  if (process.env.CI !== 'true') return;
  const missing = INTEROP_TOOLS.filter(({ probe }) => !succeeded(spawnSync(probe[0], probe.slice(1))));
  if (missing.length === 0 || !hasApt() || process.getuid() !== 0) return;
  aptInstall(
    missing.map(({ brings }) => brings),
    'the interop tests',
  );
}

// Debian's packages.

function hasApt() {
  return searchPath().some((folder) => isFile(path.join(folder, 'apt-get')));
}

function aptLine(packages) {
  return `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`;
}

function aptInstall(packages, purpose) {
  say(`installing ${packages.join(' and ')} for ${purpose} (apt-get), this takes a minute …`);
  const result = spawnSync('sh', ['-c', aptLine(packages)], {
    encoding: 'utf8',
    env: Object.assign({}, process.env, { DEBIAN_FRONTEND: 'noninteractive' }),
    maxBuffer: 16 * 1024 * 1024,
  });
  if (succeeded(result)) return;
  process.stderr.write(output(result));
  throw new Failure(`${packages.join(' and ')} could not be installed; run: ${aptLine(packages)}`);
}

// What the steps share.

/** One digest of the names and contents of files, in an order that is the same everywhere; what is missing is left out. */
function digest(root, sources) {
  const hash = createHash('sha256');
  for (const file of sources.reduce((all, source) => all.concat(filesOf(root, source)), [])) {
    const content = fs.readFileSync(path.join(root, file));
    hash.update(`${file}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

function filesOf(root, source) {
  const place = path.join(root, source);
  if (isFile(place)) return [source];
  if (!fs.existsSync(place)) return [];
  const names = fs.readdirSync(place).sort();
  return names.reduce((all, name) => all.concat(filesOf(root, `${source}/${name}`)), []);
}

function readStamp(file) {
  return isFile(file) ? fs.readFileSync(file, 'utf8').trim() : undefined;
}

function readJson(file) {
  return JSON.parse(fs.readFileSync(file, 'utf8'));
}

function isFile(file) {
  try {
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}

function succeeded(result) {
  return result.error === undefined && result.status === 0;
}

function output(result) {
  return `${result.stdout || ''}${result.stderr || ''}`;
}

function ending(result) {
  if (result.error) return `could not be started (${result.error.message})`;
  return result.signal ? `was ended by ${result.signal}` : `failed with exit code ${result.status}`;
}

function say(line) {
  process.stderr.write(`maru: ${line}\n`);
}

function run() {
  try {
    main(process.argv.slice(2));
  } catch (error) {
    // A file that can't be read or written is expected too; a fault of this script is not, and shows where it is.
    const expected = error instanceof Failure || error.syscall !== undefined;
    say(expected ? error.message : error.stack);
    process.exitCode = 1;
  }
}

if (require.main === module) run();
else nameComingNode(process.cwd());
