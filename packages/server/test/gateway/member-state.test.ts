// The table of a member's states: whatever happens in whatever order, what it promises holds.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  DOWN_AFTER,
  EJECT_AFTER,
  ejectionMs,
  type Health,
  type MemberEvent,
  NEW_MEMBER,
  next,
  TRANSITIONS,
} from '../../src/gateway/member-state.ts';

const EVENTS = Object.keys(TRANSITIONS.healthy) as MemberEvent[];
const events = (from: readonly MemberEvent[] = EVENTS) =>
  fc.array(fc.constantFrom(...from), { maxLength: 40 });
const after = (happened: readonly MemberEvent[], from: Health = NEW_MEMBER) => happened.reduce(next, from);

test('counts stay within their bounds, and every state has a way back to healthy', () => {
  fc.assert(
    fc.property(events(), (happened) => {
      const health = after(happened);
      expect(health.failures).toBeLessThan(EJECT_AFTER);
      expect(health.failedChecks).toBeLessThanOrEqual(DOWN_AFTER);
      const wayBack: Record<Health['state'], MemberEvent> = {
        healthy: 'served',
        ejected: 'readmitted',
        unhealthy: 'check-passed',
        leaving: 'returned',
      };
      expect(next(health, wayBack[health.state]).state).toBe('healthy');
    }),
  );
});

test('a new member is ejected by exactly so many failures in a row, and by none when it is alone', () => {
  const others = EVENTS.filter((event) => !['failed', 'check-failed', 'removed'].includes(event));
  fc.assert(fc.property(events(others), (happened) => after(happened).state === 'healthy'));
  const failures = Array.from({ length: EJECT_AFTER }, (): MemberEvent => 'failed');
  expect(after(failures.slice(1)).state).toBe('healthy');
  expect(after(failures).state).toBe('ejected');
  expect(after(failures.with(1, 'served')).state).toBe('healthy');
});

test('it is unhealthy after so many failed checks in a row, whatever it serves, until one passes', () => {
  const passive: MemberEvent[] = ['served', 'failed', 'failed-alone', 'readmitted'];
  fc.assert(
    fc.property(events(passive), events(passive), events(passive), (before, between, behind) => {
      const once = after([...before, 'check-failed', ...between]);
      expect(once.state).not.toBe('unhealthy');
      const down = after(['check-failed', ...behind], once);
      expect(down.state).toBe('unhealthy');
      expect(next(down, 'check-passed')).toMatchObject({ state: 'healthy', failures: 0, failedChecks: 0 });
    }),
  );
});

test('what has left comes back as new, and by nothing else', () => {
  const rest = EVENTS.filter((event) => event !== 'returned');
  fc.assert(
    fc.property(events(), events(rest), (before, behind) => {
      const left = after(['removed', ...behind], after(before));
      expect(left.state).toBe('leaving');
      expect(next(left, 'returned')).toEqual(NEW_MEMBER);
    }),
  );
});

test('ejections in a row get longer up to a minute, and begin anew when something was served', () => {
  const again: MemberEvent[] = ['failed', 'failed', 'failed', 'readmitted'];
  const many = after(Array.from({ length: 20 }, () => again).flat());
  expect(many.ejections).toBe(20);
  expect(next(many, 'served').ejections).toBe(0);
  expect([1, 2, 12, 13, 20].map((ejections) => ejectionMs(ejections, 1))).toEqual([
    5_000, 10_000, 60_000, 60_000, 60_000,
  ]);
  expect(ejectionMs(1, 0)).toBe(4_000);
});
