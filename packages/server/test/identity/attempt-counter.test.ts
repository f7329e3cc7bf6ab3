// How many attempts an address has, and which addresses count as one.
import { describe, expect, test } from 'vitest';
import { networkOf } from '../../src/http/client-address.ts';
import { AttemptCounter } from '../../src/identity/attempt-counter.ts';

function counter(limits: { limit?: number; maxAddresses?: number } = {}) {
  const clock = { now: 0 };
  const attempts = new AttemptCounter({
    limit: 2,
    windowMs: 1000,
    maxAddresses: 10,
    now: () => clock.now,
    ...limits,
  });
  return { attempts, clock };
}

describe('attempts', () => {
  test('at the limit leave nothing over until the end of the window', () => {
    const { attempts, clock } = counter();
    attempts.count('a');
    expect(attempts.waitOf('a')).toBe(0);
    attempts.count('a');
    expect(attempts.waitOf('a')).toBe(1000);
    clock.now = 400;
    expect(attempts.waitOf('a')).toBe(600);
    expect(attempts.waitOf('b')).toBe(0);
    clock.now = 999;
    expect(attempts.waitOf('a')).toBe(1);
    clock.now = 1000;
    expect(attempts.waitOf('a')).toBe(0);
  });

  test('past the limit make the wait no longer, and weigh nothing in the next window', () => {
    const { attempts, clock } = counter();
    for (let n = 0; n < 10; n += 1) attempts.count('a');
    clock.now = 999;
    attempts.count('a');
    expect(attempts.waitOf('a')).toBe(1);
    clock.now = 1000;
    attempts.count('a');
    expect(attempts.waitOf('a')).toBe(0);
  });

  test('that are only asked about are not counted', () => {
    const { attempts } = counter({ limit: 1 });
    for (let n = 0; n < 5; n += 1) expect(attempts.waitOf('a')).toBe(0);
  });

  test('of more addresses than the limit forget the oldest', () => {
    const { attempts } = counter({ limit: 1, maxAddresses: 2 });
    attempts.count('a');
    attempts.count('b');
    expect(attempts.waitOf('a')).toBeGreaterThan(0);
    attempts.count('c');
    expect(attempts.waitOf('b')).toBeGreaterThan(0);
    expect(attempts.waitOf('c')).toBeGreaterThan(0);
    expect(attempts.waitOf('a')).toBe(0);
  });
});

test.each([
  ['192.0.2.1', '192.0.2.1'],
  ['::ffff:192.0.2.1', '192.0.2.1'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:DB8:1:2::ffff', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['::1', '0:0:0:0::/64'],
  ['unknown', 'unknown'],
])('the address %s counts as %s', (address, network) => {
  expect(networkOf(address)).toBe(network);
});
