// The places of each person: as many as the limit, given back when a session ends.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserSessions } from '../../src/session/user-sessions.ts';

test('the limit is reached and not passed, each person has their own', () => {
  const users = new UserSessions(2);
  users.enter('ann');
  users.enter('ann');
  expect(() => users.enter('ann')).toThrow(expect.objectContaining({ code: 'too-many-sessions' }));
  users.enter('bob');
  users.leave('ann');
  users.enter('ann');
  expect(() => users.enter('ann')).toThrow(expect.objectContaining({ code: 'too-many-sessions' }));
});

test('however people come and go, as many may come as have left', () => {
  const steps = fc.array(fc.record({ user: fc.constantFrom('ann', 'bob', 'cho'), comes: fc.boolean() }));
  fc.assert(
    fc.property(steps, fc.integer({ min: 1, max: 4 }), (all, limit) => {
      const users = new UserSessions(limit);
      const there: Record<string, number> = { ann: 0, bob: 0, cho: 0 };
      for (const { user, comes } of all) {
        const before = there[user] ?? 0;
        if (!comes) {
          if (before === 0) continue;
          users.leave(user);
          there[user] = before - 1;
        } else if (before < limit) {
          users.enter(user);
          there[user] = before + 1;
        } else {
          expect(() => users.enter(user)).toThrow();
        }
      }
    }),
  );
});
