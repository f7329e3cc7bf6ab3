// What the client programs run on: whether this machine has it, and how a program of it is built and started.
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify, stripVTControlCharacters } from 'node:util';

type CommandLine = readonly [command: string, ...args: string[]];

type Runtime = {
  /** As `NOT RUN` names it. */
  readonly name: string;
  /** Commands that must succeed; the version is the first number they print. */
  readonly probes: readonly { readonly line: CommandLine; readonly atLeast: readonly [number, number] }[];
  /** What the built program depends on, in the folder of the runtime's name. */
  readonly sources: readonly string[];
  /** How it is built, from that folder, into one that is empty. */
  build(built: string): readonly CommandLine[];
  /** How a program is started once it is built. */
  start(program: string, built: string): CommandLine;
};

const HERE = fileURLToPath(new URL('.', import.meta.url));
const CACHE = fileURLToPath(new URL('../../.cache/interop/', import.meta.url));
/** Past this a build hangs: what it wants to fetch does not come. */
export const BUILD_WITHIN_MS = 220_000;

export const RUNTIMES = {
  javascript: {
    name: 'node',
    probes: [],
    sources: [],
    build: () => [],
    start: (program) => [process.execPath, join(HERE, 'javascript', program)],
  },
  python: {
    name: 'python3 (3.10 or later, with venv)',
    probes: [
      {
        line: ['python3', '-c', 'import ensurepip, platform, venv; print(platform.python_version())'],
        atLeast: [3, 10],
      },
    ],
    sources: ['requirements.txt'],
    build: (built) => [
      ['python3', '-m', 'venv', built],
      [join(built, 'bin', 'python'), '-m', 'pip', '-q', 'install', '--no-deps', '-r', 'requirements.txt'],
    ],
    start: (program, built) => [join(built, 'bin', 'python'), join(HERE, 'python', program)],
  },
  go: {
    name: 'go (1.19 or later)',
    probes: [{ line: ['go', 'version'], atLeast: [1, 19] }],
    sources: ['go.mod', 'go.sum', 'main.go'],
    build: (built) => [['go', 'build', '-buildvcs=false', '-o', join(built, 'client'), '.']],
    start: (program, built) => [join(built, program)],
  },
  java: {
    name: 'JDK (17 or later) with mvn',
    probes: [
      { line: ['javac', '-version'], atLeast: [17, 0] },
      { line: ['mvn', '--version'], atLeast: [3, 6] },
    ],
    sources: ['pom.xml', 'src/main/java/Client.java'],
    build: () => [['mvn', '-B', '-q', 'compiler:compile', 'dependency:copy-dependencies']],
    // It lives for seconds: the better of its compilers would only cost.
    start: (program, built) => [
      'java',
      '-XX:TieredStopAtLevel=1',
      '-cp',
      `${join(built, 'classes')}:${join(built, 'dependency')}/*`,
      program,
    ],
  },
} as const satisfies Record<string, Runtime>;

export type RuntimeName = keyof typeof RUNTIMES;

const runtimeOf = (name: RuntimeName): Runtime => RUNTIMES[name];

/** Those that this machine has not, or only older. */
export function missingRuntimes(): RuntimeName[] {
  const names = Object.keys(RUNTIMES) as RuntimeName[];
  return names.filter((name) => versionsOf(runtimeOf(name)) === undefined);
}

/** Builds a client program whose sources or tools have changed; says so, for it may take minutes. */
export function build(name: RuntimeName): Promise<void> {
  const begun = builds.get(name) ?? buildAnew(name);
  builds.set(name, begun);
  return begun;
}

const builds = new Map<RuntimeName, Promise<void>>();

async function buildAnew(name: RuntimeName): Promise<void> {
  const runtime = runtimeOf(name);
  if (runtime.sources.length === 0) return;
  const folder = join(HERE, name);
  const built = builtOf(name);
  const stampFile = join(built, '.stamp');
  const hash = createHash('sha256').update(versionsOf(runtime) ?? '');
  for (const source of runtime.sources) hash.update(readFileSync(join(folder, source)));
  const stamp = hash.digest('hex');
  if (existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) return;

  console.log(`building the ${name} client …`);
  rmSync(built, { recursive: true, force: true });
  mkdirSync(built, { recursive: true });
  for (const [command, ...args] of runtime.build(built)) {
    // What it says is in the error, if it fails.
    await promisify(execFile)(command, args, { cwd: folder, timeout: BUILD_WITHIN_MS });
  }
  writeFileSync(stampFile, stamp);
}

export function startOf(name: RuntimeName, program: string): CommandLine {
  return runtimeOf(name).start(program, builtOf(name));
}

const builtOf = (name: RuntimeName): string => join(CACHE, name);

/** All that the probes say of versions; undefined if one fails or says too little. */
function versionsOf({ probes }: Runtime): string | undefined {
  const versions = probes.map(({ line: [command, ...args], atLeast: [leastMajor, leastMinor] }) => {
    // `javac -version` of some makers answers on stderr.
    const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
    const said = status === 0 ? stripVTControlCharacters(`${stdout}${stderr}`) : '';
    const [version, major = '0', minor = '0'] = /(\d+)(?:\.(\d+))?[.\d]*/.exec(said) ?? [];
    const enough =
      Number(major) > leastMajor || (Number(major) === leastMajor && Number(minor) >= leastMinor);
    return enough ? version : undefined;
  });
  return versions.includes(undefined) ? undefined : versions.join(' ');
}
