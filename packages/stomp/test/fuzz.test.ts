// A short fuzz of the decoder; `npm run fuzz` goes on for minutes and is led by coverage.
import { expect, test } from 'vitest';
import { mutate, randomInput } from './fuzz-input.ts';
import { checkDecoder, minimised } from './fuzz-oracle.ts';
import { Random } from './fuzz-random.ts';

const RUN_MS = 5_000;

/** What is wrong with the decoder for this input. */
function wrongWith(input: Uint8Array): string | undefined {
  try {
    checkDecoder(input);
    return undefined;
  } catch (error) {
    return String(error);
  }
}

test('L07 the same frames and refusals however the octets are cut; what was decoded encodes to the same; for 5 s of changed frames', () => {
  const seed = Date.now() >>> 0;
  const random = new Random(seed);
  const corpus = Array.from({ length: 200 }, () => randomInput(random));
  let runs = 0;
  for (const end = performance.now() + RUN_MS; performance.now() < end; runs++) {
    const input = random.once(10)
      ? randomInput(random)
      : mutate(random.pick(corpus), random, random.pick(corpus));
    if (random.once(10)) corpus[random.below(corpus.length)] = input;
    const wrong = wrongWith(input);
    if (wrong === undefined) continue;
    const least = minimised(input, (shorter) => wrongWith(shorter) !== undefined);
    expect.fail(`seed ${seed}, run ${runs}: ${wrong}\ninput, base64: ${Buffer.from(least).toBase64()}`);
  }
  expect(runs).toBeGreaterThan(1_000);
});
