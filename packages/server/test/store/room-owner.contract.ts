// A room with members always has an owner: who that is when owners come and go.
import { describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';

const ALICE = { userId: 'alice', name: 'Alice' };
const BOB = { userId: 'bob', name: 'Bob' };
const CAROL = { userId: 'carol', name: 'Carol' };

export function roomOwnerContract(currentStore: () => Store): void {
  describe('the owner of a room', () => {
    const newRoom = async () =>
      (await currentStore().createRoom({ name: 'Maru', visibility: 'public', owner: ALICE })).roomId;
    const rolesIn = async (roomId: string) => {
      const { items } = await currentStore().listMembers(roomId, undefined, 100);
      return items.map(({ userId, role }) => `${userId}: ${role}`);
    };
    const ownerOf = async (roomId: string) => (await currentStore().findRoom(roomId, 'nobody'))?.ownerId;

    test('is whoever joined first once the only one has left; the log has the leaving alone', async () => {
      const store = currentStore();
      const roomId = await newRoom();
      await store.join(roomId, BOB, 'member');
      await store.join(roomId, CAROL, 'member');
      await store.leave(roomId, 'alice');
      expect(await rolesIn(roomId)).toEqual(['bob: owner', 'carol: member']);
      expect(await store.findStanding(roomId, 'bob')).toMatchObject({ role: 'owner', head: 4 });
      expect(await store.findRoom(roomId, 'bob')).toMatchObject({ ownerId: 'bob', role: 'owner' });
      expect((await store.listEntries(roomId, 3, 10)).map(({ entry }) => entry.type)).toEqual([
        'member.left',
      ]);
    });

    test('is not who joined first and has been away since', async () => {
      const store = currentStore();
      const roomId = await newRoom();
      await store.join(roomId, BOB, 'member');
      await store.join(roomId, CAROL, 'member');
      await store.leave(roomId, 'bob');
      await store.join(roomId, BOB, 'member');
      await store.leave(roomId, 'alice');
      expect(await rolesIn(roomId)).toEqual(['carol: owner', 'bob: member']);
      expect(await ownerOf(roomId)).toBe('carol');
    });

    test('is another owner if there is one, and nobody is raised for it', async () => {
      const store = currentStore();
      const roomId = await newRoom();
      await store.join(roomId, BOB, 'member');
      await store.join(roomId, CAROL, 'owner');
      expect(await ownerOf(roomId)).toBe('alice');
      await store.leave(roomId, 'alice');
      expect(await rolesIn(roomId)).toEqual(['bob: member', 'carol: owner']);
      expect(await ownerOf(roomId)).toBe('carol');
    });

    test('stays when a second owner or a member leaves', async () => {
      const store = currentStore();
      const roomId = await newRoom();
      await store.join(roomId, BOB, 'owner');
      await store.join(roomId, CAROL, 'member');
      await store.leave(roomId, 'bob');
      await store.leave(roomId, 'carol');
      expect(await rolesIn(roomId)).toEqual(['alice: owner']);
      expect(await ownerOf(roomId)).toBe('alice');
    });

    test('of a room that everybody left is the next to join, as the entry says; the one after is a member', async () => {
      const store = currentStore();
      const roomId = await newRoom();
      await store.leave(roomId, 'alice');
      expect(await ownerOf(roomId)).toBe('alice');
      await store.join(roomId, BOB, 'member');
      await store.join(roomId, ALICE, 'member');
      expect(await rolesIn(roomId)).toEqual(['bob: owner', 'alice: member']);
      expect(await ownerOf(roomId)).toBe('bob');
      expect((await store.listEntries(roomId, 2, 10)).map(({ entry }) => entry)).toMatchObject([
        { type: 'member.joined', userId: 'bob', role: 'owner' },
        { type: 'member.joined', userId: 'alice', role: 'member' },
      ]);
    });

    test('joins again as nothing else', async () => {
      const store = currentStore();
      const roomId = await newRoom();
      expect(await store.join(roomId, ALICE, 'member')).toBe(false);
      await store.join(roomId, BOB, 'member');
      expect(await store.join(roomId, BOB, 'owner')).toBe(false);
      expect(await rolesIn(roomId)).toEqual(['alice: owner', 'bob: member']);
    });

    test('is there at every moment while owners leave and others join, two hundred times', {
      timeout: 60_000,
    }, async () => {
      const store = currentStore();
      for (let race = 0; race < 200; race += 1) {
        const roomId = await newRoom();
        const writes = [
          () => store.leave(roomId, 'alice'),
          () => store.join(roomId, BOB, 'member'),
          () => store.join(roomId, CAROL, 'member'),
          () => store.leave(roomId, 'bob'),
          () => store.join(roomId, ALICE, 'member'),
        ];
        // Each order begins elsewhere; reads fall between the commits as they may.
        const inTurn = writes.map((_, place) => writes[(place + race) % writes.length]);
        const seen = await Promise.all(
          inTurn.map(async (write) => {
            const writing = write?.();
            const roles = await rolesIn(roomId);
            await writing;
            return roles;
          }),
        );
        for (const roles of [...seen, await rolesIn(roomId)]) {
          if (roles.length > 0) expect(roles.join()).toContain(': owner');
        }
        const last = await rolesIn(roomId);
        expect(last.filter((role) => role.endsWith(': owner'))).toHaveLength(1);
        expect(last).toContain(`${await ownerOf(roomId)}: owner`);
      }
    });
  });
}
