// Versions with known holes don't get in: the table of SECURITY.md, held against every copy in the lockfile.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');

type Version = readonly [major: number, minor: number, patch: number];

/** Packages through which what a stranger sends goes; each has to be in the table. */
const READ_STRANGERS = ['@fastify/static', 'better-auth', 'fastify', 'jose', 'undici', 'ws', 'zod'];

const table = new Map(
  [...read('SECURITY.md').matchAll(/^\| `([^`]+)` \|[^|]*\| (\d+\.\d+\.\d+) \| (.+) \|$/gm)].map(
    ([, name = '', least = '', reason = '']) => [name, { least, reason }],
  ),
);

const lock = JSON.parse(read('package-lock.json')) as {
  readonly packages: Readonly<Record<string, { readonly version?: string; readonly link?: boolean }>>;
};

function versionOf(text: string): Version {
  const [, major, minor, patch] = /^(\d+)\.(\d+)\.(\d+)$/.exec(text) ?? [];
  // A pre-release may lack what the release has.
  if (patch === undefined) throw new Error(`${text} is no released version`);
  return [Number(major), Number(minor), Number(patch)];
}

function isOlder(one: Version, other: Version): boolean {
  const index = one.findIndex((part, at) => part !== other[at]);
  return index !== -1 && (one[index] as number) < (other[index] as number);
}

/** Where the lockfile has a package, and in which version: a dependency may have a copy of its own. */
function copiesOf(name: string): { readonly path: string; readonly version: string }[] {
  return Object.entries(lock.packages).flatMap(([path, { version = '' }]) =>
    path.endsWith(`node_modules/${name}`) ? [{ path, version }] : [],
  );
}

test('TR08 the table names every package that reads what strangers send, and why its version is the least', () => {
  expect([...table.keys()].sort()).toEqual(READ_STRANGERS);
  for (const { reason } of table.values()) expect(reason).toMatch(/CVE-\d{4}-\d{4,}/);
});

test.each([...table])('TR08 no copy of %s is older than what SECURITY.md asks for', (name, { least }) => {
  const copies = copiesOf(name);
  expect(copies.length).toBeGreaterThan(0);
  expect(copies.filter(({ version }) => isOlder(versionOf(version), versionOf(least)))).toEqual([]);
});

test('TR08 every installed version is pinned: the lockfile has one for each package', () => {
  const foreign = Object.entries(lock.packages).filter(
    ([path, { link }]) => path.includes('node_modules/') && link !== true,
  );
  expect(foreign.length).toBeGreaterThan(100);
  expect(foreign.filter(([, { version }]) => version === undefined)).toEqual([]);
});

test.each([
  ['8.20.9', '8.21.0', true],
  ['8.21.0', '8.21.0', false],
  ['8.21.1', '8.21.0', false],
  ['9.0.0', '8.21.0', false],
  ['7.99.99', '8.21.0', true],
])('%s is older than %s: %s', (one, other, older) => {
  expect(isOlder(versionOf(one), versionOf(other))).toBe(older);
});
