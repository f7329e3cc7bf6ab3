// `npm run build`: the packages as they are published, a folder and a tarball each, in build/ or `--out <folder>`.
//
// In the workspaces Node runs the sources as they are, which it refuses to do in somebody's node_modules. So each package
// is compiled to `dist`, and gets a manifest that points there.
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { commandOf, run } from './command.ts';
import { runNpm } from './npm.ts';

const ROOT = resolve(import.meta.dirname, '..');

type Workspace = {
  readonly name: 'stomp' | 'contract' | 'client' | 'web' | 'server';
  /** `dist` from where? `tsc` compiles `src`; vite has bundled the page with all it needs. */
  readonly builtBy: 'tsc' | 'vite';
  readonly node: string;
};

const WORKSPACES: readonly Workspace[] = [
  { name: 'stomp', builtBy: 'tsc', node: '>=22' },
  { name: 'contract', builtBy: 'tsc', node: '>=22' },
  { name: 'client', builtBy: 'tsc', node: '>=22' },
  { name: 'web', builtBy: 'vite', node: '>=22' },
  { name: 'server', builtBy: 'tsc', node: '>=26' },
];

type Manifest = {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly type: string;
  readonly sideEffects?: boolean;
  readonly exports: string | Readonly<Record<string, string>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
};

const { values } = parseArgs({ options: { out: { type: 'string', default: join(ROOT, 'build') } } });
await build(resolve(values.out));

async function build(out: string): Promise<void> {
  if (!existsSync(join(ROOT, 'packages/web/dist/index.html'))) {
    throw new Error('the web page is not built; `npm run build` builds it first');
  }
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out, { recursive: true });
  const compiled = join(out, '.compiled');
  const code = await run(commandOf('typescript', 'tsc'), [
    '-p',
    join(ROOT, 'tsconfig.build.json'),
    '--outDir',
    compiled,
  ]);
  if (code !== 0) throw new Error('the sources could not be compiled; what is wrong is above');

  for (const workspace of WORKSPACES) {
    const folder = await publish(workspace, compiled, out);
    // With its own file name last, so that a script can take it.
    const packed = await runNpm(folder, ['pack', '--ignore-scripts', '--pack-destination', out]);
    console.log(join(out, basename(packed.trim().split('\n').at(-1) ?? '')));
  }
  rmSync(compiled, { recursive: true });
}

/** @returns the folder of the package. */
async function publish({ name, builtBy, node }: Workspace, compiled: string, out: string): Promise<string> {
  const source = join(ROOT, 'packages', name);
  const folder = join(out, name);
  mkdirSync(folder);
  if (builtBy === 'tsc') renameSync(join(compiled, name, 'src'), join(folder, 'dist'));
  else {
    const isHidden = (file: string) => basename(file).startsWith('.');
    cpSync(join(source, 'dist'), join(folder, 'dist'), {
      recursive: true,
      filter: (file) => !isHidden(file),
    });
  }
  cpSync(join(source, 'README.md'), join(folder, 'README.md'));
  cpSync(join(ROOT, 'LICENSE'), join(folder, 'LICENSE'));
  const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as Manifest;
  const published = publishedManifest(manifest, builtBy === 'vite', node);
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(published, null, 2)}\n`);
  return folder;
}

/** What a workspace says of itself, with `dist` in the place of `src`, and without what only development needs. */
function publishedManifest(manifest: Manifest, isBundled: boolean, node: string) {
  const { name, version, description, license, type, sideEffects, bin, dependencies } = manifest;
  const entries = typeof manifest.exports === 'string' ? { '.': manifest.exports } : manifest.exports;
  return {
    name,
    version,
    description,
    license,
    type,
    sideEffects,
    engines: { node },
    files: ['dist'],
    exports: {
      ...mapValues(entries, (target) =>
        target.endsWith('.ts') ? { types: inDist(target, '.d.ts'), default: inDist(target, '.js') } : target,
      ),
      './package.json': './package.json',
    },
    bin: bin && mapValues(bin, (target) => inDist(target, '.js')),
    dependencies: isBundled ? undefined : dependencies,
  };
}

function inDist(target: string, extension: string): string {
  return target.replace(/^(\.\/)?src\//, '$1dist/').replace(/\.ts$/, extension);
}

function mapValues<T, U>(record: Readonly<Record<string, T>>, of: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, of(value)]));
}
