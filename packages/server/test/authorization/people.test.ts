// People at first sight: entered once, under the name they have now.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { People } from '../../src/authorization/people.ts';
import type { Principal } from '../../src/identity/principal.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';

const person = (userId: string, name = userId): Principal => ({
  userId,
  name,
  issuer: 'i',
  subject: userId,
  roles: [],
  expiresAt: 0,
});

describe('people', () => {
  let folder: string;
  let store: Store;
  let writes: string[];
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maru-people-'));
    store = await openSqliteStore({ folder });
  });
  afterAll(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  /** The real store; only what is entered is noted. */
  const newPeople = (limit?: number) => {
    writes = [];
    const enterUser: Store['enterUser'] = (user) => {
      writes.push(user.userId);
      return store.enterUser(user);
    };
    return new People({ enterUser } as Store, limit);
  };

  test('whoever comes again costs no write, whoever has another name is renamed', async () => {
    const people = newPeople();
    for (const name of ['Ann', 'Ann', 'Anna', 'Anna']) await people.enter(person('ann', name));
    expect(writes).toEqual(['ann', 'ann']);
    expect(await store.findUser('ann')).toEqual({ userId: 'ann', name: 'Anna' });
  });

  test('no more are remembered than the limit; who was forgotten is entered again', async () => {
    const people = newPeople(2);
    for (const user of ['a', 'b', 'a', 'b', 'c', 'b', 'a']) await people.enter(person(user));
    expect(writes).toEqual(['a', 'b', 'c', 'a']);
  });

  test('who could not be entered is not remembered', async () => {
    const people = newPeople();
    // The same issuer and subject under another user id.
    const impostor = { ...person('d'), subject: 'ann' };
    await expect(people.enter(impostor)).rejects.toThrow();
    await expect(people.enter(impostor)).rejects.toThrow();
    expect(writes).toEqual(['d', 'd']);
  });
});
