// How fast an address may open WebSockets, and how many addresses are remembered.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ConnectRate } from '../../src/session/connect-rate.ts';

/** How many of so many tries at one moment get in. */
function burst(rate: ConnectRate, address: string, now: number, tries: number): number {
  let taken = 0;
  for (let n = 0; n < tries; n++) if (rate.take(address, now)) taken += 1;
  return taken;
}

describe('upgrades of an address', () => {
  test('twice the rate at once, not one more, and then the rate', () => {
    const rate = new ConnectRate({ perSecond: 10 });
    expect(burst(rate, '192.0.2.1', 0, 100)).toBe(20);
    expect(burst(rate, '192.0.2.1', 99, 100)).toBe(0);
    expect(burst(rate, '192.0.2.1', 100, 100)).toBe(1);
    expect(burst(rate, '192.0.2.1', 1_100, 100)).toBe(10);
    expect(burst(rate, '192.0.2.1', 3_600_000, 100)).toBe(20);
  });

  test('each has its own, an IPv6 network of one customer counting as one', () => {
    const rate = new ConnectRate({ perSecond: 1 });
    expect(burst(rate, '192.0.2.1', 0, 5)).toBe(2);
    expect(burst(rate, '192.0.2.2', 0, 5)).toBe(2);
    expect(burst(rate, '2001:db8:1:2::1', 0, 5)).toBe(2);
    expect(burst(rate, '2001:db8:1:2:ffff::1', 0, 5)).toBe(0);
    expect(burst(rate, '2001:db8:1:3::1', 0, 5)).toBe(2);
    expect(burst(rate, '::ffff:192.0.2.1', 0, 5)).toBe(0);
  });

  test('so many addresses are remembered and no more; the one that was quiet for longest goes', () => {
    const rate = new ConnectRate({ perSecond: 1, maxAddresses: 3 });
    for (const address of ['a', 'b', 'c']) burst(rate, address, 0, 5);
    rate.take('a', 0);
    expect(burst(rate, 'd', 0, 5)).toBe(2);
    expect(rate.size).toBe(3);
    expect(burst(rate, 'a', 0, 5)).toBe(0);
    expect(burst(rate, 'b', 0, 5)).toBe(2);
  });

  test('a flood of addresses is remembered in bounds', () => {
    const rate = new ConnectRate({ perSecond: 1_000, maxAddresses: 100 });
    for (let n = 0; n < 10_000; n++) rate.take(`10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`, n);
    expect(rate.size).toBe(100);
  });

  test('in any time it lets in no more than the burst and the rate, and no fewer than the rate allows', () => {
    const tries = fc.array(
      fc.record({ wait: fc.integer({ min: 0, max: 400 }), count: fc.integer({ min: 0, max: 30 }) }),
      {
        maxLength: 100,
      },
    );
    fc.assert(
      fc.property(tries, fc.integer({ min: 1, max: 50 }), (all, perSecond) => {
        const rate = new ConnectRate({ perSecond });
        let now = 0;
        let taken = 0;
        let asked = 0;
        for (const { wait, count } of all) {
          now += wait;
          asked += count;
          taken += burst(rate, '192.0.2.1', now, count);
          expect(taken).toBeLessThanOrEqual(2 * perSecond + (now / 1000) * perSecond + 1e-6);
        }
        expect(taken).toBeGreaterThanOrEqual(Math.min(asked, 2 * perSecond));
      }),
    );
  });
});
