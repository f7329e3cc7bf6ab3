// What every implementation of Store promises, as tests that each of them runs.
import { ERRORS, type ErrorCode, MaruError, roomEntrySchema, roomSchema } from '@maru/contract';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Appended, Committed, NewMessage, Store } from '../../src/store/store.ts';
import { appendMessagesContract } from './append-messages.contract.ts';
import { roomOwnerContract } from './room-owner.contract.ts';
import { storeModelContract } from './store-model.contract.ts';

type OpenedStore = {
  readonly store: Store;
  /** Closes the store, if it isn't, and opens another on the same data. */
  reopen(): Promise<Store>;
  /** Closes whatever is open and removes the data. */
  dispose(): Promise<void>;
};
export type OpenStore = (limits?: { queueLimit?: number; batchLimit?: number }) => Promise<OpenedStore>;

const ALICE = { userId: 'alice', name: 'Alice' };
const BOB = { userId: 'bob', name: 'Bob' };

export function storeContract(name: string, open: OpenStore): void {
  describe(`${name} keeps the promises of a store`, () => {
    let opened: OpenedStore;
    let store: Store;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
    });
    afterEach(() => opened.dispose());

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
          await refused(store.listMessages(roomId, {}, limit), 'invalid-request');
          await refused(store.listMembers(roomId, undefined, limit), 'invalid-request');
          await refused(store.listRooms('public', 'bob', undefined, limit), 'invalid-request');
        }
        await refused(store.listMessages(roomId, { before: 3, after: 1 }, 5), 'invalid-request');
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
        const { messages } = await store.listMessages(roomId, {}, 10);
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

    describe('who may write', () => {
      test('a room that is not there and a private room of others look the same', async () => {
        const hidden = await privateRoom();
        const outsider = { sender: BOB };
        const [none, other] = [
          await refused(say('no-such-room', 'x', outsider), 'room-not-found'),
          await refused(say(hidden, 'x', outsider), 'room-not-found'),
        ];
        expect(other.message).toBe(none.message);
        expect(await seqsOf(hidden)).toEqual([1]);
      });

      test('in a public room only members write', async () => {
        const roomId = await publicRoom();
        await refused(say(roomId, 'x', { sender: BOB }), 'not-a-member');
        expect(await seqsOf(roomId)).toEqual([1]);
      });

      test('nobody joins or leaves a room that is not there', async () => {
        await refused(store.join('no-such-room', BOB, 'member'), 'room-not-found');
        await refused(store.leave('no-such-room', 'bob'), 'room-not-found');
        expect(await store.findStanding('no-such-room', 'bob')).toBeNull();
        expect(await store.findRoom('no-such-room', 'bob')).toBeNull();
        expect(await store.listEntries('no-such-room', 0, 5)).toEqual([]);
        expect(await store.listMessages('no-such-room', {}, 5)).toEqual({ messages: [], hasMore: false });
      });

      test('a reply names a message of the same room', async () => {
        const [here, there] = [await publicRoom(), await publicRoom()];
        const first = await say(here, 'first');
        const elsewhere = await say(there, 'elsewhere');
        const reply = await say(here, 'reply', { replyTo: first.entry.messageId });
        expect(reply.entry.replyTo).toBe(first.entry.messageId);
        const joinedId = first.entry.messageId.replace(/\d+$/, '1');
        for (const replyTo of [
          elsewhere.entry.messageId,
          joinedId,
          'nonsense',
          '',
          '-2',
          `${first.epoch}-99`,
        ]) {
          const error = await refused(say(here, 'x', { replyTo }), 'invalid-body');
          expect(error.message).toBe('replyTo names no message of this room');
        }
        expect(await seqsOf(here)).toEqual([1, 2, 3]);
      });
    });

    describe('the log', () => {
      test('what is appended is what is read, to the last character', async () => {
        const roomId = await publicRoom();
        const contents = [
          '한국어',
          '👩‍👩‍👧‍👦🪵',
          'a\u0000b',
          '\ufeffbom\uffff',
          "'; DROP TABLE entries; --",
          ' \r\n\t',
          'é',
          'x'.repeat(16_384),
        ];
        for (const content of contents) {
          const { entry } = await say(roomId, content, {
            clientMessageId: `c${content.length}-${content.charCodeAt(0)}`,
          });
          expect(roomEntrySchema.parse(entry)).toEqual(entry);
          expect(await store.listMessages(roomId, {}, 1)).toMatchObject({ messages: [entry] });
          expect(entry.content).toBe(content);
        }
        const entries = await store.listEntries(roomId, 1, 100);
        expect(entries.map(({ entry }) => 'content' in entry && entry.content)).toEqual(contents);
      });

      test('fifty senders at once leave no hole, and each keeps the order of its calls', async () => {
        const roomId = await publicRoom();
        const senders = Array.from({ length: 50 }, (_, index) => ({
          userId: `u${index}`,
          name: `U${index}`,
        }));
        await Promise.all(senders.map((sender) => store.join(roomId, sender, 'member')));
        const appended = await Promise.all(
          senders.flatMap((sender) =>
            Array.from({ length: 20 }, (_, index) => say(roomId, `${sender.userId} ${index}`, { sender })),
          ),
        );
        // The calls were made one after the other, so their seqs rise one by one.
        expect(appended.map(({ entry }) => entry.seq)).toEqual(range(52, 1_000));
        expect(await seqsOf(roomId)).toEqual(range(1, 1_051));
      });

      test('a refused write leaves no hole between the others', async () => {
        const roomId = await publicRoom();
        const results = await Promise.allSettled(
          Array.from({ length: 300 }, (_, index) =>
            say(roomId, `${index}`, index % 3 === 0 ? { sender: BOB } : {}),
          ),
        );
        expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(100);
        expect(await seqsOf(roomId)).toEqual(range(1, 201));
      });

      test('message ids differ between rooms and hold the epoch of the room', async () => {
        const [one, two] = [await say(await publicRoom(), 'x'), await say(await publicRoom(), 'x')];
        expect(one.epoch).not.toBe(two.epoch);
        expect(one.entry.messageId).toBe(`${one.epoch}-2`);
      });

      test('the epoch of a room stays the same in every answer and over a restart', async () => {
        const room = await store.createRoom({ name: 'x', visibility: 'public', owner: ALICE });
        const { epoch } = await say(room.roomId, 'x');
        store = await opened.reopen();
        const standing = await store.findStanding(room.roomId, 'alice');
        const [first] = await store.listEntries(room.roomId, 0, 1);
        expect([room.logEpoch, standing?.epoch, first?.epoch]).toEqual([epoch, epoch, epoch]);
        expect((await say(room.roomId, 'y')).entry.seq).toBe(3);
      });

      test('no entry is older than the one before it', async () => {
        const roomId = await publicRoom();
        await Promise.all(Array.from({ length: 200 }, () => say(roomId, 'x')));
        const times = (await everyEntry(store, roomId)).map(({ entry }) => entry.createdAt);
        expect(times).toEqual(times.toSorted());
      });

      test('history gives the newest, what is before and what is after, and says at each edge if there is more', async () => {
        const roomId = await publicRoom();
        // Messages at 2, 4, 5 … 10; Bob joins at 3.
        await say(roomId, '2');
        await store.join(roomId, BOB, 'member');
        for (const seq of range(4, 7)) await say(roomId, String(seq));
        const history = async (bounds: { before?: number; after?: number }, limit: number) => {
          const { messages, hasMore } = await store.listMessages(roomId, bounds, limit);
          return [messages.map(({ seq }) => seq), hasMore];
        };
        expect(await history({}, 3)).toEqual([[8, 9, 10], true]);
        expect(await history({}, 7)).toEqual([range(4, 7), true]);
        expect(await history({}, 8)).toEqual([[2, ...range(4, 7)], false]);
        expect(await history({}, 9)).toEqual([[2, ...range(4, 7)], false]);
        expect(await history({ before: 5 }, 1)).toEqual([[4], true]);
        expect(await history({ before: 5 }, 2)).toEqual([[2, 4], false]);
        expect(await history({ before: 4 }, 2)).toEqual([[2], false]);
        expect(await history({ before: 2 }, 2)).toEqual([[], false]);
        expect(await history({ before: 99 }, 1)).toEqual([[10], true]);
        expect(await history({ after: 0 }, 2)).toEqual([[2, 4], true]);
        expect(await history({ after: 8 }, 1)).toEqual([[9], true]);
        expect(await history({ after: 8 }, 2)).toEqual([[9, 10], false]);
        expect(await history({ after: 10 }, 2)).toEqual([[], false]);
        expect(await history({ after: 99 }, 2)).toEqual([[], false]);
      });

      test('a page of the log ends at its limit or at the head', async () => {
        const roomId = await publicRoom();
        for (let index = 0; index < 4; index += 1) await say(roomId, 'x');
        const page = async (after: number, limit: number) =>
          (await store.listEntries(roomId, after, limit)).map(({ entry }) => entry.seq);
        expect(await page(0, 5)).toEqual([1, 2, 3, 4, 5]);
        expect(await page(0, 4)).toEqual([1, 2, 3, 4]);
        expect(await page(3, 9)).toEqual([4, 5]);
        expect(await page(5, 9)).toEqual([]);
        expect(await page(99, 9)).toEqual([]);
      });
    });

    describe('the same clientMessageId', () => {
      test('is stored once and answered with the first entry each time, also after a restart', async () => {
        const roomId = await publicRoom();
        const first = await say(roomId, 'first', { clientMessageId: 'c1' });
        expect(first.duplicate).toBe(false);
        expect(await say(roomId, 'second', { clientMessageId: 'c1' })).toEqual({ ...first, duplicate: true });
        store = await opened.reopen();
        expect(await say(roomId, 'third', { clientMessageId: 'c1' })).toEqual({ ...first, duplicate: true });
        expect(await seqsOf(roomId)).toEqual([1, 2]);
      });

      test('is another message from another sender, in another room or in other letters', async () => {
        const [here, there] = [await publicRoom(), await publicRoom()];
        await store.join(here, BOB, 'member');
        const appended = [
          await say(here, 'x', { clientMessageId: 'c1' }),
          await say(here, 'x', { clientMessageId: 'C1' }),
          await say(here, 'x', { clientMessageId: 'c1', sender: BOB }),
          await say(there, 'x', { clientMessageId: 'c1' }),
        ];
        expect(appended.map(({ duplicate }) => duplicate)).toEqual([false, false, false, false]);
      });

      test('wins a thousand races once each', async () => {
        const roomId = await publicRoom();
        const reported = reportOf(store);
        const races = await Promise.all(
          Array.from({ length: 1_000 }, (_, race) =>
            Promise.all([
              say(roomId, `a${race}`, { clientMessageId: `c${race}` }),
              say(roomId, `b${race}`, { clientMessageId: `c${race}` }),
            ]),
          ),
        );
        for (const [race, [first, second]] of races.entries()) {
          expect([first.duplicate, second.duplicate]).toEqual([false, true]);
          expect(second.entry).toEqual(first.entry);
          expect(first.entry.content).toBe(`a${race}`);
        }
        expect(await seqsOf(roomId)).toEqual(range(1, 1_001));
        expect(reported.map(({ entry }) => entry.seq)).toEqual(range(2, 1_000));
      });
    });

    describe('leaving against writing', () => {
      test('no message of the leaver comes after its member.left, a thousand times', async () => {
        const roomId = await publicRoom();
        for (let round = 0; round < 1_000; round += 20) {
          await Promise.all(
            range(round, 20).map(async (race) => {
              const sender = { userId: `u${race}`, name: 'U' };
              await store.join(roomId, sender, 'member');
              await Promise.allSettled([
                say(roomId, 'before', { sender }),
                store.leave(roomId, sender.userId),
                refused(say(roomId, 'after', { sender }), 'not-a-member'),
              ]);
            }),
          );
        }
        const left = new Set<string>();
        let messages = 0;
        for (const { entry } of await everyEntry(store, roomId)) {
          if (entry.type === 'member.left') left.add(entry.userId);
          if (entry.type !== 'message.created') continue;
          messages += 1;
          expect(left.has(entry.senderId)).toBe(false);
        }
        expect([left.size, messages]).toEqual([1_000, 1_000]);
      });
    });

    describe('what is reported as committed', () => {
      test('every new entry once, in the order of the log, before the promise of its write resolves', async () => {
        const roomId = await publicRoom();
        const reported = reportOf(store);
        const known = new Set<number>();
        const calls = Array.from({ length: 500 }, async (_, index) => {
          const sender = index % 7 === 0 ? BOB : ALICE;
          const appended = await say(roomId, 'x', { sender, clientMessageId: `c${index % 400}` }).catch(
            () => undefined,
          );
          if (appended === undefined) return;
          expect(reported.some(({ entry }) => entry.seq === appended.entry.seq)).toBe(true);
          known.add(appended.entry.seq);
        });
        await Promise.all(calls);
        expect(reported).toEqual((await everyEntry(store, roomId)).slice(1));
        expect(new Set(reported.map(({ entry }) => entry.seq))).toEqual(known);
      });

      test('nothing for a duplicate, a refused write or a person entered', async () => {
        const roomId = await publicRoom();
        await say(roomId, 'x', { clientMessageId: 'c1' });
        const reported = reportOf(store);
        await say(roomId, 'x', { clientMessageId: 'c1' });
        await refused(say(roomId, 'x', { sender: BOB }), 'not-a-member');
        await store.join(roomId, ALICE, 'member');
        await store.leave(roomId, 'carol');
        await store.enterUser({ ...ALICE, issuer: 'i', subject: 's' });
        expect(reported).toEqual([]);
      });

      test('a listener that throws harms no write', async () => {
        const roomId = await publicRoom();
        store.onCommitted(() => {
          throw new Error('the listener of the test');
        });
        await Promise.all([say(roomId, 'x'), say(roomId, 'y')]);
        expect(await seqsOf(roomId)).toEqual([1, 2, 3]);
      });
    });

    describe('limits and the end', () => {
      test('the queue takes as many writes as its limit and refuses one more, losing none', async () => {
        await opened.dispose();
        opened = await open({ queueLimit: 100, batchLimit: 8 });
        store = opened.store;
        const roomId = await publicRoom();
        const accepted = range(0, 100).map((index) => say(roomId, String(index)));
        expect(store.pending).toBe(100);
        await refused(say(roomId, 'one too many'), 'overloaded');
        await Promise.all(accepted);
        expect(store.pending).toBe(0);
        await say(roomId, 'room again');
        const { messages } = await store.listMessages(roomId, {}, 200);
        expect(messages.map(({ content }) => content)).toEqual([...range(0, 100).map(String), 'room again']);
      });

      test('closing commits what waits, refuses what comes after, and may be asked for twice', async () => {
        const roomId = await publicRoom();
        const waiting = range(0, 1_000).map((index) => say(roomId, String(index)));
        const closing = [store.close(), store.close()];
        await refused(say(roomId, 'too late'), 'going-away');
        await Promise.all(closing);
        const appended: Appended[] = await Promise.all(waiting);
        expect(appended.map(({ entry }) => entry.seq)).toEqual(range(2, 1_000));
        await refused(store.findUser('alice'), 'going-away');
        store = await opened.reopen();
        expect(await seqsOf(roomId)).toEqual(range(1, 1_001));
      });

      test('every refusal is an error of the registry', async () => {
        const error = await refused(say('nowhere', 'x'), 'room-not-found');
        expect(error).toBeInstanceOf(MaruError);
        expect(error.message).toBe(ERRORS['room-not-found'].message);
      });
    });

    appendMessagesContract(() => store, open);

    roomOwnerContract(() => store);

    storeModelContract(() => store);
  });
}

/** `length` numbers from `first` on. */
export function range(first: number, length: number): number[] {
  return Array.from({ length }, (_, index) => first + index);
}

export async function everyEntry(store: Store, roomId: string): Promise<Committed[]> {
  const entries: Committed[] = [];
  for (;;) {
    const page = await store.listEntries(roomId, entries.length, 1_000);
    if (page.length === 0) return entries;
    entries.push(...page);
  }
}

export async function refused(write: Promise<unknown>, code: ErrorCode): Promise<MaruError> {
  const error = await write.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toMatchObject({ name: 'MaruError', code });
  return error as MaruError;
}

function reportOf(store: Store): Committed[] {
  const reported: Committed[] = [];
  store.onCommitted((entries) => reported.push(...entries));
  return reported;
}
