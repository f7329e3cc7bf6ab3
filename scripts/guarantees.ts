// `npm run guarantees`: measures what docs/guarantees.md promises.
//   (nothing)           every part in a short form; prints what it finds and keeps nothing
//   --full              at full length, kept in bench/results and written into docs/guarantees.md; wants a quiet machine
//   --only NAME,NAME    these parts; with --full the others keep the figures they have
//   --page              measures nothing: the page anew from the figures that are kept
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { machineOf, type Report } from '../bench/measuring/report.ts';
import { run } from './command.ts';
import { isPart, PAGE, renderPage, rowsOf } from './guarantees-page.ts';
import { PARTS } from './guarantees-parts.ts';
import {
  type Figures,
  type Measured,
  type PartName,
  type Results,
  readResults,
  writeResults,
} from './guarantees-results.ts';

const ROOT = join(import.meta.dirname, '..');

function optionsGiven() {
  try {
    const { values } = parseArgs({
      options: {
        full: { type: 'boolean', default: false },
        only: { type: 'string', default: Object.keys(PARTS).join(',') },
        page: { type: 'boolean', default: false },
      },
    });
    return { ...values, names: values.only.split(',').map(partNamed) };
  } catch (error) {
    console.error(`guarantees: ${(error as Error).message}`);
    process.exit(2);
  }
}

function partNamed(name: string): PartName {
  if (isPart(name)) return name;
  throw new Error(`--only ${name}: there are ${Object.keys(PARTS).join(', ')}`);
}

/** `null`: it failed, or its own check did; it has said why. */
async function measure<Name extends PartName>(name: Name, full: boolean): Promise<Measured<Name> | null> {
  const { script, short, full: long } = PARTS[name];
  const args = full ? long : short;
  const folder = mkdtempSync(join(tmpdir(), 'maru-guarantees-'));
  const file = join(folder, 'figures.json');
  try {
    const begun = performance.now();
    if ((await run(join(ROOT, script), [...args, '--json', file])) !== 0) return null;
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report<Figures[Name]> | Figures[Name];
    const command = ['node', script, ...args].join(' ');
    if ('figures' in report && 'machine' in report) return { command, ...report };
    const seconds = Math.round((performance.now() - begun) / 1_000);
    return { command, at: new Date().toISOString(), seconds, machine: machineOf(), figures: report };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function print<Name extends PartName>(name: Name, measured: Measured<Name>): void {
  for (const { what, figure, target, isMet } of rowsOf(name, measured)) {
    const verdict = target === undefined ? '' : `  [${target}: ${isMet ? 'met' : 'MISSED'}]`;
    console.log(`  ${what}: ${figure}${verdict}`);
  }
}

/** The results with one more part in them. */
function withPart<Name extends PartName>(results: Results, name: Name, measured: Measured<Name>): Results {
  return { ...results, [name]: measured };
}

function writePage(results: Results): void {
  writeFileSync(PAGE, renderPage(results));
  console.log('docs/guarantees.md is written');
}

const { full, page, names } = optionsGiven();
let results = readResults();
if (!page) {
  for (const name of names) {
    console.log(`\n── ${name}`);
    const measured = await measure(name, full);
    if (measured === null) {
      process.exitCode = 1;
      console.error(`${name} FAILED`);
      continue;
    }
    console.log();
    print(name, measured);
    results = withPart(results, name, measured);
    // Each as it comes: a part that fails an hour later takes nothing with it.
    if (full) console.log(`kept in bench/results/${writeResults(results)}`);
  }
}
if (page || full) writePage(results);
