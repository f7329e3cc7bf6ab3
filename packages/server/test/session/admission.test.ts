// The door of a service when more come than it takes: each gets in, those who wait before those who come, at the rate.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Admission } from '../../src/session/admission.ts';

const ROOM = Number.POSITIVE_INFINITY;

type Visitor = { readonly who: string; readonly since: number; tries: number; inAt: number };

type Crowd = {
  readonly perSecond: number;
  readonly many: number;
  /** The longest that a client waits on top of what it was told. */
  readonly jitterMs: number;
  /** Whether a client counts in whole seconds, as Retry-After does. */
  readonly wholeSeconds?: boolean;
  /** New ones a second that never come again. */
  readonly strangers?: number;
  readonly strangersUntil?: number;
};

/** All at the door at once, then each as it is told; in the time of nobody's clock. @returns who came in, and when */
function besiege({
  perSecond,
  many,
  jitterMs,
  wholeSeconds = false,
  strangers = 0,
  strangersUntil = 0,
}: Crowd) {
  const admission = new Admission({ perSecond });
  const comings = new Map<number, Visitor[]>();
  const come = (at: number, visitor: Visitor) => {
    const whole = Math.ceil(at);
    comings.set(whole, [...(comings.get(whole) ?? []), visitor]);
  };
  const visitor = (who: string, since: number): Visitor => ({ who, since, tries: 0, inAt: Number.NaN });
  const visitors = Array.from({ length: many }, (_, n) => visitor(`v${n}`, 0));
  for (const each of visitors) come(0, each);
  const entries: number[] = [];
  let outside = many;
  let stranger = 0;
  for (let now = 0; outside > 0 && now < 600_000; now += 1) {
    const here = comings.get(now) ?? [];
    comings.delete(now);
    if (now < strangersUntil) {
      for (; stranger < (strangers * now) / 1_000; stranger += 1) {
        if (admission.ask(`s${stranger}`, ROOM, now) === null) entries.push(now);
      }
    }
    for (const each of here) {
      each.tries += 1;
      const verdict = admission.ask(each.who, ROOM, now);
      if (verdict === null) {
        each.inAt = now;
        entries.push(now);
        outside -= 1;
      } else {
        const { retryAfterMs } = verdict;
        const wait = wholeSeconds ? Math.ceil(retryAfterMs / 1_000) * 1_000 : retryAfterMs;
        come(now + wait + Math.random() * jitterMs, each);
      }
    }
  }
  return { visitors, entries, waiting: admission.waiting };
}

const mostTries = (visitors: readonly Visitor[]) => Math.max(...visitors.map(({ tries }) => tries));
const triesOf = (visitors: readonly Visitor[], part: number) =>
  visitors.map(({ tries }) => tries).sort((a, b) => a - b)[Math.floor(part * (visitors.length - 1))];
const lastIn = (visitors: readonly Visitor[]) => Math.max(...visitors.map(({ inAt }) => inAt));

test('as many as a second takes come in at once; one more is told a moment, the next one the moment after', () => {
  const admission = new Admission({ perSecond: 10 });
  const verdicts = Array.from({ length: 13 }, (_, n) => admission.ask(`${n}`, ROOM, 0));
  expect(verdicts.slice(0, 10)).toEqual(Array(10).fill(null));
  expect(verdicts.slice(10)).toEqual([200, 300, 400].map((retryAfterMs) => ({ retryAfterMs })));
  // Who comes before the moment hears the same one again, however often.
  for (let n = 0; n < 100; n += 1) expect(admission.ask('12', ROOM, 1)).toEqual({ retryAfterMs: 399 });
  expect(admission.ask('13', ROOM, 1)).toEqual({ retryAfterMs: 499 });
});

test('who was told comes in before somebody new, at the moment told', () => {
  const admission = new Admission({ perSecond: 2 });
  for (const who of ['a', 'b']) expect(admission.ask(who, ROOM, 0)).toBeNull();
  expect(admission.ask('c', ROOM, 0)).toEqual({ retryAfterMs: 600 });
  expect(admission.ask('new', ROOM, 600)).toEqual({ retryAfterMs: 600 });
  expect(admission.ask('c', ROOM, 600)).toBeNull();
});

test('a full house refuses, also who is due, and lets in as many as have left', () => {
  const admission = new Admission({ perSecond: 100 });
  expect(admission.ask('a', 0, 0)).toEqual({ retryAfterMs: 110 });
  expect(admission.ask('a', 0, 110)?.retryAfterMs).toBeGreaterThanOrEqual(100);
  expect(admission.ask('b', 1, 110)).not.toBeNull();
  expect(admission.ask('a', 1, 110)).toBeNull();
});

test('who was told and never comes keeps nobody out for long', () => {
  const admission = new Admission({ perSecond: 10 });
  for (let n = 0; n < 110; n += 1) admission.ask(`${n}`, ROOM, 0);
  expect(admission.waiting).toBe(100);
  // Half of what a second takes, and no more, is kept for them.
  expect(admission.ask('new', ROOM, 1_000)).toBeNull();
  admission.ask('later', 0, 60_000);
  expect(admission.waiting).toBe(1);
});

test('memory is bounded: past a minute, and past 100,000 who wait, people are told by chance', () => {
  const slow = new Admission({ perSecond: 10 });
  for (let n = 0; n < 5_000; n += 1) {
    expect(slow.ask(`${n}`, ROOM, 0)?.retryAfterMs ?? 0).toBeLessThanOrEqual(60_000);
  }
  expect(slow.waiting).toBeLessThanOrEqual(600);
  const fast = new Admission({ perSecond: 100_000 });
  for (let n = 0; n < 250_000; n += 1) fast.ask(`${n}`, ROOM, 0);
  expect(fast.waiting).toBe(100_000);
});

describe('a storm', () => {
  test('any number, any rate, any jitter: all are in within the time they take at that rate and a little, by few tries', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 3_000 }),
        fc.integer({ min: 50, max: 2_000 }),
        fc.integer({ min: 0, max: 2_000 }),
        fc.boolean(),
        (many, perSecond, jitterMs, wholeSeconds) => {
          const { visitors, entries, waiting } = besiege({ perSecond, many, jitterMs, wholeSeconds });
          expect(entries).toHaveLength(many);
          expect(lastIn(visitors)).toBeLessThan((many / perSecond) * 1_000 + 4_000 + 2 * jitterMs);
          // Chance decides who of a bunch finds no room again: few, and never for long.
          expect(triesOf(visitors, 0.99)).toBeLessThanOrEqual(6);
          expect(mostTries(visitors)).toBeLessThanOrEqual(20);
          expect(waiting).toBe(0);
          const seconds = Math.ceil(lastIn(visitors) / 1_000);
          for (let second = 0; second <= seconds; second += 1) {
            const within = entries.filter((at) => at <= second * 1_000).length;
            expect(within).toBeLessThanOrEqual(perSecond * (second + 1));
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('of 2,000 with twice as many strangers as fit before them for a minute nobody waits longer than half of that', () => {
    const { visitors } = besiege({
      perSecond: 200,
      many: 2_000,
      jitterMs: 1_000,
      strangers: 400,
      strangersUntil: 60_000,
    });
    expect(lastIn(visitors)).toBeLessThan(30_000);
    expect(mostTries(visitors)).toBeLessThanOrEqual(8);
  });
});
