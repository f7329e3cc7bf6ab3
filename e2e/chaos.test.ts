// A short run of `npm run chaos`: kill -9 together and apart, real clients that come back, and nothing lost or doubled.
import { expect, it } from 'vitest';
import { runChaos } from './chaos/chaos.ts';

const ROUNDS = 4;

it('what has a RECEIPT is once in the history and once in every stream, whenever Maru is killed, together and apart', async () => {
  // Another run each time; what goes wrong can be had again with its seed.
  const seed = Date.now() >>> 0;
  const story: string[] = [];
  const result = await runChaos({
    rounds: ROUNDS,
    seed,
    apartEvery: 2,
    tell: (line) => story.push(line),
  });
  expect(result.breaches, `npm run chaos -- --seed ${seed}\n${story.join('\n')}`).toEqual([]);
  expect(result).toMatchObject({ rounds: ROUNDS, roundsApart: ROUNDS / 2 });
  expect(result.kills).toBeGreaterThanOrEqual(ROUNDS);
  // Somebody was under way at a kill, and everybody came back.
  expect(result.retries).toBeGreaterThan(0);
  expect(result.reconnects).toBeGreaterThan(0);
  expect(result.deliveriesChecked).toBeGreaterThan(result.messages);
}, 180_000);
