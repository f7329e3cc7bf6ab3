// `npm run storm`: thousands of clients are dropped at once, by their network and by kill -9; when all are back, and how.
//   --together N   how many in one process (10,000; 0: none)   --rate N      how many the door takes in a second (1,000)
//   --apart N      how many with a gateway before (5,000)      --json FILE   writes the figures there
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { quantile, runStorm, type Storm, type StormOptions } from '../e2e/storm/storm.ts';

const PER_ROOM = 100;

/** What was asked for can't be done; says why, without a stack. */
function complain(problem: string): never {
  console.error(`storm: ${problem}`);
  process.exit(2);
}

function optionsGiven() {
  try {
    return parseArgs({
      options: {
        together: { type: 'string', default: '10000' },
        apart: { type: 'string', default: '5000' },
        rate: { type: 'string', default: '1000' },
        json: { type: 'string' },
      },
    }).values;
  } catch (error) {
    return complain((error as Error).message);
  }
}

function numberOf(option: string, text: string, least: number): number {
  const number = Number(text);
  return Number.isInteger(number) && number >= least
    ? number
    : complain(`${option} ${text}: must be a whole number, ${least} or more`);
}

function figuresOf({ times, tries, ...storm }: Storm) {
  const ms = (share: number) => Math.round(quantile(times, share));
  return {
    ...storm,
    many: times.length,
    backMs: { p50: ms(0.5), p99: ms(0.99), most: ms(1) },
    tries: { p50: quantile(tries, 0.5), p99: quantile(tries, 0.99), most: quantile(tries, 1) },
  };
}

const given = optionsGiven();
const admittedPerSecond = numberOf('--rate', given.rate, 1);
const crowds = {
  together: numberOf('--together', given.together, 0),
  apart: numberOf('--apart', given.apart, 0),
} as const satisfies Record<StormOptions['topology'], number>;
// The processes it has started end with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

const results: Record<string, unknown> = {};
for (const [topology, many] of Object.entries(crowds) as [StormOptions['topology'], number][]) {
  if (many === 0) continue;
  try {
    const storms = await runStorm({
      topology,
      many,
      perRoom: PER_ROOM,
      admittedPerSecond,
      tell: (line) => console.log(`storm: ${line}`),
    });
    results[topology] = storms.map(figuresOf);
  } catch (error) {
    console.error(`storm: ${topology}: ${(error as Error).message}`);
    process.exitCode = 1;
  }
}
if (given.json !== undefined) {
  const [cpu] = cpus();
  const machine = { cpu: cpu?.model ?? '', cores: availableParallelism(), node: process.version };
  const text = JSON.stringify(
    { ...results, admittedPerSecond, machine, at: new Date().toISOString() },
    undefined,
    2,
  );
  writeFileSync(given.json, `${text}\n`);
}
