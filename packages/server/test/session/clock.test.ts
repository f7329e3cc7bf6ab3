// The one timer of all sessions.
import { expect, test } from 'vitest';
import { Clock, type Ticking } from '../../src/session/clock.ts';

test('each of them is looked at every tick until it is taken away', async () => {
  const clock = new Clock(10);
  const began = clock.now;
  const ticks: Record<string, number[]> = { a: [], b: [] };
  const until = (count: number, name: string) =>
    new Promise<Ticking>((resolve) => {
      const ticking: Ticking = {
        tick: (now) => {
          ticks[name]?.push(now);
          if (ticks[name]?.length === count) resolve(ticking);
        },
      };
      clock.add(ticking);
    });
  const [a, b] = await Promise.all([until(3, 'a'), until(3, 'b')]);
  expect(clock.size).toBe(2);
  clock.remove(a);
  const seen = ticks.a?.length;
  const [third = 0] = ticks.b?.slice(-1) ?? [];
  while ((ticks.b?.at(-1) ?? 0) < third + 30) await new Promise((resolve) => setImmediate(resolve));
  expect(ticks.a?.length).toBe(seen);
  expect(clock.now).toBeGreaterThan(began);
  expect(ticks.b).toEqual([...(ticks.b ?? [])].sort((x, y) => x - y));
  clock.remove(b);
  clock.stop();
  expect(clock.size).toBe(0);
});

test('whoever is taken away during a tick disturbs no other', async () => {
  const clock = new Clock(5);
  const left = new Set(['a', 'b', 'c']);
  await new Promise<void>((resolve) => {
    for (const name of ['a', 'b', 'c']) {
      const ticking: Ticking = {
        tick: () => {
          clock.remove(ticking);
          left.delete(name);
          if (left.size === 0) resolve();
        },
      };
      clock.add(ticking);
    }
  });
  expect(clock.size).toBe(0);
  clock.stop();
});
