// `npm run chaos`: kills Maru again and again while people chat, and says whether anything was lost, doubled or reordered.
//   --rounds N    how many (200)                    --minutes N   no round begins after that
//   --seed N      the same choices as another run   --json FILE   writes the figures there
import { writeFileSync } from 'node:fs';
import { availableParallelism, cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { runChaos } from '../e2e/chaos/chaos.ts';

const APART_EVERY = 3;

/** What was asked for can't be done; says why, without a stack. */
function complain(problem: string): never {
  console.error(`chaos: ${problem}`);
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
        rounds: { type: 'string', default: '200' },
        minutes: { type: 'string' },
        seed: { type: 'string', default: String(Date.now() >>> 0) },
        json: { type: 'string' },
      },
    }).values;
  } catch (error) {
    return complain((error as Error).message);
  }
}

const given = optionsGiven();
const seed = numberOf('--seed', given.seed);
// The processes it has started end with it.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

console.log(`chaos: seed ${seed}`);
const result = await runChaos({
  rounds: numberOf('--rounds', given.rounds),
  ...(given.minutes === undefined ? {} : { minutes: numberOf('--minutes', given.minutes) }),
  seed,
  apartEvery: APART_EVERY,
  tell: (line) => console.log(line),
});
const { breaches, ...figures } = result;
console.log(`\nchaos: ${JSON.stringify(figures, undefined, 1)}`);
if (given.json !== undefined) {
  const [cpu] = cpus();
  const machine = { cpu: cpu?.model ?? '', cores: availableParallelism(), node: process.version };
  const text = JSON.stringify({ ...result, machine, at: new Date().toISOString() }, undefined, 2);
  writeFileSync(given.json, `${text}\n`);
}
for (const breach of breaches) console.error(`chaos: ${breach}`);
if (breaches.length > 0) console.error(`chaos: again with --seed ${seed}`);
else console.log('chaos: nothing was lost, doubled or reordered');
process.exitCode = breaches.length === 0 ? 0 : 1;
