// What `npm run guarantees` has measured, part by part, as it is kept in bench/results.
import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AppendFigures } from '../bench/append.ts';
import type { HistoryFigures } from '../bench/history.ts';
import type { Machine, Report } from '../bench/measuring/report.ts';
import type { ReceiptFigures } from '../bench/receipt.ts';
import type { ResumeFigures } from '../bench/resume.ts';
import type { SendCostFigures } from '../bench/send-cost.ts';
import type { SlowReaderFigures } from '../bench/slow-readers.ts';
import type { ChaosResult } from '../e2e/chaos/chaos.ts';

export type Figures = {
  readonly resume: ResumeFigures;
  readonly slowReaders: SlowReaderFigures;
  readonly receipt: ReceiptFigures;
  readonly append: AppendFigures;
  readonly chaos: ChaosResult;
  readonly history: HistoryFigures;
  readonly sendCost: SendCostFigures;
};
export type PartName = keyof Figures;

/** One part's figures, where they are from, and the command that makes them again. */
export type Measured<Name extends PartName = PartName> = Report<Figures[Name]> & { readonly command: string };
export type Results = { readonly [Name in PartName]?: Measured<Name> };
export type { Machine };

const FOLDER = join(import.meta.dirname, '../bench/results');

/** The newest ones; empty if there are none. */
export function readResults(): Results {
  const newest = globSync('guarantees-*.json', { cwd: FOLDER }).toSorted().at(-1);
  return newest === undefined ? {} : (JSON.parse(readFileSync(join(FOLDER, newest), 'utf8')) as Results);
}

/** As those of today. @returns the file's name in bench/results */
export function writeResults(results: Results): string {
  const name = `guarantees-${new Date().toISOString().slice(0, 10)}.json`;
  writeFileSync(join(FOLDER, name), `${JSON.stringify(results, null, 2)}\n`);
  return name;
}
