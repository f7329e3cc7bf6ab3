// The page says what the reports say, and the suite leaves no row of the checklist out.
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CHECKS } from './checks/index.ts';
import { PAGE, page } from './page.ts';
import { readReport } from './result.ts';
import { NOT_FROM_OUTSIDE, ROWS } from './rows.ts';
import { caseName, casesOf } from './run.ts';

test('docs/conformance.md is what the kept reports make; `npm run conformance -- … --write` makes it anew', () => {
  expect(readFileSync(PAGE, 'utf8')).toBe(page());
});

test('every row of the checklist has a check, or a reason why no client can see it', () => {
  const checked = new Set(CHECKS.map(({ row }) => row));
  expect(ROWS).toHaveLength(109);
  expect(ROWS.filter((row) => !checked.has(row) && NOT_FROM_OUTSIDE[row] === undefined)).toEqual([]);
  expect([...checked].filter((row) => !ROWS.includes(row) || NOT_FROM_OUTSIDE[row] !== undefined)).toEqual(
    [],
  );
});

test('no two checks have the same name', () => {
  const names = casesOf(CHECKS).map(caseName);
  expect(new Set(names).size).toBe(names.length);
});

test("Maru's kept report has every check, and every one is met", () => {
  const results = readReport('maru')?.results ?? [];
  const names = results.map(({ row, version, requirement }) => `${row} ${version}: ${requirement}`);
  expect(names).toEqual(casesOf(CHECKS).map(caseName));
  expect(results.filter(({ verdict }) => verdict !== 'pass')).toEqual([]);
});
