// Two programs on one database: what each of them reads and writes at the same moment.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openPostgresStore } from '../../../src/store/postgres/postgres-store.ts';
import type { Committed, Store } from '../../../src/store/store.ts';
import { type Postgres, startPostgres } from '../../engines/postgres.ts';
import { everyEntry, range } from '../store.contract.ts';

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres?.stop());

const ALICE = { userId: 'alice', name: 'Alice' };
const BOB = { userId: 'bob', name: 'Bob' };

let one: Store;
let other: Store;
let told: Committed[];
beforeEach(async () => {
  const url = await postgres.newDatabase();
  // Side by side: both find an empty database.
  [one, other] = await Promise.all([openPostgresStore({ url }), openPostgresStore({ url })]);
  told = [];
  for (const store of [one, other]) store.onCommitted((entries) => told.push(...entries));
});
afterEach(() => Promise.all([one.close(), other.close()]));

const newRoom = async () => (await one.createRoom({ name: 'x', visibility: 'public', owner: ALICE })).roomId;

test('5,000 messages of both to one room have each seq once, and each is told of once', async () => {
  const roomId = await newRoom();
  await one.join(roomId, BOB, 'member');
  await Promise.all(
    range(0, 2_500).flatMap((n) => [
      one.appendMessage({ roomId, sender: ALICE, content: `a${n}` }),
      other.appendMessage({ roomId, sender: BOB, content: `b${n}` }),
    ]),
  );
  const entries = await everyEntry(other, roomId);
  expect(entries.map(({ entry }) => entry.seq)).toEqual(range(1, 5_002));
  expect(entries.map(({ createdCount }) => createdCount)).toEqual([0, 0, ...range(1, 5_000)]);
  expect(told.map(({ entry }) => entry.seq).sort((a, b) => a - b)).toEqual(range(1, 5_002));
  // Of each sender in the order sent.
  for (const [sender, letter] of [
    ['alice', 'a'],
    ['bob', 'b'],
  ]) {
    const contents = entries.flatMap(({ entry }) =>
      entry.type === 'message.created' && entry.senderId === sender ? [entry.content] : [],
    );
    expect(contents).toEqual(range(0, 2_500).map((n) => `${letter}${n}`));
  }
});

test('the same clientMessageId at both, a thousand times: one message, the first one is both answers', {
  timeout: 60_000,
}, async () => {
  const roomId = await newRoom();
  for (const n of range(0, 1_000)) {
    const message = { roomId, sender: ALICE, content: `at ${n}`, clientMessageId: `id ${n}` };
    const [a, b] = await Promise.all([one.appendMessage(message), other.appendMessage(message)]);
    expect(a.entry).toEqual(b.entry);
    expect([a.duplicate, b.duplicate].sort()).toEqual([false, true]);
    expect(a.entry.seq).toBe(n + 2);
  }
  expect(told).toHaveLength(1_001);
});

test('a message raced by its sender’s removal, a thousand times: never after `member.left`', {
  timeout: 90_000,
}, async () => {
  const roomId = await newRoom();
  let landed = 0;
  for (const n of range(0, 1_000)) {
    await one.join(roomId, BOB, 'member');
    // Who comes first changes: both begin in the same turn, and every other time behind a message.
    if (n % 2 === 0) void other.appendMessage({ roomId, sender: ALICE, content: 'before' }).catch(() => {});
    const [left, said] = await Promise.allSettled([
      one.leave(roomId, 'bob'),
      other.appendMessage({ roomId, sender: BOB, content: `bob ${n}` }),
    ]);
    expect(left.status).toBe('fulfilled');
    if (said.status === 'fulfilled') landed += 1;
    else expect(said.reason).toMatchObject({ code: 'not-a-member' });
  }
  let isMember = false;
  for (const { entry } of await everyEntry(one, roomId)) {
    if (entry.type === 'member.joined' && entry.userId === 'bob') isMember = true;
    if (entry.type === 'member.left') isMember = false;
    if (entry.type === 'message.created' && entry.senderId === 'bob') expect(isMember).toBe(true);
  }
  // A race that ends one way only is none.
  expect(landed).toBeGreaterThan(0);
  expect(landed).toBeLessThan(1_000);
});

test('a direct room opened from both sides at once is one room', async () => {
  for (const n of range(0, 200)) {
    const [a, b] = [
      { userId: `a${n}`, name: 'A' },
      { userId: `b${n}`, name: 'B' },
    ];
    const [mine, theirs] = await Promise.all([one.openDirect(a, b), other.openDirect(b, a)]);
    expect(mine.room.roomId).toBe(theirs.room.roomId);
    expect([mine.created, theirs.created].sort()).toEqual([false, true]);
  }
});

test('writes over many rooms in opposite order at both end all, whatever locks they take', async () => {
  const roomIds = await Promise.all(range(0, 20).map(newRoom));
  const say = (store: Store, ids: readonly string[]) =>
    store.append(ids.map((roomId) => ({ kind: 'message', roomId, sender: ALICE, content: 'x' })));
  await Promise.all(range(0, 100).flatMap(() => [say(one, roomIds), say(other, roomIds.toReversed())]));
  for (const roomId of roomIds) {
    expect((await everyEntry(one, roomId)).map(({ entry }) => entry.seq)).toEqual(range(1, 201));
  }
});

test('people entered at both at once, in opposite order', async () => {
  const people = range(0, 300).map((n) => ({
    userId: `u${n}`,
    name: `N${n}`,
    issuer: 'i',
    subject: `s${n}`,
  }));
  await Promise.all([
    ...people.map((person) => one.enterUser(person)),
    ...people.toReversed().map((person) => other.enterUser(person)),
  ]);
  expect(await one.findUser('u299')).toEqual({ userId: 'u299', name: 'N299' });
});
