// What every implementation of Store promises of rooms, their members, the lists of them, and people's names.
import { roomSchema } from '@maru/contract';
import { beforeEach, describe, expect, test } from 'vitest';
import type { NewMessage, Store } from '../../src/store/store.ts';
import { everyEntry, type OpenedStore, refused } from './store.contract.ts';

const ALICE = { userId: 'alice', name: 'Alice' };
const BOB = { userId: 'bob', name: 'Bob' };

export function roomsContract(current: () => OpenedStore): void {
  describe('who is where', () => {
    let store: Store;
    beforeEach(() => {
      ({ store } = current());
    });

    const publicRoom = async () =>
      (await store.createRoom({ name: 'Maru', visibility: 'public', owner: ALICE })).roomId;
    const privateRoom = async () =>
      (await store.createRoom({ name: 'Attic', visibility: 'private', owner: ALICE })).roomId;
    const say = (roomId: string, content: string, more: Partial<NewMessage> = {}) =>
      store.appendMessage({ roomId, sender: ALICE, content, ...more });
    const seqsOf = async (roomId: string) => (await everyEntry(store, roomId)).map(({ entry }) => entry.seq);

    describe('rooms and members', () => {
      test('a new room begins with its owner joining at seq 1', async () => {
        const room = await store.createRoom({ name: '마루 🪵', visibility: 'private', owner: ALICE });
        expect(roomSchema.parse(room)).toEqual(room);
        expect(room).toMatchObject({
          name: '마루 🪵',
          ownerId: 'alice',
          role: 'owner',
          head: 1,
          memberCount: 1,
        });
        const [first, ...rest] = await store.listEntries(room.roomId, 0, 10);
        expect(rest).toEqual([]);
        expect(first).toEqual({
          epoch: room.logEpoch,
          createdCount: 0,
          entry: expect.objectContaining({ type: 'member.joined', seq: 1, userId: 'alice', role: 'owner' }),
        });
        expect(await store.findRoom(room.roomId, 'alice')).toEqual(room);
      });

      test('joining writes an entry once, and the second time nothing', async () => {
        const roomId = await publicRoom();
        expect(await store.join(roomId, BOB, 'member')).toBe(true);
        expect(await store.join(roomId, BOB, 'owner')).toBe(false);
        expect(await seqsOf(roomId)).toEqual([1, 2]);
        expect(await store.findStanding(roomId, 'bob')).toMatchObject({ role: 'member', head: 2 });
        expect((await store.findRoom(roomId, 'bob'))?.memberCount).toBe(2);
      });

      test('leaving writes an entry once, and for who is not in the room nothing', async () => {
        const roomId = await publicRoom();
        await store.join(roomId, BOB, 'member');
        expect(await store.leave(roomId, 'bob')).toBe(true);
        expect(await store.leave(roomId, 'bob')).toBe(false);
        expect(await store.leave(roomId, 'carol')).toBe(false);
        const entries = await store.listEntries(roomId, 2, 10);
        expect(entries.map(({ entry }) => entry)).toMatchObject([
          { type: 'member.left', userId: 'bob', userName: 'Bob', seq: 3 },
        ]);
        expect(await store.findStanding(roomId, 'bob')).toMatchObject({ role: null, head: 3 });
      });

      test('the owner may leave, and the room stays', async () => {
        const roomId = await publicRoom();
        expect(await store.leave(roomId, 'alice')).toBe(true);
        expect(await store.findRoom(roomId, 'alice')).toMatchObject({
          role: null,
          memberCount: 0,
          ownerId: 'alice',
        });
      });

      test('who left may join again and write again', async () => {
        const roomId = await publicRoom();
        await store.leave(roomId, 'alice');
        await refused(say(roomId, 'outside'), 'not-a-member');
        await store.join(roomId, ALICE, 'member');
        expect((await say(roomId, 'inside')).entry.seq).toBe(4);
      });

      test('members are listed in the order of joining, page by page', async () => {
        const roomId = await publicRoom();
        const joining = ['zoe', 'bob', 'mia', 'ann', 'eve', 'kim'];
        for (const userId of joining) await store.join(roomId, { userId, name: userId }, 'member');
        const seen: string[] = [];
        let cursor: string | undefined;
        for (const expected of [3, 3, 1]) {
          const page = await store.listMembers(roomId, cursor, 3);
          expect(page.items).toHaveLength(expected);
          seen.push(...page.items.map(({ userId }) => userId));
          cursor = page.nextCursor ?? undefined;
        }
        expect(cursor).toBeUndefined();
        expect(seen).toEqual(['alice', ...joining]);
        expect(await store.listMembers('no-such-room', undefined, 3)).toEqual({
          items: [],
          nextCursor: null,
        });
      });

      test('rooms are listed newest first, and a page stays where it was while rooms are added', async () => {
        const ids: string[] = [];
        for (let index = 0; index < 5; index += 1) ids.unshift(await publicRoom());
        const first = await store.listRooms('public', 'bob', undefined, 3);
        expect(first.items.map(({ roomId }) => roomId)).toEqual(ids.slice(0, 3));
        await publicRoom();
        const second = await store.listRooms('public', 'bob', first.nextCursor ?? undefined, 3);
        expect(second.items.map(({ roomId }) => roomId)).toEqual(ids.slice(3));
        expect(second.nextCursor).toBeNull();
      });

      test('a full last page says that it is the last', async () => {
        await publicRoom();
        await publicRoom();
        expect((await store.listRooms('public', 'bob', undefined, 1)).nextCursor).not.toBeNull();
        expect((await store.listRooms('public', 'bob', undefined, 2)).nextCursor).toBeNull();
      });

      test('the lists of rooms show what is public, or what one is in, as one stands in it', async () => {
        const [open, hidden] = [await publicRoom(), await privateRoom()];
        await store.join(hidden, BOB, 'member');
        await say(hidden, 'psst');
        const publicRooms = await store.listRooms('public', 'bob', undefined, 10);
        expect(publicRooms.items).toMatchObject([{ roomId: open, role: null, lastMessage: null }]);
        const joined = await store.listRooms('joined', 'bob', undefined, 10);
        expect(joined.items).toMatchObject([
          { roomId: hidden, role: 'member', lastMessage: { content: 'psst', seq: 3 } },
        ]);
        expect((await store.listRooms('joined', 'carol', undefined, 10)).items).toEqual([]);
      });

      test('the last message of a room is a message, also after people came and went', async () => {
        const roomId = await publicRoom();
        await say(roomId, 'hello');
        await store.join(roomId, BOB, 'member');
        await store.leave(roomId, 'bob');
        expect(await store.findRoom(roomId, 'bob')).toMatchObject({
          head: 4,
          lastMessage: { content: 'hello', seq: 2 },
        });
      });

      test('a cursor that this server never gave is refused', async () => {
        const roomId = await publicRoom();
        await publicRoom();
        const ofRooms = (await store.listRooms('public', 'bob', undefined, 1)).nextCursor ?? '';
        await refused(store.listMembers(roomId, ofRooms, 1), 'invalid-request');
        for (const cursor of ['', 'x', '!!', `${ofRooms}=`, '한국어']) {
          await refused(store.listRooms('public', 'bob', cursor, 1), 'invalid-request');
        }
      });

      test('a page of no or of half a row is refused', async () => {
        const roomId = await publicRoom();
        for (const limit of [0, -1, 1.5, Number.NaN]) {
          await refused(store.listEntries(roomId, 0, limit), 'invalid-request');
          await refused(store.listMessages(roomId, 'alice', {}, limit), 'invalid-request');
          await refused(store.listMembers(roomId, undefined, limit), 'invalid-request');
          await refused(store.listRooms('public', 'bob', undefined, limit), 'invalid-request');
        }
        await refused(store.listMessages(roomId, 'alice', { before: 3, after: 1 }, 5), 'invalid-request');
      });
    });

    describe('people', () => {
      test('a person is entered once and renamed; the log names them as they were', async () => {
        const alice = { userId: 'alice', issuer: 'https://id.example', subject: 'a' };
        await store.enterUser({ ...alice, name: 'Alice A.' });
        const roomId = await publicRoom();
        await say(roomId, 'one');
        await store.enterUser({ ...alice, name: 'Alice B.' });
        await store.enterUser({ ...alice, name: 'Alice B.' });
        await say(roomId, 'two');
        expect(await store.findUser('alice')).toEqual({ userId: 'alice', name: 'Alice B.' });
        const { messages } = await store.listMessages(roomId, 'alice', {}, 10);
        expect(messages.map(({ senderName }) => senderName)).toEqual(['Alice A.', 'Alice B.']);
        expect((await store.listMembers(roomId, undefined, 5)).items).toMatchObject([{ name: 'Alice B.' }]);
      });

      test('who was never entered is named as the caller names them', async () => {
        const roomId = await publicRoom();
        expect((await say(roomId, 'hi')).entry.senderName).toBe('Alice');
        expect((await store.listMembers(roomId, undefined, 5)).items).toMatchObject([{ name: 'Alice' }]);
        expect(await store.findUser('alice')).toBeNull();
      });

      test('one issuer and subject are never two people', async () => {
        const subject = { issuer: 'https://id.example', subject: 'a' };
        await store.enterUser({ ...ALICE, ...subject });
        await refused(store.enterUser({ ...BOB, ...subject }), 'internal');
        expect(await store.findUser('bob')).toBeNull();
      });
    });
  });
}
