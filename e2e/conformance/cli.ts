// `npm run conformance -- --url …`: the suite against any STOMP server over WebSocket.
import { CHECKS } from './checks/index.ts';
import { HELP, type Options, readOptions, UsageError } from './options.ts';
import { writePage } from './page.ts';
import { Peer } from './peer.ts';
import { isRequired, type Report, type Result, writeReport } from './result.ts';
import { type Case, casesOf, type Run, runAll } from './run.ts';
import type { Target } from './target.ts';
import { Unmet } from './unmet.ts';

const SIGN = { pass: '✓', fail: '✗', unseen: '?' } as const;

try {
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) console.log(HELP);
  else process.exitCode = await look(options);
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\nnpm run conformance -- --help tells more`);
  process.exitCode = 2;
}

async function look(options: Options): Promise<number> {
  const { target, json, strict, transcript, software, atATime } = options;
  const say = json ? () => undefined : console.log;
  const cases = wanted(options);
  await expectADoor(target);
  const runs: Run[] = [];
  for (const { run } of runAll(cases, target, { atATime })) {
    const done = await run;
    runs.push(done);
    say(lineOf(done));
    if (transcript && done.verdict !== 'pass') for (const line of done.transcript) say(`        ${line}`);
  }
  const results = runs.map(({ transcript: _, shortcomings: __, ...result }) => result);
  const report: Report = { software, date: new Date().toISOString().slice(0, 10), results };
  if (json) console.log(JSON.stringify(report, null, 2));
  for (const line of summaryOf(results)) say(line);
  if (options.write !== undefined) say(`\nwritten: ${writeReport(options.write, report)}, ${writePage()}`);
  const counting = results.filter((result) => strict || isRequired(result));
  return counting.every(({ verdict }) => verdict === 'pass') ? 0 : 1;
}

/** Without a way in every check would fail, and none would say why. */
async function expectADoor(target: Target): Promise<void> {
  const peer = new Peer(target);
  try {
    const connection = await peer.connect('1.2');
    const place = peer.place();
    connection.subscribe(place);
    await connection.untilMarker(place);
  } catch (error) {
    if (!(error instanceof Unmet)) throw error;
    const { destination, sendTo = destination } = target;
    throw new UsageError(
      `${target.url}: CONNECT, SUBSCRIBE to ${destination} and SEND to ${sendTo} did not work: ${error.message}\n${peer.transcript.join('\n')}`,
    );
  } finally {
    peer.end();
  }
}

function wanted({ only }: Options): Case[] {
  const cases = casesOf(
    CHECKS.filter(({ row }) => only.length === 0 || only.some((one) => row.startsWith(one))),
  );
  if (cases.length === 0) throw new UsageError(`--only ${only.join(', ')}: there is no such row`);
  return cases;
}

function lineOf({ verdict, row, version, level, ours, requirement, seen }: Run): string {
  const weight = ours ? `(${level})` : level;
  return `${SIGN[verdict]} ${row} ${version} ${weight.padEnd(8)} ${requirement}${seen === '' ? '' : ` — ${seen}`}`;
}

function summaryOf(results: readonly Result[]): string[] {
  const groups: Record<string, (result: Result) => boolean> = {
    'MUST of STOMP': isRequired,
    'SHOULD of STOMP': ({ level, ours }) => level === 'SHOULD' && !ours,
    'MAY of STOMP': ({ level, ours }) => level === 'MAY' && !ours,
    "Maru's own contract, in brackets above": ({ ours }) => ours,
  };
  return Object.entries(groups).map(([name, belongs]) => {
    const group = results.filter(belongs);
    const count = (verdict: Result['verdict']): number =>
      group.filter((result) => result.verdict === verdict).length;
    return `${name}: ${count('pass')} of ${group.length} met, ${count('fail')} not, ${count('unseen')} cannot be seen`;
  });
}
