// docs/guarantees.md: the prose of guarantees-page.md, with the tables of what was measured in it.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PARTS, type Row } from './guarantees-parts.ts';
import type { Machine, Measured, PartName, Results } from './guarantees-results.ts';

const TEMPLATE = join(import.meta.dirname, 'guarantees-page.md');
export const PAGE = join(import.meta.dirname, '../docs/guarantees.md');

/** @throws if the template names a part that isn't there, or leaves one out. */
export function renderPage(results: Results): string {
  const named = new Set<string>();
  const page = readFileSync(TEMPLATE, 'utf8').replaceAll(/^\{\{(\w+)\}\}$/gm, (_, name: string) => {
    named.add(name);
    if (name === 'machines') return machinesOf(results);
    if (!isPart(name)) throw new Error(`${TEMPLATE}: there is no part ${name}`);
    return tableOf(name, results);
  });
  const missing = Object.keys(PARTS).filter((name) => !named.has(name));
  if (missing.length > 0) throw new Error(`${TEMPLATE} does not show ${missing.join(', ')}`);
  return page;
}

export function isPart(name: string): name is PartName {
  return Object.hasOwn(PARTS, name);
}

/** What a part's figures come to. */
export function rowsOf<Name extends PartName>(name: Name, measured: Measured<Name>): readonly Row[] {
  return PARTS[name].rows(measured.figures);
}

function tableOf(name: PartName, results: Results): string {
  const measured = results[name];
  if (measured === undefined) return `*Not measured yet: \`npm run guarantees -- --full --only ${name}\`.*`;
  const lines = rowsOf(name, measured).map(
    ({ what, figure, target, isMet }) =>
      `| ${what} | ${figure} | ${target === undefined ? '' : `${target}: ${isMet ? 'met' : '**missed**'}`} |`,
  );
  return [
    '| measured | figure | held against |',
    '|---|---|---|',
    ...lines,
    '',
    `${dayOf(measured.at)}, ${measured.seconds} s, Node ${measured.machine.node}: \`${measured.command}\``,
  ].join('\n');
}

/** Each machine that a figure is from, once. */
function machinesOf(results: Results): string {
  const machines = Object.values(results).map(({ machine }) => describe(machine));
  return [...new Set(machines)].map((machine) => `- ${machine}`).join('\n') || '- none yet';
}

function describe({ cpu, cores, memoryGiB, system, sqlite }: Machine): string {
  return `${cores} × ${cpu}, ${memoryGiB} GiB, ${system}, SQLite ${sqlite}`;
}

/** `23 November 2026`. */
function dayOf(at: string): string {
  return new Intl.DateTimeFormat('en-GB', { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(at));
}
