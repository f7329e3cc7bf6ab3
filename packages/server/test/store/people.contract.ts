// What every implementation of Store promises of the search for people.
import { describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { range, refused } from './store.contract.ts';

export function peopleContract(currentStore: () => Store): void {
  describe('people are found', () => {
    const enter = (userId: string, name: string) =>
      currentStore().enterUser({ userId, name, issuer: 'i', subject: userId });
    const found = async (query: string, limit = 10) =>
      (await currentStore().findUsers(query, limit)).map(({ name }) => name);

    test('by how their name or a word of it begins, whatever the case, in the order of names', async () => {
      await enter('1', 'Min-su Kim');
      await enter('2', 'Kim Ana');
      await enter('3', 'kimberly');
      await enter('4', 'Joakim');
      await enter('5', "Ana O'Kim (she)");
      expect(await found('kim')).toEqual(["Ana O'Kim (she)", 'Kim Ana', 'kimberly', 'Min-su Kim']);
      expect(await found('KIM A')).toEqual(['Kim Ana']);
      expect(await found('su')).toEqual(['Min-su Kim']);
      expect(await found('min-s')).toEqual(['Min-su Kim']);
      expect(await found('an')).toEqual(["Ana O'Kim (she)", 'Kim Ana']);
      expect(await found('x')).toEqual([]);
      expect(await currentStore().findUsers('joa', 1)).toEqual([{ userId: '4', name: 'Joakim' }]);
    });

    test('beyond ASCII: Hangul however it is composed, other alphabets in either case, wide letters', async () => {
      await enter('1', '김민수');
      await enter('2', '이 민지'.normalize('NFD'));
      await enter('3', 'Ärger Öztürk');
      await enter('4', 'ΟΔΥΣΣΕΥΣ');
      await enter('5', 'Straße');
      await enter('6', 'Ｙｕｋｉ');
      await enter('7', '🐱 Мурка');
      expect(await found('김'.normalize('NFD'))).toEqual(['김민수']);
      expect(await found('민')).toEqual(['이 민지'.normalize('NFD')]);
      expect(await found('öz')).toEqual(['Ärger Öztürk']);
      expect(await found('ärGER ö')).toEqual(['Ärger Öztürk']);
      expect(await found('Οδυσ')).toEqual(['ΟΔΥΣΣΕΥΣ']);
      expect(await found('οδυς')).toEqual(['ΟΔΥΣΣΕΥΣ']);
      expect(await found('STRASS')).toEqual(['Straße']);
      expect(await found('yuki')).toEqual(['Ｙｕｋｉ']);
      expect(await found('мур')).toEqual(['🐱 Мурка']);
      expect(await found('🐱')).toEqual(['🐱 Мурка']);
    });

    test('by the name they have now and none they had', async () => {
      await enter('1', 'Anna Old');
      await enter('1', 'Berta Old');
      expect(await found('anna')).toEqual([]);
      expect(await found('old')).toEqual(['Berta Old']);
      expect(await found('berta')).toEqual(['Berta Old']);
    });

    test('each once, as many as asked for, and by characters that mean something to a database', async () => {
      for (const index of range(0, 30)) await enter(`u${index}`, `Same same sam${index}`);
      await enter('p', '100% _real_');
      expect(await found('sam', 5)).toHaveLength(5);
      expect(new Set(await found('s', 50)).size).toBe(30);
      expect(await found('%')).toEqual([]);
      expect(await found('100%')).toEqual(['100% _real_']);
      expect(await found('   ')).toEqual([]);
      await refused(currentStore().findUsers('x', 0), 'invalid-request');
    });

    test('though their name is long, or no word at all', async () => {
      await enter('1', 'word '.repeat(500));
      await enter('2', '~~~');
      await enter('3', '');
      expect(await found('word word w')).toHaveLength(1);
      expect(await found('~')).toEqual(['~~~']);
      await enter('1', 'short');
      expect(await found('word')).toEqual([]);
      // The database is not left inside a list that was read in part.
      expect(await found('short')).toEqual(['short']);
    });
  });
}
