// What every implementation of Store promises of several entries appended as one: all of them, or none.
import { beforeEach, describe, expect, test } from 'vitest';
import type { Appended, Committed, NewEntry, NewMessage, Store } from '../../src/store/store.ts';
import { everyEntry, type OpenStore, range, refused } from './store.contract.ts';

const ALICE = { userId: 'alice', name: 'Alice' };
const BOB = { userId: 'bob', name: 'Bob' };

export function appendContract(currentStore: () => Store, open: OpenStore): void {
  describe('several entries appended as one', () => {
    let store: Store;
    beforeEach(() => {
      store = currentStore();
    });

    const newRoom = async (visibility: 'public' | 'private' = 'public') =>
      (await store.createRoom({ name: 'Maru', visibility, owner: ALICE })).roomId;
    const message = (
      roomId: string,
      content: string,
      more: Partial<NewMessage> = {},
    ): NewMessage & { readonly kind: 'message' } => ({
      kind: 'message',
      roomId,
      sender: ALICE,
      content,
      ...more,
    });
    const say = (roomId: string, content: string, more: Partial<NewMessage> = {}) =>
      store.appendMessage(message(roomId, content, more));
    const contentsOf = async (roomId: string) =>
      (await everyEntry(store, roomId)).flatMap(({ entry }) => ('content' in entry ? [entry.content] : []));
    const reportOf = (reporting = store) => {
      const reported: Committed[][] = [];
      reporting.onCommitted((entries) => reported.push([...entries]));
      return reported;
    };

    test('are all there, in their order, and each is answered', async () => {
      const roomId = await newRoom();
      const first = await say(roomId, 'first');
      const replyTo = first.entry.messageId;
      const appended = await store.append([
        message(roomId, 'a', { clientMessageId: 'c1' }),
        message(roomId, 'b', { replyTo }),
        message(roomId, 'c'),
      ]);
      expect(appended.map(({ duplicate }) => duplicate)).toEqual([false, false, false]);
      expect(appended.map(({ entry }) => entry)).toMatchObject([
        { seq: 3, content: 'a', clientMessageId: 'c1', senderId: 'alice' },
        { seq: 4, content: 'b', replyTo },
        { seq: 5, content: 'c', messageId: `${first.epoch}-5` },
      ]);
      expect(await store.listEntries(roomId, 2, 10)).toEqual(
        appended.map(({ epoch, entry }, index) => ({ epoch, entry, createdCount: index + 2 })),
      );
    });

    test('of several rooms and senders each go into their own, and are reported in one commit in their order', async () => {
      const [one, two] = [await newRoom(), await newRoom()];
      await store.join(two, BOB, 'member');
      const reported = reportOf();
      const appended = await store.append([
        message(one, 'a'),
        message(two, 'b', { sender: BOB }),
        message(one, 'c'),
        message(two, 'd'),
      ]);
      expect(
        appended.map(({ entry }) => [
          entry?.roomId,
          entry?.seq,
          entry?.type === 'message.created' && entry.senderId,
        ]),
      ).toEqual([
        [one, 2, 'alice'],
        [two, 3, 'bob'],
        [one, 3, 'alice'],
        [two, 4, 'alice'],
      ]);
      expect(reported).toEqual([
        appended.map(({ epoch, entry }, index) => ({ epoch, entry, createdCount: index < 2 ? 1 : 2 })),
      ]);
    });

    test('nothing is appended and nothing reported for no messages', async () => {
      const reported = reportOf();
      expect(await store.append([])).toEqual([]);
      expect(reported).toEqual([]);
    });

    const refusals: readonly [string, (rooms: Record<'here' | 'hidden' | 'other', string>) => NewEntry][] = [
      ['room-not-found', () => message('no-such-room', 'x')],
      ['room-not-found', ({ hidden }) => message(hidden, 'x', { sender: BOB })],
      ['not-a-member', ({ other }) => message(other, 'x', { sender: BOB })],
      ['invalid-body', ({ here }) => message(here, 'x', { sender: BOB, replyTo: 'no-such-message' })],
      ['message-not-found', ({ here }) => ({ kind: 'delete', roomId: here, sender: BOB, messageId: 'x-1' })],
    ];
    test.each(refusals)('none is written when one is refused: %s', async (code, refusedMessage) => {
      const here = await newRoom();
      const rooms = { here, hidden: await newRoom('private'), other: await newRoom() };
      await store.join(here, BOB, 'member');
      const bad = refusedMessage(rooms);
      for (const place of [0, 1, 2]) {
        const batch: NewEntry[] = [
          message(here, 'a', { sender: BOB, clientMessageId: 'c1' }),
          message(here, 'b', { sender: BOB }),
        ];
        batch.splice(place, 0, bad);
        const reported = reportOf();
        // Others of the same batch come before and after it and notice nothing.
        const [before, refusal, after] = await Promise.allSettled([
          say(here, `before ${place}`),
          store.append(batch),
          say(here, `after ${place}`),
        ]);
        expect(refusal).toMatchObject({ status: 'rejected', reason: { code } });
        expect([before.status, after.status]).toEqual(['fulfilled', 'fulfilled']);
        expect(reported.flat().map(({ entry }) => 'content' in entry && entry.content)).toEqual([
          `before ${place}`,
          `after ${place}`,
        ]);
      }
      expect(await contentsOf(here)).toEqual(
        [0, 1, 2].flatMap((place) => [`before ${place}`, `after ${place}`]),
      );
      for (const roomId of [rooms.hidden, rooms.other]) expect(await contentsOf(roomId)).toEqual([]);
      // Nor is anything kept of it: its clientMessageId is as new as before.
      const again = await store.append([
        message(here, 'a', { sender: BOB, clientMessageId: 'c1' }),
        message(here, 'b', { sender: BOB }),
      ]);
      expect(again.map(({ duplicate, entry }) => [duplicate, entry?.seq])).toEqual([
        [false, 9],
        [false, 10],
      ]);
    });

    test('a clientMessageId that is there already gives the first entry, and the others are written', async () => {
      const roomId = await newRoom();
      const first = await say(roomId, 'first', { clientMessageId: 'c1' });
      const reported = reportOf();
      const [a, b, c] = await store.append([
        message(roomId, 'a'),
        message(roomId, 'b', { clientMessageId: 'c1' }),
        message(roomId, 'c'),
      ]);
      expect(b).toEqual({ ...first, duplicate: true });
      expect([a?.entry?.seq, c?.entry?.seq]).toEqual([3, 4]);
      expect(await contentsOf(roomId)).toEqual(['first', 'a', 'c']);
      expect(reported.flat().map(({ entry }) => entry.seq)).toEqual([3, 4]);
    });

    test('a clientMessageId twice in one call is stored once', async () => {
      const roomId = await newRoom();
      await store.join(roomId, BOB, 'member');
      const reported = reportOf();
      const [a, b, c] = await store.append([
        message(roomId, 'a', { clientMessageId: 'c1' }),
        message(roomId, 'b', { clientMessageId: 'c1' }),
        message(roomId, 'c', { clientMessageId: 'c1', sender: BOB }),
      ]);
      expect(b).toEqual({ ...a, duplicate: true });
      expect(c?.duplicate).toBe(false);
      expect(await contentsOf(roomId)).toEqual(['a', 'c']);
      expect(reported.flat().map(({ entry }) => entry.seq)).toEqual([3, 4]);
    });

    test('the same call again is all duplicates, alone or raced a hundred times', async () => {
      const roomId = await newRoom();
      const batch = (race: number) =>
        ['a', 'b', 'c'].map((letter) => message(roomId, letter, { clientMessageId: `${letter}${race}` }));
      const races = await Promise.all(
        range(0, 100).map((race) => Promise.all([store.append(batch(race)), store.append(batch(race))])),
      );
      for (const [first, second] of races) {
        expect(first.every(({ duplicate }) => !duplicate)).toBe(true);
        expect(second).toEqual(first.map((appended) => ({ ...appended, duplicate: true })));
      }
      expect(await contentsOf(roomId)).toHaveLength(300);
    });

    test('nothing comes between those of one call, whoever else writes', async () => {
      const roomId = await newRoom();
      const calls = range(0, 400).map(
        (call): Promise<readonly Appended[]> =>
          call % 2 === 0
            ? store.append(range(0, 7).map((index) => message(roomId, `${call} ${index}`)))
            : say(roomId, `${call}`).then((appended) => [appended]),
      );
      const seqs = (await Promise.all(calls)).map((appended) => appended.map(({ entry }) => entry?.seq));
      // The calls were made one after the other, so are their places in the log.
      expect(seqs.flat()).toEqual(range(2, 200 * 8));
      expect(seqs.filter((_, call) => call % 2 === 0).every(({ length }) => length === 7)).toBe(true);
    });

    test('all or none are written while their sender leaves and joins, a thousand times', async () => {
      const [here, there] = [await newRoom(), await newRoom()];
      for (let round = 0; round < 1_000; round += 20) {
        await Promise.all(
          range(round, 20).map(async (race) => {
            const sender = { userId: `u${race}`, name: 'U' };
            await Promise.all([here, there].map((roomId) => store.join(roomId, sender, 'member')));
            // Of two rooms, and the membership of the second is lost: the first's would be written by then.
            const transaction = () =>
              store
                .append([
                  message(here, `${race}`, { sender }),
                  message(there, `${race}`, { sender }),
                  message(here, `${race}`, { sender }),
                ])
                .then(({ length }) => length)
                .catch(({ code }) => code);
            const outcomes = await Promise.all([
              transaction(),
              store.leave(there, sender.userId),
              transaction(),
              store.join(there, sender, 'member'),
              transaction(),
              store.leave(here, sender.userId),
              transaction(),
            ]);
            expect(outcomes).toEqual([3, true, 'not-a-member', true, 3, true, 'not-a-member']);
          }),
        );
      }
      const written = new Map<string, number>();
      for (const roomId of [here, there]) {
        const left = new Set<string>();
        const entries = await everyEntry(store, roomId);
        expect(entries.map(({ entry }) => entry.seq)).toEqual(range(1, entries.length));
        for (const { entry } of entries) {
          if (entry.type === 'member.left') left.add(entry.userId);
          if (entry.type === 'member.joined') left.delete(entry.userId);
          if (entry.type !== 'message.created') continue;
          expect(left.has(entry.senderId)).toBe(false);
          written.set(entry.senderId, (written.get(entry.senderId) ?? 0) + 1);
        }
      }
      expect([...written.values()]).toEqual(Array(1_000).fill(6));
    });

    describe('the queue', () => {
      test('counts messages: it takes as many as its limit and refuses a call that would go past it, whole', async () => {
        const opened = await open({ queueLimit: 10, batchLimit: 4 });
        try {
          store = opened.store;
          const roomId = await newRoom();
          const batch = (name: string, length: number) =>
            store.append(range(0, length).map((index) => message(roomId, `${name}${index}`)));
          const accepted = [batch('a', 6), batch('b', 3)];
          expect(store.pending).toBe(9);
          await refused(batch('c', 2), 'overloaded');
          accepted.push(batch('d', 1));
          await refused(say(roomId, 'e'), 'overloaded');
          await Promise.all(accepted);
          expect(store.pending).toBe(0);
          await refused(batch('f', 11), 'overloaded');
          await batch('g', 10);
          expect(await contentsOf(roomId)).toEqual(
            [
              ['a', 6],
              ['b', 3],
              ['d', 1],
              ['g', 10],
            ].flatMap(([name, length]) => range(0, Number(length)).map((index) => `${name}${index}`)),
          );
        } finally {
          await opened.dispose();
        }
      });

      test('a call of more messages than a batch takes is one commit all the same', async () => {
        const opened = await open({ batchLimit: 8 });
        try {
          store = opened.store;
          const roomId = await newRoom();
          const reported = reportOf(opened.store);
          const [, many] = await Promise.all([
            say(roomId, 'before'),
            store.append(range(0, 100).map((index) => message(roomId, `${index}`))),
            say(roomId, 'after'),
          ]);
          expect(many.map(({ entry }) => entry?.seq)).toEqual(range(3, 100));
          expect(reported.map(({ length }) => length)).toEqual([1, 100, 1]);
        } finally {
          await opened.dispose();
        }
      });

      test('a closed store refuses them, and keeps those it had accepted', async () => {
        const opened = await open();
        try {
          store = opened.store;
          const roomId = await newRoom();
          const waiting = store.append([message(roomId, 'a'), message(roomId, 'b')]);
          const closing = store.close();
          await refused(store.append([message(roomId, 'c')]), 'going-away');
          expect((await waiting).map(({ entry }) => entry?.seq)).toEqual([2, 3]);
          await closing;
          store = await opened.reopen();
          expect(await contentsOf(roomId)).toEqual(['a', 'b']);
        } finally {
          await opened.dispose();
        }
      });
    });
  });
}
