// The documentation says what the code does: its tables are the code's, its links lead somewhere, its example is the example.
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from 'vitest';
import { TABLES, withTable } from '../tables.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const PAGES = globSync(['*.md', 'docs/**/*.md'], { cwd: ROOT });

test.each(TABLES)('the table of $name in $file is the one of the code; `npm run docs` writes it', (table) => {
  const page = read(table.file);
  expect(page).toBe(withTable(page, table));
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
