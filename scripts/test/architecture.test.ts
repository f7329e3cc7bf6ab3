// The layout holds: imports go one way, nothing goes round, files stay small, and the flow page names files that exist.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const SOURCES = globSync('packages/*/src/**/*.ts', { cwd: ROOT }).map((file) => file.split(sep).join('/'));
const MAX_LINES = 400;

/** Which workspaces each workspace may import. */
const WORKSPACES: Readonly<Record<string, readonly string[]>> = {
  stomp: [],
  contract: [],
  client: ['contract', 'stomp'],
  web: ['client', 'contract'],
  server: ['contract', 'stomp'],
};

/** Inside the server: what each stage may import; files beside `main.ts` are the root, which may import all. */
const STAGES: Readonly<Record<string, readonly string[]>> = {
  gateway: ['http', 'identity', 'telemetry'],
  session: ['handlers', 'authorization', 'store', 'broker', 'identity', 'http', 'telemetry'],
  handlers: ['authorization', 'store', 'broker', 'identity', 'http', 'telemetry'],
  authorization: ['store', 'identity', 'telemetry'],
  broker: ['store', 'telemetry'],
  store: ['telemetry'],
  identity: ['http', 'telemetry'],
  web: ['http', 'telemetry'],
  http: ['telemetry'],
  telemetry: [],
};

type Import = { readonly from: string; readonly specifier: string; readonly typeOnly: boolean };

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), 'utf8');
  const statements = text.matchAll(
    /^(?:import|export)\s+(type\s)?[^'"`;]*?from\s+'([^']+)'|\bimport\('([^']+)'\)/gm,
  );
  return [...statements].map(([, type, named = '', dynamic = named]) => ({
    from: file,
    specifier: dynamic,
    typeOnly: type !== undefined,
  }));
}

const IMPORTS = SOURCES.flatMap(importsOf);

/** The imported file, relative to the root; `undefined` for a package. */
function targetOf({ from, specifier }: Import): string | undefined {
  if (!specifier.startsWith('.')) return undefined;
  return relative(ROOT, resolve(ROOT, dirname(from), specifier))
    .split(sep)
    .join('/');
}

test('there are sources to look at', () => {
  expect(SOURCES.length).toBeGreaterThan(50);
  expect(IMPORTS.length).toBeGreaterThan(100);
});

test('workspaces import one way, and each other only by name', () => {
  const wrong = IMPORTS.filter(({ from, specifier }) => {
    const workspace = from.split('/')[1] ?? '';
    const imported = /^@maru\/([a-z]+)$/.exec(specifier)?.[1];
    if (imported !== undefined) return !WORKSPACES[workspace]?.includes(imported);
    return (
      specifier.startsWith('.') &&
      !targetOf({ from, specifier, typeOnly: false })?.startsWith(`packages/${workspace}/src/`)
    );
  });
  expect(wrong).toEqual([]);
});

test('the wire format has no dependency, the contract only zod', () => {
  const packages = (workspace: string) =>
    IMPORTS.filter(
      ({ from, specifier }) => from.startsWith(`packages/${workspace}/`) && !specifier.startsWith('.'),
    ).map(({ specifier }) => specifier);
  expect(packages('stomp')).toEqual([]);
  expect(new Set(packages('contract'))).toEqual(new Set(['zod']));
});

test('stages of the server import only the stages behind them', () => {
  const prefix = 'packages/server/src/';
  const wrong = IMPORTS.filter((imported) => {
    const target = targetOf(imported);
    if (!imported.from.startsWith(prefix) || target === undefined) return false;
    const [stage = '', inside] = imported.from.slice(prefix.length).split('/');
    if (inside === undefined) return false;
    const path = target.slice(prefix.length);
    const [targetStage = ''] = path.split('/');
    return (
      targetStage !== stage && !STAGES[stage]?.some((allowed) => allowed === targetStage || allowed === path)
    );
  });
  expect(wrong).toEqual([]);
});

test('no imports go round', () => {
  const graph = new Map<string, string[]>();
  for (const imported of IMPORTS) {
    const target = targetOf(imported);
    if (target === undefined || imported.typeOnly) continue;
    graph.set(imported.from, [...(graph.get(imported.from) ?? []), target]);
  }
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' → '));
    if (done.has(file)) return;
    done.add(file);
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
  };
  for (const file of graph.keys()) visit(file, []);
  expect(cycles).toEqual([]);
});

test(`no source file is longer than ${MAX_LINES} lines, and none is deeper than two folders below src`, () => {
  const long = SOURCES.filter(
    (file) => readFileSync(join(ROOT, file), 'utf8').split('\n').length > MAX_LINES + 1,
  );
  const deep = SOURCES.filter((file) => file.split('/').length > 6);
  expect({ long, deep }).toEqual({ long: [], deep: [] });
});

test('only config.ts reads the environment, and only main.ts opens the parts', () => {
  const readers = SOURCES.filter((file) => /process\.env\b/.test(readFileSync(join(ROOT, file), 'utf8')));
  expect(readers).toEqual(['packages/server/src/config.ts']);
  const openers = SOURCES.filter((file) =>
    /await openSqliteStore\(|new LocalBroker\(|createGateway\(\{/.test(
      readFileSync(join(ROOT, file), 'utf8'),
    ),
  );
  // What one of its parts is made of may be put together beside it.
  expect(openers).toEqual(['packages/server/src/main.ts', 'packages/server/src/open-broker.ts']);
});

test('every file begins with a sentence on what it is for', () => {
  const silent = SOURCES.filter((file) => !/^(#!.*\n)?\/[/*]/.test(readFileSync(join(ROOT, file), 'utf8')));
  expect(silent).toEqual([]);
});

test('the flow page names every stage and only files that exist', () => {
  const page = readFileSync(join(ROOT, 'ARCHITECTURE.md'), 'utf8');
  const named = [...page.matchAll(/`((?:packages|e2e|bench|scripts|docs|examples)\/[\w./-]+)`/g)].map(
    ([, path]) => path ?? '',
  );
  expect(named.length).toBeGreaterThan(15);
  expect(named.filter((path) => !existsSync(join(ROOT, path)))).toEqual([]);
  const flow = page.slice(page.indexOf('## The flow'), page.indexOf('## ', page.indexOf('## The flow') + 5));
  expect([...flow.matchAll(/^\d+\. /gm)]).toHaveLength(8);
  const unnamed = Object.keys(STAGES).filter((stage) => !page.includes(`packages/server/src/${stage}`));
  expect(unnamed).toEqual([]);
});
