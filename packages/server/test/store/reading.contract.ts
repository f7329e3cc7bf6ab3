// What every implementation of Store promises of read markers, of what is unread, and of mentions.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { NewMessage, Person, Store } from '../../src/store/store.ts';
import { type OpenedStore, type OpenStore, range, refused } from './store.contract.ts';

const ALICE = { userId: 'alice', name: 'Alice' };
const BOB = { userId: 'bob', name: 'Bob' };
const CAROL = { userId: 'carol', name: 'Carol' };

export function readingContract(open: OpenStore): void {
  describe('how far a room is read', () => {
    let opened: OpenedStore;
    let store: Store;
    let roomId: string;
    // Each test has a room of its own; a store of its own would only take longer.
    beforeAll(async () => {
      opened = await open();
      store = opened.store;
    });
    afterAll(() => opened.dispose());
    beforeEach(async () => {
      ({ roomId } = await store.createRoom({ name: 'Maru', visibility: 'public', owner: ALICE }));
    });

    const say = async (sender: Person, content = 'x', more: Partial<NewMessage> = {}) =>
      (await store.appendMessage({ roomId, sender, content, ...more })).entry;
    /** As three reads agree on it: readSeq, unread, unreadMentions. */
    const reading = async ({ userId }: Person) => {
      const found = await store.findReading(roomId, userId);
      const room = await store.findRoom(roomId, userId);
      const listed = (await store.listRooms('joined', userId, undefined, 50)).items.find(
        (item) => item.roomId === roomId,
      );
      expect(room).toMatchObject(found ?? {});
      expect(listed).toEqual(room);
      return [found?.readSeq, found?.unread, found?.unreadMentions];
    };

    describe('a read marker', () => {
      test('begins at the joining, and what was said before is not unread', async () => {
        await say(ALICE);
        await store.join(roomId, BOB, 'member');
        expect(await reading(BOB)).toEqual([3, 0, 0]);
        await say(ALICE);
        expect(await reading(BOB)).toEqual([3, 1, 0]);
        await store.leave(roomId, 'bob');
        await say(ALICE);
        await store.join(roomId, BOB, 'member');
        expect(await reading(BOB)).toEqual([7, 0, 0]);
      });

      test('of a sender is at their newest message', async () => {
        await store.join(roomId, BOB, 'member');
        await say(ALICE);
        await say(ALICE);
        expect(await reading(ALICE)).toEqual([4, 0, 0]);
        expect(await reading(BOB)).toEqual([2, 2, 0]);
        await say(BOB, 'seen', { clientMessageId: 'c1' });
        expect(await reading(BOB)).toEqual([5, 0, 0]);
        expect(await reading(ALICE)).toEqual([4, 1, 0]);
        await say(ALICE);
        await say(BOB, 'seen', { clientMessageId: 'c1' });
        // A duplicate is no reading.
        expect(await reading(BOB)).toEqual([5, 1, 0]);
      });

      test('moves forward only, and never past the head', async () => {
        await store.join(roomId, BOB, 'member');
        for (const _ of range(0, 4)) await say(ALICE);
        const mark = (seq: number) => store.markRead(roomId, 'bob', seq);
        expect(await mark(4)).toEqual({ readSeq: 4, unread: 2, unreadMentions: 0, moved: true });
        expect(await mark(4)).toEqual({ readSeq: 4, unread: 2, unreadMentions: 0, moved: false });
        expect(await mark(0)).toEqual({ readSeq: 4, unread: 2, unreadMentions: 0, moved: false });
        expect(await mark(99)).toEqual({ readSeq: 6, unread: 0, unreadMentions: 0, moved: true });
        expect(await reading(BOB)).toEqual([6, 0, 0]);
        await say(ALICE);
        expect(await reading(BOB)).toEqual([6, 1, 0]);
        const moves = await Promise.all(range(1, 40).map(() => mark(7)));
        expect(moves.filter(({ moved }) => moved)).toHaveLength(1);
      });

      test('is at any entry, and only messages after it count: also those deleted since', async () => {
        await store.join(roomId, BOB, 'member');
        const { messageId } = await say(ALICE);
        const about = { roomId, sender: ALICE, messageId };
        await store.append([
          { kind: 'edit', ...about, content: 'y' },
          { kind: 'react', ...about, emoji: '👍', remove: false },
        ]);
        await store.join(roomId, CAROL, 'member');
        await store.leave(roomId, 'carol');
        await store.updateRoom(roomId, ALICE, { name: 'z' });
        expect(await reading(BOB)).toEqual([2, 1, 0]);
        expect(await store.markRead(roomId, 'bob', 5)).toMatchObject({ readSeq: 5, unread: 0 });
        const later = await say(ALICE);
        await store.append([{ kind: 'delete', roomId, sender: ALICE, messageId: later.messageId }]);
        expect(await reading(BOB)).toEqual([5, 1, 0]);
      });

      test('is a member alone has', async () => {
        await say(ALICE);
        await refused(store.markRead(roomId, 'bob', 1), 'not-a-member');
        await refused(store.markRead('no-such-room', 'bob', 1), 'room-not-found');
        const hidden = await store.createRoom({ name: 'x', visibility: 'private', owner: ALICE });
        await refused(store.markRead(hidden.roomId, 'bob', 1), 'room-not-found');
        for (const seq of [-1, 1.5, Number.NaN])
          await refused(store.markRead(roomId, 'alice', seq), 'invalid-request');
        expect(await store.findReading(roomId, 'bob')).toBeNull();
        expect(await store.findReading('no-such-room', 'bob')).toBeNull();
        expect(await store.findRoom(roomId, 'bob')).toMatchObject({
          readSeq: 0,
          unread: 0,
          unreadMentions: 0,
          role: null,
        });
      });
    });

    describe('mentions', () => {
      beforeEach(async () => {
        await store.join(roomId, BOB, 'member');
        await store.join(roomId, CAROL, 'member');
      });

      test('are in the entry, and counted for each until read', async () => {
        const entry = await say(ALICE, '@Bob @Carol', { mentions: ['bob', 'carol'] });
        expect(entry.mentions).toEqual(['bob', 'carol']);
        await say(ALICE, 'nobody', { mentions: [] });
        await say(ALICE, '@Bob', { mentions: ['bob'] });
        const { messages } = await store.listMessages(roomId, 'bob', {}, 5);
        expect(messages.map(({ mentions }) => mentions)).toEqual([['bob', 'carol'], undefined, ['bob']]);
        expect(await reading(BOB)).toEqual([2, 3, 2]);
        expect(await reading(CAROL)).toEqual([3, 3, 1]);
        expect(await store.markRead(roomId, 'bob', entry.seq)).toMatchObject({
          unread: 2,
          unreadMentions: 1,
        });
        await say(BOB, 'here');
        expect(await reading(BOB)).toEqual([7, 0, 0]);
      });

      test('name members only, or nothing is written', async () => {
        const dave = { userId: 'dave', name: 'Dave' };
        const error = await refused(say(ALICE, 'x', { mentions: ['bob', 'dave'] }), 'invalid-body');
        expect(error.message).toBe('mentions names somebody who is not a member of this room');
        expect(await reading(BOB)).toEqual([2, 0, 0]);
        await store.join(roomId, dave, 'member');
        await say(ALICE, 'x', { mentions: ['bob', 'dave'] });
        await store.leave(roomId, 'dave');
        await refused(say(ALICE, 'x', { mentions: ['dave'] }), 'invalid-body');
        await store.join(roomId, dave, 'member');
        expect(await reading(dave)).toEqual([7, 0, 0]);
      });

      test('stay through an edit and go with a deletion', async () => {
        const { messageId } = await say(ALICE, '@Bob', { mentions: ['bob'] });
        await store.append([{ kind: 'edit', roomId, sender: ALICE, messageId, content: '@Bob!' }]);
        expect(await store.findMessage(roomId, messageId, 'bob')).toMatchObject({ mentions: ['bob'] });
        expect(await reading(BOB)).toEqual([2, 1, 1]);
        await store.append([{ kind: 'delete', roomId, sender: ALICE, messageId }]);
        expect(await reading(BOB)).toEqual([2, 1, 0]);
      });

      test('are counted up to a hundred', async () => {
        await store.append(
          range(0, 130).map((index) => ({
            kind: 'message',
            roomId,
            sender: ALICE,
            content: `${index}`,
            mentions: ['bob'],
          })),
        );
        expect(await reading(BOB)).toEqual([2, 130, 100]);
        await store.markRead(roomId, 'bob', 3 + 40);
        expect(await reading(BOB)).toEqual([43, 90, 90]);
      });

      test('of one room are not counted in another', async () => {
        const { roomId: other } = await store.createRoom({ name: 'x', visibility: 'public', owner: ALICE });
        await store.join(other, BOB, 'member');
        await say(ALICE, '@Bob', { mentions: ['bob'] });
        expect(await store.findReading(other, 'bob')).toEqual({ readSeq: 2, unread: 0, unreadMentions: 0 });
      });
    });
  });
}
