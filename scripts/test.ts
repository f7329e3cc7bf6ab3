// `npm test`: every suite, one after the other; how long each took and how many tests passed.
// `npm test -- stomp e2e` runs the named ones.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { reportClients, type TestResult } from '../e2e/interop/report.ts';
import { commandOf, run } from './command.ts';
import { type Outcome, runParts } from './suites.ts';

const SUITES = ['architecture', 'stomp', 'contract', 'client', 'server', 'e2e', 'interop'] as const;

type VitestReport = {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly (TestResult & {
      readonly fullName: string;
      readonly failureMessages: readonly string[];
    })[];
  }[];
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !SUITES.some((suite) => suite === name));
if (unknown.length > 0) throw new Error(`no suite ${unknown.join(', ')}; there are ${SUITES.join(', ')}`);

await runParts(
  SUITES.filter((suite) => wanted.length === 0 || wanted.includes(suite)).map((suite) => ({
    name: suite,
    run: () => runSuite(suite),
  })),
);

async function runSuite(project: string): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'maru-test-'));
  const file = join(folder, 'report.json');
  try {
    const args = [
      'run',
      '--project',
      project,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
    ];
    const code = await run(commandOf('vitest'), args);
    const report = JSON.parse(readFileSync(file, 'utf8')) as VitestReport;
    // A test that was not run is no test that passed.
    const failed = report.numFailedTests + report.numPendingTests + report.numTodoTests;
    const wentWrong = code !== 0 && failed === 0;
    const outcome = {
      passed: report.numPassedTests,
      failed: wentWrong ? 1 : failed,
      failures: report.testResults.flatMap(failuresOf),
    };
    if (project !== 'interop') return outcome;
    return { ...outcome, notRun: reportClients(report.testResults.flatMap((file) => file.assertionResults)) };
  } catch (error) {
    console.error(`${project}: no report came: ${(error as Error).message}`);
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** A line for each test of a file that didn't pass; one for a file that has no test to blame. */
function failuresOf(file: VitestReport['testResults'][number]): readonly string[] {
  const path = relative(process.cwd(), file.name);
  const failed = file.assertionResults.filter(({ status }) => status !== 'passed');
  if (failed.length === 0) return file.status === 'failed' ? [`${path}: ${firstLine(file.message)}`] : [];
  return failed.map(
    ({ fullName, status, failureMessages }) =>
      `${path}: ${fullName.trim()}: ${firstLine(failureMessages[0] ?? status)}`,
  );
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? '';
}
