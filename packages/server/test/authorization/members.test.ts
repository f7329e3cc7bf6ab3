// Memberships asked for often: one read of the database each, and never one that has ended.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { Members } from '../../src/authorization/members.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';

const ANN = { userId: 'ann', name: 'Ann' };
const BOB = { userId: 'bob', name: 'Bob' };

let folder: string;
let store: Store;
let reads = 0;
let members: Members;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maru-members-'));
  store = await openSqliteStore({ folder });
});
beforeEach(() => open());
afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true });
});

/** Members on the real store, its reads counted. */
function open(limit?: number): void {
  reads = 0;
  const counting: Pick<Store, 'findStanding'> = {
    findStanding: (...asked) => {
      reads += 1;
      return store.findStanding(...asked);
    },
  };
  members = new Members(counting, limit);
  store.onCommitted((entries) => members.follow(entries));
}

const newRoom = async () => (await store.createRoom({ name: 'x', visibility: 'public', owner: ANN })).roomId;

test('a membership is read once, however often it is asked for', async () => {
  const roomId = await newRoom();
  for (let n = 0; n < 100; n += 1) expect(await members.isMember(roomId, 'ann')).toBe(true);
  expect(reads).toBe(1);
});

test('who is no member is asked for each time, and is one as soon as they have joined', async () => {
  const roomId = await newRoom();
  for (let n = 0; n < 2; n += 1) expect(await members.isMember(roomId, 'bob')).toBe(false);
  expect(await members.isMember('none', 'ann')).toBe(false);
  await store.join(roomId, BOB, 'member');
  expect(await members.isMember(roomId, 'bob')).toBe(true);
  expect(reads).toBe(4);
});

test('a membership that has ended is none from then on, also by the end of the room', async () => {
  const roomId = await newRoom();
  await store.join(roomId, BOB, 'member');
  for (const { userId } of [ANN, BOB]) expect(await members.isMember(roomId, userId)).toBe(true);
  await store.leave(roomId, 'bob');
  expect([await members.isMember(roomId, 'bob'), await members.isMember(roomId, 'ann')]).toEqual([
    false,
    true,
  ]);
  await store.deleteRoom(roomId, ANN);
  expect(await members.isMember(roomId, 'ann')).toBe(false);
});

test('an answer that was under way while somebody left is not kept, 300 times', async () => {
  const roomId = await newRoom();
  for (let n = 0; n < 300; n += 1) {
    await store.join(roomId, BOB, 'member');
    const asking = members.isMember(roomId, 'bob');
    const leaving = store.leave(roomId, 'bob');
    await Promise.all([asking, leaving]);
    expect(await members.isMember(roomId, 'bob')).toBe(false);
  }
});

test('past its limit the membership asked for first is forgotten', async () => {
  open(2);
  const rooms = [await newRoom(), await newRoom(), await newRoom()];
  for (const roomId of rooms) await members.isMember(roomId, 'ann');
  expect(reads).toBe(3);
  for (const roomId of rooms.slice(1)) await members.isMember(roomId, 'ann');
  expect(reads).toBe(3);
  await members.isMember(rooms[0] ?? '', 'ann');
  expect(reads).toBe(4);
});
