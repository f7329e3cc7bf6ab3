// The model behind docs/scaling.md: what must hold of it whatever is put in.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { holders, needOf, randomOf } from '../../bench/scaling/model.ts';

test('more users never need less, of anything', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 200_000, max: 4_000_000 }),
      fc.integer({ min: 1, max: 2_000_000 }),
      (users, more) => {
        const [before, after] = [needOf(users), needOf(users + more)];
        for (const what of [
          'messages',
          'deliveries',
          'chatServices',
          'gateways',
          'busOut',
          'headsRead',
        ] as const) {
          expect(after[what]).toBeGreaterThanOrEqual(before[what]);
        }
      },
    ),
    { numRuns: 50 },
  );
});

test('how many services hold a room is what placing its members by chance comes to', () => {
  const random = randomOf(7);
  for (const [services, size] of [
    [8, 10],
    [80, 10],
    [80, 100],
    [80, 1_000],
  ] as const) {
    let held = 0;
    for (let time = 0; time < 2_000; time += 1) {
      held += new Set(Array.from({ length: size }, () => Math.floor(random() * services))).size;
    }
    expect(held / 2_000 / holders(services, size)).toBeCloseTo(1, 1.5);
  }
});

test('twice the users are twice the deliveries, each message to a room of a size that there is', () => {
  for (const users of [10_000, 1_000_000]) {
    const { deliveries, messages } = needOf(users);
    // Each message goes to between the smallest and the largest room's members.
    expect(deliveries / messages).toBeGreaterThan(10);
    expect(deliveries / messages).toBeLessThan(100_000);
  }
  expect(needOf(1_000_000).deliveries / needOf(500_000).deliveries).toBeCloseTo(2, 1);
});
