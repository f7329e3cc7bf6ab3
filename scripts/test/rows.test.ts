// Every row of the STOMP checklist, and every security row that the chat service answers for, is the name of a test.
import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

/** How many rows each section has: STOMP by its headings, security by what is at stake. */
const STOMP = { F: 21, E: 8, C: 15, H: 9, S: 8, U: 14, A: 8, T: 8, R: 11, L: 7 };
const SECURITY = { TK: 21, AZ: 9, FR: 14, CM: 5, TR: 8 };
/** A person's browser, and TLS and proxies in front: rows of the gateway and of the page. */
const ELSEWHERE = ['TR01', 'TR02', 'TR04'];

const rowsOf = (sections: Readonly<Record<string, number>>): string[] =>
  Object.entries(sections).flatMap(([section, rows]) =>
    Array.from({ length: rows }, (_, index) => section + String(index + 1).padStart(2, '0')),
  );

const tests = globSync(['packages/*/test/**/*.ts', 'e2e/**/*.ts', 'scripts/test/*.ts'], { cwd: ROOT })
  .filter((file) => !file.endsWith('rows.test.ts'))
  .map((file) => readFileSync(join(ROOT, file), 'utf8'))
  .join('\n');
/** Ids within string literals: names of tests and tables of them, never comments alone. */
const named = new Set(
  [...tests.matchAll(/(['"`])((?:(?!\1).)*)\1/g)].flatMap(([, , text = '']) =>
    [...text.matchAll(/\b([A-Z]{1,2}\d{2})\b/g)].map(([, id]) => id),
  ),
);

test('the 109 rows of the STOMP checklist are named by tests', () => {
  const rows = rowsOf(STOMP);
  expect(rows).toHaveLength(109);
  expect(rows.filter((row) => !named.has(row))).toEqual([]);
});

test('the rows of the security checklist on tokens, frames, framing, compression and content are named by tests', () => {
  const rows = rowsOf(SECURITY).filter((row) => !ELSEWHERE.includes(row));
  expect(rows.filter((row) => !named.has(row))).toEqual([]);
});
