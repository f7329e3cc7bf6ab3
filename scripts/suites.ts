// Parts run one after the other, each timed and counted: what `npm test` and `npm run check` print at their end.

export type Outcome = {
  readonly passed: number;
  readonly failed: number;
  /** What went wrong, a line each: printed again at the end, where it is found. */
  readonly failures?: readonly string[];
  /** What this machine lacks the means for, a line each. Where all must run (CI=true) that is a failure. */
  readonly notRun?: readonly string[];
};
export type Part = { readonly name: string; run(): Promise<Outcome> };

type Row = Outcome & { readonly name: string; readonly seconds: number };

/** Runs all parts, also after one has failed; the last line is `N passed, N failed`, the exit code 1 if anything failed. */
export async function runParts(parts: readonly Part[]): Promise<void> {
  const rows: Row[] = [];
  for (const { name, run } of parts) {
    console.log(`\n── ${name}`);
    const start = performance.now();
    const outcome = await run();
    rows.push({ name, ...outcome, seconds: (performance.now() - start) / 1000 });
  }
  const sum = (of: (row: Row) => number): number => rows.reduce((total, row) => total + of(row), 0);
  const notRun = rows.flatMap((row) => row.notRun ?? []);
  const failed = sum((row) => row.failed) + (process.env.CI === 'true' ? notRun.length : 0);
  console.log('\n── what each took');
  for (const { name, seconds, ...counts } of rows) {
    console.log(
      `${seconds.toFixed(1).padStart(7)} s  ${name}: ${counts.passed} passed, ${counts.failed} failed`,
    );
  }
  console.log(
    `${sum((row) => row.seconds)
      .toFixed(1)
      .padStart(7)} s  in all\n`,
  );
  for (const { name, failures = [] } of rows) {
    for (const line of failures) console.log(`FAILED: ${name}: ${line}`);
  }
  for (const line of notRun) console.log(`NOT RUN: ${line}`);
  console.log(`${sum((row) => row.passed)} passed, ${failed} failed`);
  process.exitCode = failed === 0 ? 0 : 1;
}
