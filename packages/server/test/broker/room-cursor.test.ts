// A cursor on a room's log beside the live entries: the store may be ahead of what the broker has heard.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LocalBroker } from '../../src/broker/local-broker.ts';
import { Turn } from '../../src/broker/turn.ts';
import { Unacknowledged } from '../../src/session/unacknowledged.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Committed, Store } from '../../src/store/store.ts';
import { Listener } from './listener.ts';

const ANN = { userId: 'ann', name: 'Ann' };
const BOB = { userId: 'bob', name: 'Bob' };

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('room cursor', () => {
  let folder: string;
  let store: Store;
  let broker: LocalBroker;
  let roomId: string;
  /** Committed and not told to the broker yet; `null`: it is told at once. */
  let held: Committed[] | null;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maru-cursor-'));
    store = await openSqliteStore({ folder });
  });
  beforeEach(async () => {
    held = null;
    broker = new LocalBroker(store, new Turn());
    store.onCommitted((entries) => {
      if (held === null) broker.publish(entries);
      else held.push(...entries);
    });
    roomId = (await store.createRoom({ name: 'x', visibility: 'public', owner: ANN })).roomId;
    await store.join(roomId, BOB, 'member');
  });
  afterAll(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  const say = (count: number) =>
    Promise.all(
      range(1, count).map((n) => store.appendMessage({ roomId, sender: ANN, content: `message ${n}` })),
    );
  const release = () => {
    const entries = held ?? [];
    held = null;
    broker.publish(entries);
  };

  const subscribe = async (limit: number) => {
    const listener = new Listener();
    const window = new Unacknowledged({ number: 1, mode: 'client', limit, version: '1.2' });
    const live = await broker.subscribe(roomId, { ...listener.as('bob', 'w'), window }, null);
    const acknowledge = () => {
      window.settle(listener.messages.at(-1)?.headers.get('message-id') ?? '');
      live.resume();
    };
    return { listener, live, acknowledge };
  };
  const heard = async (listener: Listener, count: number) => {
    while (listener.messages.length < count) await listener.heard();
  };

  test('one that has read what is committed and not published yet goes on in order, each entry once', async () => {
    const { listener, acknowledge } = await subscribe(5);
    await say(6);
    await nextTurn();
    expect(listener.seqs).toEqual(range(3, 7));
    held = [];
    await say(2);
    acknowledge();
    await heard(listener, 6);
    await store.listEntries(roomId, 0, 1);
    await nextTurn();
    // What is committed and not published comes when it is.
    expect(listener.seqs).toEqual(range(3, 8));
    release();
    await say(1);
    await nextTurn();
    expect(listener.seqs).toEqual(range(3, 11));
    acknowledge();
    await say(1);
    await nextTurn();
    expect(listener.seqs).toEqual(range(3, 12));
  });

  test('one that has read its own member.left before it is published hears nothing after it', async () => {
    const { listener, acknowledge } = await subscribe(3);
    await say(4);
    await nextTurn();
    held = [];
    await store.leave(roomId, 'bob');
    await store.join(roomId, BOB, 'member');
    acknowledge();
    await heard(listener, 4);
    expect(listener.ended).toBe(0);
    release();
    await heard(listener, 5);
    expect(listener.ended).toBe(1);
    await say(1);
    acknowledge();
    await store.listEntries(roomId, 0, 1);
    await nextTurn();
    expect(listener.entries.at(-1)).toMatchObject({ type: 'member.left', userId: 'bob' });
    expect(listener.seqs).toEqual(range(3, 7));
    expect(listener.ended).toBe(1);
    expect(broker.subscriptions).toBe(0);
  });
});
