// What every implementation of Store promises, as tests that each of them runs.
import { ERRORS, type ErrorCode, MaruError } from '@maru/contract';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Committed, NewMessage, Store } from '../../src/store/store.ts';
import { appendContract } from './append.contract.ts';
import { logContract } from './log.contract.ts';
import { messageChangesContract } from './message-changes.contract.ts';
import { peopleContract } from './people.contract.ts';
import { readingContract } from './reading.contract.ts';
import { roomChangesContract } from './room-changes.contract.ts';
import { roomModelContract } from './room-model.contract.ts';
import { roomOwnerContract } from './room-owner.contract.ts';
import { roomsContract } from './rooms.contract.ts';
import { searchContract } from './search.contract.ts';
import { storeModelContract } from './store-model.contract.ts';

export type OpenedStore = {
  readonly store: Store;
  /** Closes the store, if it isn't, and opens another on the same data. */
  reopen(): Promise<Store>;
  /** Closes whatever is open and removes the data. */
  dispose(): Promise<void>;
};
export type OpenStore = (limits?: { queueLimit?: number; batchLimit?: number }) => Promise<OpenedStore>;

const ALICE = { userId: 'alice', name: 'Alice' };

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
    const say = (roomId: string, content: string, more: Partial<NewMessage> = {}) =>
      store.appendMessage({ roomId, sender: ALICE, content, ...more });
    const seqsOf = async (roomId: string) => (await everyEntry(store, roomId)).map(({ entry }) => entry.seq);

    roomsContract(() => opened);

    logContract(() => opened);

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
        const { messages } = await store.listMessages(roomId, 'alice', {}, 200);
        expect(messages.map(({ content }) => content)).toEqual([...range(0, 100).map(String), 'room again']);
      });

      test('closing commits what waits, refuses what comes after, and may be asked for twice', async () => {
        const roomId = await publicRoom();
        const waiting = range(0, 1_000).map((index) => say(roomId, String(index)));
        const closing = [store.close(), store.close()];
        await refused(say(roomId, 'too late'), 'going-away');
        await Promise.all(closing);
        const appended = await Promise.all(waiting);
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

    appendContract(() => store, open);

    roomOwnerContract(() => store);

    messageChangesContract(open);

    readingContract(open);

    roomChangesContract(open);

    roomModelContract(open);
    searchContract(open);

    peopleContract(() => store);

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
