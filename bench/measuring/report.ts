// What a benchmark says first, the machine, and last, its figures: to people, and to a file for `npm run guarantees`.
import { writeFileSync } from 'node:fs';
import { arch, cpus, platform, totalmem } from 'node:os';

export type Machine = {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
  readonly node: string;
  readonly sqlite: string;
};

/** What `--json FILE` holds. */
export type Report<Figures = unknown> = {
  readonly at: string;
  readonly seconds: number;
  readonly machine: Machine;
  readonly figures: Figures;
};

export function machineOf(): Machine {
  return {
    cpu: (cpus()[0]?.model ?? 'unknown').trim(),
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${arch()}`,
    node: process.version,
    sqlite: process.versions.sqlite ?? 'none',
  };
}

/** Prints the machine. @returns how the report ends: `figures` must have been checked. */
export function beginReport<Figures>(file: string | undefined): (figures: Figures) => void {
  const machine = machineOf();
  const begun = performance.now();
  console.log(`${machine.cpu} × ${machine.cores}, ${machine.memoryGiB} GiB, ${machine.system}`);
  console.log(`Node ${machine.node}, SQLite ${machine.sqlite}`);
  return (figures) => {
    if (file === undefined) return;
    const seconds = Math.round((performance.now() - begun) / 1_000);
    const report: Report<Figures> = { at: new Date().toISOString(), seconds, machine, figures };
    writeFileSync(file, `${JSON.stringify(report, null, 2)}\n`);
  };
}
