// The documentation says what the code does: its tables are the code's, its links lead somewhere, its example is the example.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { isErrorCode } from '@maru/contract';
import { expect, test } from 'vitest';
import { SETTINGS } from '../../packages/server/src/config.ts';
import { LIMITS, NOT_LIMITS } from '../../packages/server/src/limit-table.ts';
import { METRICS } from '../../packages/server/src/telemetry/metric-table.ts';
import { TABLES, withTable } from '../tables.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const PAGES = globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT });

test.each(TABLES)('the table of $name in $file is the one of the code; `npm run docs` writes it', (table) => {
  const page = read(table.file);
  expect(page).toBe(withTable(page, table));
});

test('every setting of the chat service is a limit in the table, or none; what says that it bounds is one', () => {
  const limits = Object.keys(LIMITS).map((name) => `chat.${name}`);
  const others = NOT_LIMITS.map((name) => `chat.${name}`);
  const settings = [...SETTINGS.keys()].filter((path) => path.startsWith('chat.'));
  expect([...limits, ...others].sort()).toEqual(settings.sort());
  const bounds = settings.filter((path) =>
    /^(Most|Largest|Longest|Time) /.test(SETTINGS.get(path)?.description ?? ''),
  );
  expect(bounds.filter((path) => !limits.includes(path))).toEqual([]);
});

test.each(['docs/limits.md', 'docs/operations.md'])('every metric, code and setting in %s is one', (page) => {
  const text = read(page);
  const all = (pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, found = '']) => found);
  const metrics = all(/\b(maru_[a-z_]+)/g);
  expect(metrics.length).toBeGreaterThan(5);
  expect(metrics.filter((name) => !Object.hasOwn(METRICS, name))).toEqual([]);
  expect(all(/maru_refusals_total\{code="([^"]+)"\}/g).filter((code) => !isErrorCode(code))).toEqual([]);
  const named = all(/`((?:chat|gateway|identity|operations|tokens|web)\.(?!db|pid|lock)[A-Za-z.]+)`/g);
  expect(named.filter((path) => !SETTINGS.has(path))).toEqual([]);
});

test('every limit has a test that names it', () => {
  const tests = globSync('packages/server/test/**/*.test.ts', { cwd: ROOT }).map(read).join('\n');
  const names = new Set(
    [...tests.matchAll(/\b(?:test|it)(?:\.each\([^)]*\))?\(\s*['"`]([^\n]*)/g)].flatMap(([, title = '']) =>
      [...title.matchAll(/\bchat\.(\w+)/g)].map(([, name = '']) => name),
    ),
  );
  expect(Object.keys(LIMITS).filter((name) => !names.has(name))).toEqual([]);
});

test('every link between pages leads to a file', () => {
  const broken = PAGES.flatMap((page) =>
    [...read(page).matchAll(/\]\((?!https?:|#|mailto:)([^)#]+)/g)]
      .map(([, target = '']) => join(dirname(page), target))
      .filter((target) => !existsSync(join(ROOT, target))),
  );
  expect(PAGES.length).toBeGreaterThan(6);
  expect(broken).toEqual([]);
});

test.each(['README.md', 'README.ko.md'])('%s shows the example as it stands in examples/chat.mjs', (page) => {
  expect(read(page)).toContain(read('examples/chat.mjs').trim());
});

test('docs/handlers.md shows the example as it stands in examples/handlers.ts', () => {
  expect(read('docs/handlers.md')).toContain(`\`\`\`ts\n${read('examples/handlers.ts').trim()}\n\`\`\``);
});

test('both READMEs have the same commands and the same sections', () => {
  const blocks = (page: string): string[] =>
    [...read(page).matchAll(/```sh\n([\s\S]*?)```/g)].map(([, block = '']) =>
      block
        .split('\n')
        .filter((line) => !line.startsWith('#'))
        .join('\n'),
    );
  const headings = (page: string): number => [...read(page).matchAll(/^## /gm)].length;
  expect(blocks('README.ko.md')).toEqual(blocks('README.md'));
  expect(headings('README.ko.md')).toBe(headings('README.md'));
});
