// What every implementation of Store promises of rooms that get another name, are deleted, or are between two people.
import { roomEntrySchema, roomSchema } from '@maru/contract';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Store } from '../../src/store/store.ts';
import { everyEntry, type OpenedStore, type OpenStore, range, refused } from './store.contract.ts';

const ALICE = { userId: 'alice', name: 'Alice' };
const BOB = { userId: 'bob', name: 'Bob' };
const CAROL = { userId: 'carol', name: 'Carol' };

export function roomChangesContract(open: OpenStore): void {
  describe('what becomes of a room', () => {
    let opened: OpenedStore;
    let store: Store;
    // Each test has rooms and, where it lists them, people of its own; a store of its own would only take longer.
    beforeAll(async () => {
      opened = await open();
      store = opened.store;
    });
    afterAll(() => opened.dispose());
    let people = 0;
    const newPerson = (name: string) => {
      people += 1;
      return { userId: `${name}-${people}`, name };
    };

    const newRoom = async (visibility: 'public' | 'private' = 'public', member = BOB) => {
      const { roomId } = await store.createRoom({ name: 'Maru', visibility, owner: ALICE });
      await store.join(roomId, member, 'member');
      return roomId;
    };
    const reported = (store: Store) => {
      const types: string[] = [];
      store.onCommitted((entries) => types.push(...entries.map(({ entry }) => entry.type)));
      return types;
    };

    describe('a renamed room', () => {
      test('has its new name, and an entry that says so', async () => {
        const roomId = await newRoom();
        const room = await store.updateRoom(roomId, ALICE, { name: '대청마루' });
        expect(roomSchema.parse(room)).toEqual(room);
        expect(room).toMatchObject({ name: '대청마루', head: 3, role: 'owner' });
        expect(await store.findRoom(roomId, 'alice')).toEqual(room);
        const [committed] = await store.listEntries(roomId, 2, 5);
        expect(roomEntrySchema.parse(committed?.entry)).toEqual(committed?.entry);
        expect(committed?.entry).toMatchObject({
          type: 'room.updated',
          seq: 3,
          userId: 'alice',
          userName: 'Alice',
          name: '대청마루',
        });
      });

      test('to the name it has is not changed, and nothing is reported', async () => {
        const roomId = await newRoom();
        const types = reported(store);
        expect(await store.updateRoom(roomId, ALICE, { name: 'Maru' })).toMatchObject({
          name: 'Maru',
          head: 2,
        });
        expect(types).toEqual([]);
      });

      test('is renamed by an owner alone; to who is outside a private one is not there', async () => {
        const [open, hidden] = [await newRoom(), await newRoom('private')];
        for (const write of [
          (roomId: string, actor: typeof BOB) => store.updateRoom(roomId, actor, { name: 'x' }),
          (roomId: string, actor: typeof BOB) => store.deleteRoom(roomId, actor),
        ]) {
          await refused(write(open, BOB), 'access-denied');
          await refused(write(open, CAROL), 'not-a-member');
          await refused(write(hidden, CAROL), 'room-not-found');
          await refused(write('no-such-room', ALICE), 'room-not-found');
        }
        expect(await store.findRoom(open, 'alice')).toMatchObject({ name: 'Maru', head: 2 });
        await store.leave(open, 'alice');
        // Bob is its owner by that.
        expect(await store.updateRoom(open, BOB, { name: 'x' })).toMatchObject({ name: 'x', role: 'owner' });
      });
    });

    describe('a deleted room', () => {
      test('ends with an entry that says so, and its log is still read', async () => {
        const roomId = await newRoom();
        await store.appendMessage({ roomId, sender: BOB, content: 'bye' });
        const types = reported(store);
        await store.deleteRoom(roomId, ALICE);
        expect(types).toEqual(['room.deleted']);
        const entries = await everyEntry(store, roomId);
        expect(entries.map(({ entry }) => entry.seq)).toEqual(range(1, 4));
        const last = entries.at(-1)?.entry;
        expect(roomEntrySchema.parse(last)).toEqual(last);
        expect(last).toMatchObject({ type: 'room.deleted', userId: 'alice', userName: 'Alice' });
      });

      test('is not there for any other read or write', async () => {
        const bob = newPerson('Bob');
        const roomId = await newRoom('public', bob);
        const message = { roomId, sender: bob, content: 'hello', clientMessageId: 'c1' };
        const { entry } = await store.appendMessage(message);
        await store.deleteRoom(roomId, ALICE);

        const about = { roomId, sender: bob, messageId: entry.messageId };
        const writes = [
          store.appendMessage(message),
          store.append([{ kind: 'message', ...message }]),
          store.append([{ kind: 'edit', ...about, content: 'x' }]),
          store.append([{ kind: 'delete', ...about }]),
          store.append([{ kind: 'react', ...about, emoji: '👍', remove: false }]),
          store.join(roomId, CAROL, 'member'),
          store.leave(roomId, bob.userId),
          store.updateRoom(roomId, ALICE, { name: 'x' }),
          store.deleteRoom(roomId, ALICE),
          store.markRead(roomId, bob.userId, 3),
        ];
        for (const write of writes) await refused(write, 'room-not-found');

        expect(await store.findStanding(roomId, bob.userId)).toBeNull();
        expect(await store.findRoom(roomId, bob.userId)).toBeNull();
        expect(await store.findReading(roomId, bob.userId)).toBeNull();
        expect(await store.findMessage(roomId, entry.messageId, bob.userId)).toBeNull();
        expect(await store.listMessages(roomId, bob.userId, {}, 5)).toEqual({ messages: [], hasMore: false });
        expect((await store.listMembers(roomId, undefined, 5)).items).toEqual([]);
        expect((await store.listRooms('joined', bob.userId, undefined, 5)).items).toEqual([]);
        const listed = (await store.listRooms('public', bob.userId, undefined, 100)).items;
        expect(listed.map((room) => room.roomId)).not.toContain(roomId);
        expect((await store.search(bob.userId, { text: 'hello' }, undefined, 5)).items).toEqual([]);
        expect((await everyEntry(store, roomId)).length).toBe(4);
      });

      test('takes nothing along of those around it, nor a page of the list', async () => {
        const bob = newPerson('Bob');
        const join = () => newRoom('public', bob);
        const [first, second, third] = [await join(), await join(), await join()];
        await store.deleteRoom(second, ALICE);
        const page = await store.listRooms('joined', bob.userId, undefined, 1);
        expect(page.items.map(({ roomId }) => roomId)).toEqual([third]);
        const rest = await store.listRooms('joined', bob.userId, page.nextCursor ?? undefined, 1);
        expect(rest.items.map(({ roomId }) => roomId)).toEqual([first]);
        expect(rest.nextCursor).toBeNull();
      });

      test('gets no message after its end, however many race with it', async () => {
        for (let race = 0; race < 50; race += 1) {
          const roomId = await newRoom();
          const say = () =>
            store
              .appendMessage({ roomId, sender: BOB, content: 'x' })
              .catch(({ code }: { code: string }) => code);
          const [, , , after] = await Promise.all([say(), store.deleteRoom(roomId, ALICE), say(), say()]);
          expect(after).toBe('room-not-found');
          const entries = await everyEntry(store, roomId);
          expect(entries.map(({ entry }) => entry.type).slice(2)).toEqual([
            'message.created',
            'room.deleted',
          ]);
        }
      });
    });

    describe('a direct room', () => {
      test('is of two owners, and named to each as the other', async () => {
        const [alice, bob] = [newPerson('Alice'), newPerson('Bob')];
        const { room, created } = await store.openDirect(alice, bob);
        expect(created).toBe(true);
        expect(roomSchema.parse(room)).toEqual(room);
        expect(room).toMatchObject({
          name: 'Bob',
          directWith: bob.userId,
          visibility: 'private',
          role: 'owner',
          memberCount: 2,
          head: 2,
          unread: 0,
          lastMessage: null,
        });
        expect(await store.findRoom(room.roomId, bob.userId)).toMatchObject({
          name: 'Alice',
          directWith: alice.userId,
        });
        expect((await store.listRooms('joined', bob.userId, undefined, 5)).items).toMatchObject([
          { name: 'Alice' },
        ]);
        expect((await everyEntry(store, room.roomId)).map(({ entry }) => entry)).toMatchObject([
          { type: 'member.joined', userId: alice.userId, role: 'owner' },
          { type: 'member.joined', userId: bob.userId, role: 'owner' },
        ]);
        const { roomId } = await store.createRoom({ name: 'x', visibility: 'public', owner: alice });
        expect(await store.findRoom(roomId, alice.userId)).toMatchObject({ directWith: null });
      });

      test('follows the name of the other', async () => {
        const [alice, bob] = [newPerson('Alice'), newPerson('Bob')];
        await store.enterUser({ ...bob, issuer: 'i', subject: bob.userId });
        const { room } = await store.openDirect(alice, { userId: bob.userId, name: 'whoever' });
        expect(room.name).toBe('Bob');
        await store.enterUser({ userId: bob.userId, name: 'Robert', issuer: 'i', subject: bob.userId });
        expect(await store.findRoom(room.roomId, alice.userId)).toMatchObject({ name: 'Robert' });
      });

      test('is made once, opened from whichever side, a hundred times from both at once', async () => {
        for (const race of range(0, 100)) {
          const [one, other] = [
            { userId: `a${race}`, name: 'A' },
            { userId: `${race % 2 === 0 ? 'b' : 'Z'}${race}`, name: 'B' },
          ];
          const types = reported(store);
          const opened = await Promise.all([
            store.openDirect(one, other),
            store.openDirect(other, one),
            store.openDirect(one, other),
          ]);
          expect(new Set(opened.map(({ room }) => room.roomId)).size).toBe(1);
          expect(opened.map(({ created }) => created)).toEqual([true, false, false]);
          expect(opened.map(({ room }) => room.directWith)).toEqual([other.userId, one.userId, other.userId]);
          expect(types).toEqual(['member.joined', 'member.joined']);
          expect((await store.listRooms('joined', one.userId, undefined, 5)).items).toHaveLength(1);
        }
      });

      test('is never with oneself', async () => {
        const alice = newPerson('Alice');
        await refused(store.openDirect(alice, alice), 'invalid-request');
        expect((await store.listRooms('joined', alice.userId, undefined, 5)).items).toEqual([]);
      });

      test('stays what it is: nobody joins or leaves, names or deletes it', async () => {
        const [alice, bob] = [newPerson('Alice'), newPerson('Bob')];
        const { room } = await store.openDirect(alice, bob);
        await refused(store.join(room.roomId, CAROL, 'member'), 'access-denied');
        await refused(store.leave(room.roomId, alice.userId), 'access-denied');
        await refused(store.leave(room.roomId, bob.userId), 'access-denied');
        await refused(store.updateRoom(room.roomId, alice, { name: 'x' }), 'access-denied');
        await refused(store.deleteRoom(room.roomId, bob), 'access-denied');
        expect(await store.findRoom(room.roomId, alice.userId)).toEqual(room);
      });

      test('takes messages of both, and of nobody else', async () => {
        const [alice, bob] = [newPerson('Alice'), newPerson('Bob')];
        const { roomId } = (await store.openDirect(alice, bob)).room;
        await store.appendMessage({ roomId, sender: alice, content: 'hi' });
        expect(await store.findRoom(roomId, bob.userId)).toMatchObject({
          unread: 1,
          lastMessage: { content: 'hi' },
        });
        await store.appendMessage({ roomId, sender: bob, content: 'hello' });
        await refused(store.appendMessage({ roomId, sender: CAROL, content: 'x' }), 'room-not-found');
      });
    });
  });
}
