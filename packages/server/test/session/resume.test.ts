// Nothing lost, nothing twice, in order: connections cut ten thousand times, in the middle of everything.
import { expect, test } from 'vitest';
import { runResume } from './resume-run.ts';

test('10,000 dropped connections: every reader has heard the log, each entry once and in order', {
  timeout: 300_000,
}, async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  const result = await runResume({ drops: 10_000, seed });
  // What a failure shows is enough to run it again.
  expect({ ...result, seed }).toMatchObject({ lost: 0, doubled: 0, inverted: 0, foreign: 0 });
  expect(result.entries).toBeGreaterThan(1_000);
  // They were behind all along, and read the log.
  expect(result.pagesRead).toBeGreaterThan(100);
});
