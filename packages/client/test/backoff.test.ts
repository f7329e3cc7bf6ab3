// The wait before a retry: jittered from the first, bounded, reset after a stable connection.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Backoff, MAX_RETRY_AFTER_MS } from '../src/backoff.ts';

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

describe('backoff', () => {
  test('the first wait is jittered over the whole base and never longer', () => {
    fc.assert(
      fc.property(random, (r) => {
        expect(new Backoff({ baseMs: 1000, random: () => r }).next(0)).toBe(Math.floor(r * 1000));
      }),
    );
  });

  test('no wait is negative or beyond the cap, however many tries failed', () => {
    fc.assert(
      fc.property(fc.array(random, { maxLength: 60 }), (randoms) => {
        const values = [...randoms];
        const backoff = new Backoff({ random: () => values.pop() ?? 0.999 });
        for (let i = 0; i <= randoms.length; i += 1) {
          const wait = backoff.next(i);
          expect(wait).toBeGreaterThanOrEqual(0);
          expect(wait).toBeLessThanOrEqual(30_000);
        }
      }),
    );
  });

  test('the ceiling doubles from try to try up to the cap', () => {
    const backoff = new Backoff({ baseMs: 1000, capMs: 5000, random: () => 0.5 });
    expect([1, 2, 3, 4, 5].map((now) => backoff.next(now))).toEqual([500, 1000, 2000, 2500, 2500]);
  });

  test('a connection that held for the stable period makes the next wait a first wait again', () => {
    const options = { baseMs: 1000, stableMs: 10_000, random: () => 0.5 };
    const stable = new Backoff(options);
    for (let i = 0; i < 5; i += 1) stable.next(0);
    stable.opened(0);
    expect(stable.next(10_000)).toBe(500);

    const brief = new Backoff(options);
    for (let i = 0; i < 3; i += 1) brief.next(0);
    brief.opened(0);
    expect(brief.next(9_999)).toBe(4000);
    // Time between connections is not time connected.
    expect(brief.next(60_000)).toBe(8000);
  });

  test("the server's hint is the least wait, obeyed up to a limit", () => {
    fc.assert(
      fc.property(random, fc.nat(MAX_RETRY_AFTER_MS * 2), (r, hint) => {
        const wait = new Backoff({ baseMs: 1000, random: () => r }).next(0, hint);
        const obeyed = Math.min(hint, MAX_RETRY_AFTER_MS);
        expect(wait).toBeGreaterThanOrEqual(obeyed);
        expect(wait).toBeLessThan(obeyed + 1000);
      }),
    );
  });
});
