// What a run gives: a verdict for each check and version, and where it is kept.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Level } from './check.ts';
import type { Version } from './stomp-frame.ts';

export type Verdict = 'pass' | 'fail' | 'unseen';

export type Result = {
  readonly row: string;
  readonly requirement: string;
  readonly version: Version;
  readonly level: Level;
  /** A choice of Maru's contract. */
  readonly ours: boolean;
  readonly verdict: Verdict;
  /** What was seen; empty if there is nothing to say. */
  readonly seen: string;
};

export type Report = {
  /** What was looked at, with its versions and settings. */
  readonly software: string;
  readonly date: string;
  readonly results: readonly Result[];
};

/** What a server has to pass to conform to STOMP. */
export function isRequired({ level, ours }: Pick<Result, 'level' | 'ours'>): boolean {
  return level === 'MUST' && !ours;
}

const fileOf = (name: string): string => join(import.meta.dirname, 'results', `${name}.json`);

/** @returns the file */
export function writeReport(name: string, report: Report): string {
  const file = fileOf(name);
  const results = report.results.map((result) => `    ${JSON.stringify(result)}`).join(',\n');
  const { software, date } = report;
  writeFileSync(
    file,
    `{\n  "software": ${JSON.stringify(software)},\n  "date": ${JSON.stringify(date)},\n  "results": [\n${results}\n  ]\n}\n`,
  );
  return file;
}

export function readReport(name: string): Report | undefined {
  const file = fileOf(name);
  return existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Report) : undefined;
}
