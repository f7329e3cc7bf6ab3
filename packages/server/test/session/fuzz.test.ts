// A short fuzz of whole sessions; `npm run fuzz` goes on for minutes.
import { expect, test } from 'vitest';
import { Random } from '../../../stomp/test/fuzz-random.ts';
import { randomScenario } from './fuzz-scenario.ts';
import { FuzzGround } from './fuzz-session.ts';

const RUN_MS = 8_000;
const LANES = 8;

test('L07 AZ09 R06 sessions of good, changed and broken frames: each refusal has its ERROR and close code, receipts their order, and bystanders miss nothing; for 8 s', async () => {
  const seed = Date.now() >>> 0;
  const ground = await FuzzGround.open();
  const end = performance.now() + RUN_MS;
  let runs = 0;
  const lane = async (number: number) => {
    const random = new Random(seed + number);
    while (performance.now() < end) {
      const scenario = randomScenario(random);
      await ground.run(scenario, number).catch((error: unknown) => {
        expect.fail(`seed ${seed}, lane ${number}: ${error}\n${JSON.stringify(scenario)}`);
      });
      runs += 1;
    }
  };
  await Promise.all(Array.from({ length: LANES }, (_, number) => lane(number))).finally(() => ground.close());
  expect(runs).toBeGreaterThan(100);
}, 60_000);
