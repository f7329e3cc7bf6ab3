// docs/guarantees.md says what was measured: it is the template filled with the figures that are kept.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { PAGE, renderPage, rowsOf } from '../guarantees-page.ts';
import { PARTS } from '../guarantees-parts.ts';
import { type PartName, readResults } from '../guarantees-results.ts';

const ROOT = join(import.meta.dirname, '../..');
const NAMES = Object.keys(PARTS) as PartName[];
const results = readResults();

test('docs/guarantees.md is what the template and the newest figures give; `npm run guarantees -- --page` writes it', () => {
  expect(readFileSync(PAGE, 'utf8')).toBe(renderPage(results));
});

test.each(NAMES)(
  'the figures of %s are kept, and were made at full length by the script that is there',
  (name) => {
    const measured = results[name];
    const { script, full } = PARTS[name];
    expect(measured?.command).toBe(['node', script, ...full].join(' '));
    expect(existsSync(join(ROOT, script))).toBe(true);
  },
);

test.each(NAMES)('%s shows nothing lost, doubled or out of order', (name) => {
  const measured = results[name];
  if (measured === undefined) throw new Error(`${name} was not measured`);
  const broken = rowsOf(name, measured).filter(({ target, isMet }) => target === '0' && !isMet);
  expect(broken).toEqual([]);
});

test('a part that is not measured is said to be missing, not left out', () => {
  expect(renderPage({})).toContain('*Not measured yet: `npm run guarantees -- --full --only resume`.*');
});
