// What every implementation of Store promises of a room's log: who may write to it, its order, what is stored once, what is reported.
import { roomEntrySchema } from '@maru/contract';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Committed, NewMessage, Store } from '../../src/store/store.ts';
import { everyEntry, type OpenedStore, range, refused } from './store.contract.ts';

const ALICE = { userId: 'alice', name: 'Alice' };
const BOB = { userId: 'bob', name: 'Bob' };

export function logContract(current: () => OpenedStore): void {
  describe('what is written', () => {
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
        expect(await store.listMessages('no-such-room', 'alice', {}, 5)).toEqual({
          messages: [],
          hasMore: false,
        });
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
          expect(await store.listMessages(roomId, 'alice', {}, 1)).toMatchObject({ messages: [entry] });
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
        store = await current().reopen();
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
          const { messages, hasMore } = await store.listMessages(roomId, 'alice', bounds, limit);
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
        store = await current().reopen();
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
  });
}

function reportOf(store: Store): Committed[] {
  const reported: Committed[] = [];
  store.onCommitted((entries) => reported.push(...entries));
  return reported;
}
