// What every implementation of Store promises of messages that are edited, deleted or reacted to.
import { type ChatMessage, chatMessageSchema, roomEntrySchema } from '@maru/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { NewEntry, Person, Store } from '../../src/store/store.ts';
import { everyEntry, type OpenedStore, type OpenStore, range, refused } from './store.contract.ts';

const ALICE = { userId: 'alice', name: 'Alice' };
const BOB = { userId: 'bob', name: 'Bob' };
const CAROL = { userId: 'carol', name: 'Carol' };

export function messageChangesContract(open: OpenStore): void {
  describe('what is done to a message', () => {
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
      await store.join(roomId, BOB, 'member');
    });

    const say = async (sender: Person, content: string, more: object = {}) =>
      (await store.appendMessage({ roomId, sender, content, ...more })).entry;
    const one = async (entry: NewEntry) => {
      const [appended] = await store.append([entry]);
      if (appended === undefined) throw new Error('nothing was answered');
      return appended;
    };
    const edit = (sender: Person, messageId: string, content: string) =>
      one({ kind: 'edit', roomId, sender, messageId, content });
    const remove = (sender: Person, messageId: string) => one({ kind: 'delete', roomId, sender, messageId });
    const react = (sender: Person, messageId: string, emoji: string, away = false) =>
      one({ kind: 'react', roomId, sender, messageId, emoji, remove: away });
    const history = async (viewer = 'alice'): Promise<readonly ChatMessage[]> => {
      const { messages } = await store.listMessages(roomId, viewer, {}, 100);
      for (const message of messages) {
        expect(chatMessageSchema.parse(message)).toEqual(message);
        expect(await store.findMessage(roomId, message.messageId, viewer)).toEqual(message);
      }
      return messages;
    };
    const log = async () => {
      const entries = (await everyEntry(store, roomId)).map(({ entry }) => entry);
      for (const entry of entries) expect(roomEntrySchema.parse(entry)).toEqual(entry);
      expect(entries.map(({ seq }) => seq)).toEqual(range(1, entries.length));
      return entries;
    };

    describe('an edited message', () => {
      test('has its newest content in the history; the log has each as it came', async () => {
        const created = await say(BOB, 'first', { clientMessageId: 'c1' });
        await say(ALICE, 'between');
        const second = await edit(BOB, created.messageId, 'second');
        const third = await edit(BOB, created.messageId, 'third');
        expect([second, third]).toMatchObject([
          { duplicate: false, entry: { type: 'message.edited', seq: 5, content: 'second', userName: 'Bob' } },
          { duplicate: false, entry: { type: 'message.edited', seq: 6, content: 'third', userId: 'bob' } },
        ]);
        expect(third.entry).toMatchObject({ messageId: created.messageId });
        expect((await history())[0]).toEqual({
          ...created,
          content: 'third',
          editedAt: third.entry?.createdAt,
        });
        expect((await log()).map((entry) => ('content' in entry ? entry.content : null)).slice(2)).toEqual([
          'first',
          'between',
          'second',
          'third',
        ]);
        expect((await everyEntry(store, roomId)).map(({ createdCount }) => createdCount)).toEqual([
          0, 0, 1, 2, 2, 2,
        ]);
        expect(await store.findRoom(roomId, 'alice')).toMatchObject({ lastMessage: { content: 'between' } });
      });

      test('is the last message of its room with the content it has now', async () => {
        const { messageId } = await say(BOB, 'first');
        await edit(BOB, messageId, 'second');
        const { items } = await store.listRooms('joined', 'alice', undefined, 1);
        expect(items).toMatchObject([{ roomId, lastMessage: { content: 'second', seq: 3 }, head: 4 }]);
      });

      test('to the content it has is not written; the entry that gave it that is answered', async () => {
        const created = await say(BOB, 'first');
        expect(await edit(BOB, created.messageId, 'first')).toMatchObject({
          duplicate: true,
          entry: created,
        });
        const edited = await edit(BOB, created.messageId, 'second');
        expect(await edit(BOB, created.messageId, 'second')).toEqual({ ...edited, duplicate: true });
        expect(await edit(BOB, created.messageId, 'first')).toMatchObject({ duplicate: false });
        expect(await log()).toHaveLength(5);
      });

      test('is edited by its sender alone, while in the room', async () => {
        const { messageId } = await say(BOB, 'mine');
        await refused(edit(ALICE, messageId, 'x'), 'access-denied');
        await refused(edit(CAROL, messageId, 'x'), 'not-a-member');
        await store.leave(roomId, 'bob');
        await refused(edit(BOB, messageId, 'x'), 'not-a-member');
        expect((await history())[0]?.content).toBe('mine');
      });
    });

    describe('a deleted message', () => {
      test('has no content in its history, in its entry, nor in any edit of it', async () => {
        const created = await say(BOB, 'secret 1', { clientMessageId: 'c1', mentions: ['alice'] });
        await edit(BOB, created.messageId, 'secret 2');
        await edit(BOB, created.messageId, 'secret 3');
        await react(ALICE, created.messageId, '👍');
        const deleted = await remove(BOB, created.messageId);
        expect(deleted).toMatchObject({
          duplicate: false,
          entry: { type: 'message.deleted', messageId: created.messageId, seq: 7, userId: 'bob' },
        });
        const { mentions: _mentions, ...kept } = created;
        const gone = { ...kept, content: null, deleted: true };
        expect(await history()).toEqual([gone]);
        const entries = await log();
        expect(entries[2]).toEqual(gone);
        expect(entries.slice(3)).toMatchObject([
          { type: 'message.edited', content: null, deleted: true },
          { type: 'message.edited', content: null, deleted: true },
          { type: 'reaction.added', emoji: '👍' },
          { type: 'message.deleted' },
        ]);
        expect(JSON.stringify(entries)).not.toContain('secret');
        expect((await store.findRoom(roomId, 'alice'))?.lastMessage).toEqual(gone);
      });

      test('is deleted by its sender or an owner, and once', async () => {
        const [first, second] = [await say(BOB, 'x'), await say(ALICE, 'y')];
        await store.join(roomId, CAROL, 'member');
        await refused(remove(CAROL, first.messageId), 'access-denied');
        await refused(remove(BOB, second.messageId), 'access-denied');
        const deleted = await remove(ALICE, first.messageId);
        expect(await remove(ALICE, first.messageId)).toEqual({ ...deleted, duplicate: true });
        expect(await remove(BOB, first.messageId)).toEqual({ ...deleted, duplicate: true });
        await refused(remove(CAROL, first.messageId), 'access-denied');
        expect(await log()).toHaveLength(6);
      });

      test('is neither edited nor reacted to any more, but may have been replied to', async () => {
        const { messageId } = await say(BOB, 'x');
        await remove(BOB, messageId);
        await refused(edit(BOB, messageId, 'y'), 'message-not-found');
        await refused(react(ALICE, messageId, '👍'), 'message-not-found');
        await refused(react(ALICE, messageId, '👍', true), 'message-not-found');
        expect((await say(ALICE, 're', { replyTo: messageId })).replyTo).toBe(messageId);
      });

      test('is not sent again by the same clientMessageId', async () => {
        const created = await say(BOB, 'x', { clientMessageId: 'c1' });
        await remove(BOB, created.messageId);
        const again = await store.appendMessage({ roomId, sender: BOB, content: 'x', clientMessageId: 'c1' });
        expect(again).toMatchObject({ duplicate: true, entry: { ...created, content: null, deleted: true } });
        expect(await log()).toHaveLength(4);
      });
    });

    test('a change of what is no message of the room is refused', async () => {
      const { messageId } = await say(BOB, 'x');
      const { roomId: elsewhere } = await store.createRoom({ name: 'x', visibility: 'public', owner: BOB });
      const { entry } = await store.appendMessage({ roomId: elsewhere, sender: BOB, content: 'x' });
      const edited = await edit(BOB, messageId, 'y');
      const epoch = messageId.slice(0, messageId.lastIndexOf('-'));
      const ids = [
        `${epoch}-1`,
        `${epoch}-${edited.entry?.seq}`,
        `${epoch}-99`,
        entry.messageId,
        '-3',
        '3',
        'x',
      ];
      for (const id of ids) {
        await refused(edit(BOB, id, 'z'), 'message-not-found');
        await refused(remove(BOB, id), 'message-not-found');
        await refused(react(BOB, id, '👍'), 'message-not-found');
        expect(await store.findMessage(roomId, id, 'bob')).toBeNull();
      }
      expect(await store.findMessage('no-such-room', messageId, 'bob')).toBeNull();
      const about = { sender: CAROL, messageId };
      await refused(one({ kind: 'delete', roomId: 'no-such-room', ...about }), 'room-not-found');
      await refused(one({ kind: 'delete', roomId, ...about }), 'not-a-member');
      await refused(one({ kind: 'react', roomId, ...about, emoji: '👍', remove: false }), 'not-a-member');
    });

    describe('reactions', () => {
      test('are counted by emoji in the order these came, and the viewer knows their own', async () => {
        const { messageId } = await say(BOB, 'x');
        await store.join(roomId, CAROL, 'member');
        await react(ALICE, messageId, '🎉');
        await react(CAROL, messageId, '👍');
        const last = await react(BOB, messageId, '🎉');
        expect(last).toMatchObject({
          duplicate: false,
          entry: { type: 'reaction.added', messageId, emoji: '🎉', userId: 'bob', userName: 'Bob', seq: 7 },
        });
        expect((await history('alice'))[0]?.reactions).toEqual([
          { emoji: '🎉', count: 2, mine: true },
          { emoji: '👍', count: 1, mine: false },
        ]);
        expect((await history('carol'))[0]?.reactions).toEqual([
          { emoji: '🎉', count: 2, mine: false },
          { emoji: '👍', count: 1, mine: true },
        ]);
        expect((await store.findRoom(roomId, 'alice'))?.lastMessage).not.toHaveProperty('reactions');
      });

      test('keep their place until the last of an emoji is taken away', async () => {
        const { messageId } = await say(BOB, 'x');
        await react(ALICE, messageId, '🎉');
        await react(ALICE, messageId, '👍');
        await react(BOB, messageId, '🎉');
        expect(await react(ALICE, messageId, '🎉', true)).toMatchObject({
          duplicate: false,
          entry: { type: 'reaction.removed', emoji: '🎉', userId: 'alice', messageId },
        });
        const emojis = async () => (await history())[0]?.reactions?.map(({ emoji, count }) => emoji + count);
        expect(await emojis()).toEqual(['🎉1', '👍1']);
        await react(BOB, messageId, '🎉', true);
        expect(await emojis()).toEqual(['👍1']);
        await react(BOB, messageId, '🎉');
        expect(await emojis()).toEqual(['👍1', '🎉1']);
        await react(BOB, messageId, '🎉', true);
        await react(ALICE, messageId, '👍', true);
        expect((await history())[0]).not.toHaveProperty('reactions');
      });

      test('that are there, or not there to be taken away, are not written', async () => {
        const { messageId } = await say(BOB, 'x');
        const nothing = { entry: null, duplicate: true };
        expect(await react(ALICE, messageId, '👍', true)).toMatchObject(nothing);
        const added = await react(ALICE, messageId, '👍');
        expect(await react(ALICE, messageId, '👍')).toEqual({ ...added, duplicate: true });
        await react(ALICE, messageId, '👍', true);
        expect(await react(ALICE, messageId, '👍', true)).toMatchObject(nothing);
        expect(await log()).toHaveLength(5);
      });

      test('of fifty emojis fit on a message, and one more does not', async () => {
        const { messageId } = await say(BOB, 'x');
        const emojis = range(0, 51).map((index) => String.fromCodePoint(0x1f600 + index));
        const last = emojis.pop() ?? '';
        for (const emoji of emojis) await react(ALICE, messageId, emoji);
        await refused(react(ALICE, messageId, last), 'too-many-reactions');
        await refused(react(BOB, messageId, last), 'too-many-reactions');
        await react(BOB, messageId, emojis[7] ?? '');
        await react(ALICE, messageId, emojis[0] ?? '', true);
        await react(BOB, messageId, last);
        const given = (await history())[0]?.reactions ?? [];
        expect(given.map(({ emoji }) => emoji)).toEqual([...emojis.slice(1), last]);
        expect(await log()).toHaveLength(3 + 53);
      });

      test('are of one message each, on a page of many', async () => {
        const messages = [];
        for (const index of range(0, 30)) messages.push(await say(BOB, `${index}`));
        for (const [index, { messageId }] of messages.entries()) {
          if (index % 3 === 0) await react(ALICE, messageId, '👍');
          if (index % 5 === 0) await react(BOB, messageId, '🎉');
          if (index % 7 === 0) await edit(BOB, messageId, `edited ${index}`);
          if (index % 11 === 0) await remove(BOB, messageId);
        }
        const page = (await store.listMessages(roomId, 'alice', { before: 30 }, 20)).messages;
        expect(page.map(({ seq }) => seq)).toEqual(range(10, 20));
        for (const message of page) {
          const index = message.seq - 3;
          const isDeleted = index % 11 === 0;
          const reactions = [
            ...(index % 3 === 0 ? [{ emoji: '👍', count: 1, mine: true }] : []),
            ...(index % 5 === 0 ? [{ emoji: '🎉', count: 1, mine: false }] : []),
          ];
          expect(message.content).toBe(isDeleted ? null : index % 7 === 0 ? `edited ${index}` : `${index}`);
          expect(message.reactions ?? []).toEqual(isDeleted ? [] : reactions);
        }
      });
    });

    test('several changes appended as one are all made, or none', async () => {
      const { messageId } = await say(BOB, 'x', { mentions: ['alice'] });
      const about = { roomId, sender: BOB, messageId };
      const changes: readonly NewEntry[] = [
        { kind: 'edit', ...about, content: 'y' },
        { kind: 'react', ...about, emoji: '👍', remove: false },
        { kind: 'message', roomId, sender: BOB, content: 'z', mentions: ['alice'], clientMessageId: 'c1' },
        { kind: 'delete', ...about },
      ];
      const before = [await history(), await log(), await store.findReading(roomId, 'alice')];
      await refused(
        store.append([...changes, { kind: 'edit', ...about, content: 'w' }]),
        'message-not-found',
      );
      expect([await history(), await log(), await store.findReading(roomId, 'alice')]).toEqual(before);
      const appended = await store.append(changes);
      expect(appended.map(({ entry }) => entry?.seq)).toEqual([4, 5, 6, 7]);
      expect((await log()).slice(3).map(({ type }) => type)).toEqual([
        'message.edited',
        'reaction.added',
        'message.created',
        'message.deleted',
      ]);
      expect(await history()).toMatchObject([{ content: null, deleted: true }, { content: 'z' }]);
      expect(await store.findReading(roomId, 'alice')).toEqual({ readSeq: 1, unread: 2, unreadMentions: 1 });
    });
  });
}
