// How many passwords are worked on at once, and what happens to one too many.
import { expect, test } from 'vitest';
import { createPasswordWork } from '../../src/identity/password-work.ts';

test('a password verifies against its hash, and another does not', async () => {
  const work = createPasswordWork();
  const hash = await work.hash('마루');
  expect(hash).not.toContain('마루');
  expect(await work.verify({ hash, password: '마루' })).toBe(true);
  expect(await work.verify({ hash, password: '마당' })).toBe(false);
});

test('a hash made beforehand serves the same password within the action only', async () => {
  const work = createPasswordWork();
  const [first, second, other] = await work.prepare('one', async () => [
    await work.hash('one'),
    await work.hash('one'),
    await work.hash('two'),
  ]);
  expect(first).toBe(second);
  expect(await work.verify({ hash: other ?? '', password: 'two' })).toBe(true);
  expect(await work.hash('one')).not.toBe(first);
});

test('a hundred may wait and one more is refused', async () => {
  const work = createPasswordWork();
  // A hash that isn't one fails at once, so the queue moves without a hundred hashes.
  const check = () => work.verify({ hash: '', password: 'x' }).catch((error: Error) => error.message);
  const outcomes = await Promise.all(Array.from({ length: 2 + 100 + 1 }, check));
  expect(new Set(outcomes.slice(0, 102))).toEqual(new Set(['Invalid password hash']));
  expect(outcomes.at(-1)).toBe('The server has more to do than it can take');
  expect(await check()).toBe('Invalid password hash');
});
