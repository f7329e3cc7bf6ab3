// `npm run fuzz`: looks for input that breaks the STOMP decoder, then for sessions that break the chat service.
//   --seconds N   how long each may take (120)      --seed N      the same choices as another run
//   --only NAME   decoder or session                --input FILE  one input again, with --only
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { checkDecoder } from '../packages/stomp/test/fuzz-oracle.ts';
import { fuzzDecoder } from './fuzz-decoder.ts';
import { FuzzRun, type FuzzVerdict } from './fuzz-run.ts';
import { fuzzSessions, runScenario } from './fuzz-session.ts';

type Target = {
  readonly fuzz: (run: FuzzRun) => Promise<FuzzVerdict>;
  /** Rejects with what is wrong with the input. */
  readonly again: (input: Uint8Array) => Promise<void>;
};

const TARGETS: Readonly<Record<string, Target>> = {
  decoder: { fuzz: fuzzDecoder, again: async (input) => void checkDecoder(input) },
  session: { fuzz: fuzzSessions, again: runScenario },
};

/** What was asked for can't be done; says why, without a stack. */
function complain(problem: string): never {
  console.error(`fuzz: ${problem}`);
  process.exit(2);
}

function numberOf(option: string, text: string): number {
  const number = Number(text);
  return Number.isFinite(number) && number >= 0 ? number : complain(`${option} ${text} is not a number`);
}

function optionsGiven() {
  try {
    return parseArgs({
      options: {
        seconds: { type: 'string', default: '120' },
        seed: { type: 'string', default: String(Date.now() >>> 0) },
        only: { type: 'string' },
        input: { type: 'string' },
      },
    }).values;
  } catch (error) {
    return complain((error as Error).message);
  }
}

async function fuzz(name: string, target: Target): Promise<void> {
  console.log(`${name}: ${seconds} s, seed ${seed}`);
  const run = new FuzzRun(name, { seconds, seed });
  const { runs, wrong, shown, again } = await target.fuzz(run);
  console.log(`${name}: ${runs} runs, ${Math.round(runs / run.seconds)} a second`);
  if (wrong === undefined) return console.log(`${name}: nothing found`);
  process.exitCode = 1;
  console.error(`${name}: ${wrong}\n${shown ?? ''}\nseed ${seed}\nagain: ${again ?? 'with this seed'}`);
}

const given = optionsGiven();
const seconds = numberOf('--seconds', given.seconds);
const seed = numberOf('--seed', given.seed);
const { only, input } = given;
const names = only === undefined ? Object.keys(TARGETS) : [only];

for (const name of names) {
  const target = TARGETS[name];
  if (target === undefined) {
    complain(`--only ${name}: there are ${Object.keys(TARGETS).join(' and ')}`);
  } else if (input === undefined) {
    await fuzz(name, target);
  } else if (only === undefined) {
    complain('--input needs --only, which says whose input it is');
  } else {
    await target.again(new Uint8Array(readFileSync(input)));
    console.log(`${name}: ${input} breaks nothing`);
  }
}
