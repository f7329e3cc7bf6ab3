// A subscription as a cursor: from-seq, sessions that are too slow, holes, and what was deleted meanwhile.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LocalBroker } from '../../src/broker/local-broker.ts';
import { Turn } from '../../src/broker/turn.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Committed, Store } from '../../src/store/store.ts';
import { Counts } from '../../src/telemetry/counts.ts';
import { Listener } from './listener.ts';

const ANN = { userId: 'ann', name: 'Ann' };
const BOB = { userId: 'bob', name: 'Bob' };

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

describe('catching up', () => {
  let folder: string;
  let store: Store;
  let broker: LocalBroker;
  let counts: Counts;
  let roomId: string;
  /** What of the commits the broker is told; all of it, in order, if a test doesn't say otherwise. */
  let tell: (entries: readonly Committed[]) => void;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maru-catch-up-'));
    store = await openSqliteStore({ folder });
  });
  beforeEach(async () => {
    counts = new Counts();
    broker = new LocalBroker(store, new Turn(), counts);
    tell = (entries) => broker.publish(entries);
    store.onCommitted((entries) => tell(entries));
    roomId = (await store.createRoom({ name: 'x', visibility: 'public', owner: ANN })).roomId;
  });
  afterAll(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  const say = (count: number, room = roomId) =>
    Promise.all(
      range(1, count).map((n) => store.appendMessage({ roomId: room, sender: ANN, content: `message ${n}` })),
    );
  const epochOf = async () => (await store.findStanding(roomId, 'ann'))?.epoch ?? '';
  const follow = async (seq: number, listener = new Listener(), user = 'ann') => {
    const live = await broker.subscribe(roomId, listener.as(user, 'a'), { seq, epoch: undefined });
    return { listener, live };
  };
  const heard = async (listener: Listener, count: number) => {
    while (listener.messages.length < count) await listener.heard();
  };
  const refusal = (promise: Promise<unknown>) =>
    promise.then(
      () => 'allowed',
      (error: { code: string }) => error.code,
    );

  test('from-seq brings what is in the log after it, then what comes, without a seam', async () => {
    await say(300);
    for (const seq of [0, 1, 63, 64, 65, 128, 300, 301]) {
      const { listener, live } = await follow(seq);
      expect(live.head).toBe(301);
      await heard(listener, 301 - seq);
      expect(listener.seqs).toEqual(range(seq + 1, 301));
      live.unsubscribe();
    }
    const { listener } = await follow(10);
    await say(50);
    await heard(listener, 341);
    expect(listener.seqs).toEqual(range(11, 351));
    expect(broker.behind).toBe(0);
  });

  test('from-seq past the head, or of another log, is refused: reset-required', async () => {
    await say(3);
    const as = new Listener().as('ann', 'a');
    expect(await refusal(broker.subscribe(roomId, as, { seq: 5, epoch: undefined }))).toBe('reset-required');
    expect(await refusal(broker.subscribe(roomId, as, { seq: 0, epoch: 'another' }))).toBe('reset-required');
    expect(await refusal(broker.subscribe(roomId, as, { seq: 4, epoch: await epochOf() }))).toBe('allowed');
  });

  test('a session that is full hears nothing more, and all of it in order when it has read', async () => {
    const { listener } = await follow(0);
    const other = await follow(0);
    await Promise.all([heard(listener, 1), heard(other.listener, 1)]);
    listener.isFull = true;
    listener.turns.full();
    expect(broker.behind).toBe(1);
    await say(500);
    await heard(other.listener, 501);
    expect(listener.seqs).toEqual([1]);
    expect(other.listener.seqs).toEqual(range(1, 501));
    listener.isFull = false;
    listener.turns.resume();
    await heard(listener, 501);
    await say(1);
    await heard(listener, 502);
    expect(listener.seqs).toEqual(range(1, 502));
    expect(broker.behind).toBe(0);
  });

  test('one that subscribes while its session is full begins when it has read', async () => {
    const listener = new Listener();
    listener.isFull = true;
    await broker.subscribe(roomId, listener.as('ann', 'a'), null);
    await say(3);
    await nextTurn();
    expect(listener.seqs).toEqual([]);
    listener.isFull = false;
    listener.turns.resume();
    await heard(listener, 3);
    expect(listener.seqs).toEqual([2, 3, 4]);
  });

  test('two hundred who come back to the same place share the reads of the log', async () => {
    await say(640);
    await store.listEntries(roomId, 0, 1);
    const all = await Promise.all(range(1, 200).map(() => follow(1)));
    for (const { listener } of all) await heard(listener, 640);
    for (const { listener } of all) expect(listener.seqs).toEqual(range(2, 641));
    // Ten whole pages, and the one that isn't full by those who came while it was read.
    expect(counts.pagesRead).toBeLessThan(40);
  });

  test('what the broker was never told is read from the log, once for all who listen', async () => {
    const listeners = await Promise.all(range(1, 20).map(() => follow(1)));
    tell = (entries) => broker.publish(entries.filter(({ entry }) => entry.seq % 10 === 0));
    await say(200);
    for (const { listener } of listeners) await heard(listener, 199);
    // What it reads goes as far as the log does at that moment.
    for (const { listener } of listeners) expect(listener.seqs).toEqual(range(2, listener.seqs.length + 1));
  });

  test('what the broker is told late, twice and in another order reaches everybody once and in order', async () => {
    const { listener } = await follow(1);
    const told: Committed[] = [];
    tell = (entries) => told.push(...entries);
    await say(100);
    for (const committed of told.toReversed()) broker.publish([committed, committed]);
    await heard(listener, 100);
    await say(0);
    tell = (entries) => broker.publish(entries);
    await say(1);
    await heard(listener, 101);
    expect(listener.seqs).toEqual(range(2, 102));
  });

  test('who left and came back hears the log over it; who leaves while behind has that as the last', async () => {
    await store.join(roomId, BOB, 'member');
    await store.leave(roomId, 'bob');
    await store.join(roomId, BOB, 'member');
    const { listener } = await follow(0, new Listener(), 'bob');
    await heard(listener, 4);
    listener.isFull = true;
    listener.turns.full();
    await say(70);
    await store.leave(roomId, 'bob');
    await say(70);
    listener.isFull = false;
    listener.turns.resume();
    await heard(listener, 75);
    await nextTurn();
    expect(listener.seqs).toEqual(range(1, 75));
    expect(listener.entries.at(-1)).toMatchObject({ type: 'member.left', userId: 'bob' });
    expect(listener.ended).toBe(1);
    expect(broker.subscriptions).toBe(0);
  });

  test('room.deleted is the last for everybody, also for who was behind', async () => {
    await store.join(roomId, BOB, 'member');
    const live = await follow(2, new Listener(), 'bob');
    const slow = await follow(2);
    slow.listener.isFull = true;
    slow.listener.turns.full();
    await say(3);
    await store.deleteRoom(roomId, ANN);
    await nextTurn();
    expect(live.listener.entries.at(-1)?.type).toBe('room.deleted');
    expect(live.listener.ended).toBe(1);
    slow.listener.isFull = false;
    slow.listener.turns.resume();
    await heard(slow.listener, 4);
    expect(slow.listener.seqs).toEqual([3, 4, 5, 6]);
    expect(slow.listener.ended).toBe(1);
    expect(broker.subscriptions).toBe(0);
  });

  test('what was deleted while somebody was behind is in none of the pages they get', async () => {
    await say(200);
    const messages = (await store.listMessages(roomId, 'ann', { after: 0 }, 1)).messages;
    // The page is read, and kept, before.
    await heard((await follow(0)).listener, 201);
    const slow = new Listener();
    slow.isFull = true;
    await broker.subscribe(roomId, slow.as('ann', 's'), { seq: 0, epoch: undefined });
    await store.append([{ kind: 'delete', roomId, sender: ANN, messageId: messages[0]?.messageId ?? '' }]);
    slow.isFull = false;
    slow.turns.resume();
    await heard(slow, 202);
    expect(slow.entries[1]).toMatchObject({ type: 'message.created', content: null, deleted: true });
    expect(JSON.stringify(slow.entries)).not.toContain('"message 1"');
  });
});
