// Fuzzes the STOMP decoder: changed inputs, led by what they reach, held against the oracle.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { mutate, randomInput } from '../packages/stomp/test/fuzz-input.ts';
import { checkDecoder, minimised } from '../packages/stomp/test/fuzz-oracle.ts';
import { Random } from '../packages/stomp/test/fuzz-random.ts';
import { CoverageWatch } from './fuzz-coverage.ts';
import { FuzzFiles } from './fuzz-files.ts';
import type { FuzzRun, FuzzVerdict } from './fuzz-run.ts';

/** Inputs between two looks at the coverage. */
const BATCH = 128;
const MOST_INPUTS = 2_000;
/** What is in use after a garbage collection: the corpus, the coverage, and a decoder that has let everything go. */
const MOST_OCTETS_IN_USE = 300_000_000;

export async function fuzzDecoder(run: FuzzRun): Promise<FuzzVerdict> {
  const files = new FuzzFiles('decoder');
  const watch = new CoverageWatch('/packages/stomp/src/');
  const random = new Random(run.seed);
  const collectGarbage = garbageCollector();
  const corpus: Uint8Array[] = [];
  const outcomes = new Set<string>();
  let inputs = 0;

  const keep = (input: Uint8Array): void => {
    if (corpus.length < MOST_INPUTS) corpus.push(input);
    else corpus[random.below(MOST_INPUTS)] = input;
    files.keep(input);
  };
  const tryOne = (input: Uint8Array): string | undefined => {
    inputs += 1;
    return wrongWith(input, (outcome) => {
      if (outcomes.size >= MOST_INPUTS || outcomes.has(outcome)) return;
      outcomes.add(outcome);
      keep(input);
    });
  };
  const failure = (input: Uint8Array, wrong: string): FuzzVerdict => {
    const least = minimised(input, (shorter) => wrongWith(shorter) !== undefined);
    return {
      runs: inputs,
      wrong,
      shown: JSON.stringify(Buffer.from(least).toString('latin1')),
      again: files.fail(least),
    };
  };
  /** Tries all; keeps those that reach what none has reached. */
  const tryBatch = (batch: readonly Uint8Array[]): FuzzVerdict | undefined => {
    for (const input of batch) {
      const wrong = tryOne(input);
      if (wrong !== undefined) return failure(input, wrong);
    }
    if (!watch.look(false)) return undefined;
    for (const input of batch) {
      wrongWith(input);
      if (watch.look(true)) keep(input);
    }
    return undefined;
  };

  try {
    const first = [...files.corpus(), ...Array.from({ length: 500 }, () => randomInput(random))];
    for (let at = 0; at < first.length; at += BATCH) {
      const verdict = tryBatch(first.slice(at, at + BATCH));
      if (verdict !== undefined) return verdict;
    }
    while (run.goesOn()) {
      const batch = Array.from({ length: BATCH }, () =>
        random.once(20) ? randomInput(random) : mutate(random.pick(corpus), random, random.pick(corpus)),
      );
      const verdict = tryBatch(batch);
      if (verdict !== undefined) return verdict;
      await run.tell(
        () => `${inputs} inputs, ${watch.size} characters of source and ${outcomes.size} outcomes reached`,
      );
    }
    collectGarbage();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    const inUse = heapUsed + arrayBuffers;
    if (inUse > MOST_OCTETS_IN_USE) return { runs: inputs, wrong: `${inUse} octets of memory are in use` };
    return { runs: inputs };
  } finally {
    watch.stop();
  }
}

function wrongWith(input: Uint8Array, onOutcome?: (outcome: string) => void): string | undefined {
  try {
    const outcome = checkDecoder(input);
    onOutcome?.(outcome);
    return undefined;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}
