// The rate of one session: a second's worth at once, then so much a second, whatever the order and size of what comes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InboundRate } from '../../src/session/inbound-rate.ts';

const LIMITS = { framesPerSecond: 100, octetsPerSecond: 1_000 };

describe('the rate of a session', () => {
  test('a second’s worth of frames passes at once, one more is too much', () => {
    const rate = new InboundRate(LIMITS, 0);
    rate.spend(100, 0);
    expect(rate.spent).toBe(false);
    rate.spend(1, 0);
    expect(rate.spent).toBe(true);
  });

  test('a second’s worth of octets passes at once, one more is too much', () => {
    const rate = new InboundRate(LIMITS, 0);
    rate.spend(1, 1_000);
    expect(rate.spent).toBe(false);
    rate.spend(0, 1);
    expect(rate.spent).toBe(true);
  });

  test('a debt is paid at the rate, and not a moment earlier', () => {
    const rate = new InboundRate(LIMITS, 0);
    rate.spend(150, 0);
    rate.refill(499);
    expect(rate.spent).toBe(true);
    // A hair later, for the sake of rounding.
    rate.refill(500.001);
    expect(rate.spent).toBe(false);
  });

  test('of two buckets the poorer one decides', () => {
    const rate = new InboundRate(LIMITS, 0);
    rate.spend(110, 3_000);
    rate.refill(1_000);
    expect(rate.spent).toBe(true);
    rate.refill(2_000);
    expect(rate.spent).toBe(false);
  });

  test('a long silence saves up no more than a second’s worth', () => {
    const rate = new InboundRate(LIMITS, 0);
    rate.refill(3_600_000);
    rate.spend(100, 0);
    expect(rate.spent).toBe(false);
    rate.spend(1, 0);
    expect(rate.spent).toBe(true);
  });

  test('who stops reading while it is spent takes in no more than a second’s worth, the rate, and one piece', () => {
    const piece = fc.record({
      frames: fc.integer({ min: 0, max: 50 }),
      octets: fc.integer({ min: 0, max: 500 }),
      wait: fc.integer({ min: 0, max: 300 }),
    });
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 300 }), (pieces) => {
        const rate = new InboundRate(LIMITS, 0);
        let now = 0;
        const taken = { frames: 0, octets: 0 };
        for (const { frames, octets, wait } of pieces) {
          now += wait;
          rate.refill(now);
          if (rate.spent) continue;
          rate.spend(frames, octets);
          taken.frames += frames;
          taken.octets += octets;
        }
        const seconds = 1 + now / 1000;
        expect(taken.frames).toBeLessThanOrEqual(seconds * LIMITS.framesPerSecond + 50);
        expect(taken.octets).toBeLessThanOrEqual(seconds * LIMITS.octetsPerSecond + 500);
      }),
    );
  });

  test('whoever keeps below the rate is never held up', () => {
    const waits = fc.array(fc.integer({ min: 0, max: 5_000 }), { maxLength: 200 });
    fc.assert(
      fc.property(waits, (all) => {
        const rate = new InboundRate(LIMITS, 0);
        let now = 0;
        for (const wait of all) {
          now += wait;
          rate.refill(now);
          const seconds = Math.min(wait, 1_000) / 1000;
          // A little less, for the sake of rounding.
          rate.spend(seconds * LIMITS.framesPerSecond * 0.999, seconds * LIMITS.octetsPerSecond * 0.999);
          expect(rate.spent).toBe(false);
        }
      }),
    );
  });
});
