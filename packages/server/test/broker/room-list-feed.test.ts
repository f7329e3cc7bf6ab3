// What a list of rooms hears, and what of it the store has to be asked for.
import { MaruError, type RoomListEvent } from '@maru/contract';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Committed, NewMessage, Person } from '../../src/store/store.ts';
import { RoomListGround, type Watching } from './room-list-ground.ts';

const INTERVAL_MS = 20;

describe('room list feed', () => {
  let ground: RoomListGround;
  let tests = 0;
  /** Of each test alone, as are their rooms. */
  let ANN: Person;
  let BOB: Person;
  beforeAll(async () => {
    ground = await RoomListGround.open(INTERVAL_MS);
  });
  beforeEach(() => {
    tests += 1;
    ANN = { userId: `ann-${tests}`, name: 'Ann' };
    BOB = { userId: `bob-${tests}`, name: 'Bob' };
    ground.reads = 0;
  });
  afterAll(() => ground.close());

  const say = async (roomId: string, sender: Person, rest: Partial<NewMessage> = {}) =>
    (await ground.store.appendMessage({ roomId, sender, content: 'hello', ...rest })).entry;
  /** Resolves when the newest that was heard of a room is this. */
  const hears = (watching: Watching, wanted: Partial<Extract<RoomListEvent, { type: 'room.updated' }>>) =>
    vi.waitFor(() => expect(watching.events.at(-1)).toMatchObject({ type: 'room.updated', ...wanted }), {
      interval: 2,
    });

  test('what others and one oneself say, mentions, and markers moved to the head cost no read', async () => {
    const roomId = await ground.room(ANN, BOB);
    const bob = await ground.watch(BOB.userId);
    for (let n = 1; n <= 20; n += 1) await say(roomId, ANN);
    await hears(bob, { readSeq: 2, unread: 20, unreadMentions: 0, head: 22 });
    await say(roomId, ANN, { mentions: [BOB.userId] });
    await hears(bob, { unread: 21, unreadMentions: 1 });
    const own = await say(roomId, BOB);
    await hears(bob, { readSeq: own.seq, unread: 0, unreadMentions: 0 });
    const { seq } = await say(roomId, ANN, { mentions: [BOB.userId] });
    await hears(bob, { unread: 1, unreadMentions: 1 });
    await ground.markers.mark(roomId, BOB.userId, seq);
    await hears(bob, { readSeq: seq, unread: 0, unreadMentions: 0 });
    await ground.store.updateRoom(roomId, ANN, { name: 'Renamed' });
    await hears(bob, { name: 'Renamed', head: seq + 1, unread: 0 });
    expect(ground.reads).toBe(0);
  });

  test('an edit and the deletion of the last message are shown, those of another are not', async () => {
    const roomId = await ground.room(ANN, BOB);
    const bob = await ground.watch(BOB.userId);
    const older = await say(roomId, ANN);
    const last = await say(roomId, ANN);
    const edit = { kind: 'edit', roomId, sender: ANN, messageId: last.messageId, content: 'better' } as const;
    await ground.store.append([{ ...edit, messageId: older.messageId, content: 'not shown' }, edit]);
    await hears(bob, { lastMessage: expect.objectContaining({ content: 'better' }), unread: 2 });
    const deletion = { kind: 'delete', roomId, sender: ANN } as const;
    await ground.store.append([
      { ...deletion, messageId: older.messageId },
      { ...deletion, messageId: last.messageId },
    ]);
    await hears(bob, { lastMessage: expect.objectContaining({ content: null, deleted: true }), unread: 2 });
    expect(bob.shown).toEqual(await ground.list(BOB.userId));
  });

  test('a marker moved to somewhere before the head is read from the store, once', async () => {
    const roomId = await ground.room(ANN, BOB);
    const first = await say(roomId, ANN, { mentions: [BOB.userId] });
    const bob = await ground.watch(BOB.userId);
    await say(roomId, ANN, { mentions: [BOB.userId] });
    await say(roomId, ANN);
    await hears(bob, { unread: 3, unreadMentions: 2 });
    await ground.markers.mark(roomId, BOB.userId, first.seq);
    await hears(bob, { readSeq: first.seq, unread: 2, unreadMentions: 1 });
    await say(roomId, ANN);
    await hears(bob, { unread: 3 });
    expect(ground.reads).toBe(1);
  });

  test('a mention that is deleted is counted no longer', async () => {
    const roomId = await ground.room(ANN, BOB);
    const bob = await ground.watch(BOB.userId);
    const { messageId } = await say(roomId, ANN, { mentions: [BOB.userId] });
    await hears(bob, { unreadMentions: 1 });
    await ground.store.append([{ kind: 'delete', roomId, sender: ANN, messageId }]);
    await hears(bob, { head: 4 });
    expect(bob.shown).toEqual(await ground.list(BOB.userId));
  });

  test('a marker that does not move is told to nobody', async () => {
    const roomId = await ground.room(ANN);
    const { seq } = await say(roomId, ANN);
    const ann = await ground.watch(ANN.userId);
    expect(await ground.markers.mark(roomId, ANN.userId, seq)).toMatchObject({ readSeq: seq, moved: false });
    await say(roomId, ANN);
    await hears(ann, { head: seq + 1 });
    expect(ann.messages).toHaveLength(1);
  });

  test('whoever joins hears of the room as it is, and reads on from there', async () => {
    const roomId = await ground.room(ANN);
    await say(roomId, ANN);
    const bob = await ground.watch(BOB.userId);
    await ground.store.join(roomId, BOB, 'member');
    expect(await bob.next()).toMatchObject({
      type: 'room.added',
      room: { name: 'First', readSeq: 3, unread: 0, lastMessage: { content: 'hello' } },
    });
    await say(roomId, ANN);
    await hears(bob, { readSeq: 3, unread: 1, head: 4 });
  });

  test('a deleted room goes from the list of everybody who had it', async () => {
    const roomId = await ground.room(ANN, BOB);
    const lists = [await ground.watch(ANN.userId), await ground.watch(BOB.userId)];
    await ground.store.deleteRoom(roomId, ANN);
    for (const list of lists) expect(await list.next()).toEqual({ type: 'room.removed', roomId });
    await ground.room(ANN);
    for (const list of lists.slice(0, 1)) expect((await list.next()).type).toBe('room.added');
    expect(lists[1]?.messages).toEqual([]);
  });

  test('each of a direct room sees the name that the other has now', async () => {
    const enter = (person: Person) =>
      ground.store.enterUser({ ...person, issuer: 'x', subject: person.userId });
    await Promise.all([enter(ANN), enter(BOB)]);
    const { room } = await ground.store.openDirect(ANN, BOB);
    const [ann, bob] = [await ground.watch(ANN.userId), await ground.watch(BOB.userId)];
    await say(room.roomId, ANN);
    await hears(ann, { name: 'Bob', unread: 0 });
    await hears(bob, { name: 'Ann', unread: 1 });
    const bobby = { ...BOB, name: 'Bobby' };
    await enter(bobby);
    await say(room.roomId, bobby);
    await hears(ann, { name: 'Bobby', unread: 1 });
    await hears(bob, { name: 'Ann', unread: 0 });
  });

  test('what replaces what for who is slow: an update an update, and a coming a going, of the same room', async () => {
    const ann = await ground.watch(ANN.userId);
    const one = await ground.room(ANN, BOB);
    await vi.waitFor(() => expect(ann.events.at(-1)).toMatchObject({ roomId: one }), { interval: 2 });
    await say(one, BOB);
    await hears(ann, { roomId: one, unread: 1 });
    await ground.store.leave(one, ANN.userId);
    await vi.waitFor(() => expect(ann.events.at(-1)?.type).toBe('room.removed'), { interval: 2 });
    const kinds = new Map<string, Set<string | undefined>>();
    for (const [index, { type }] of ann.events.entries()) {
      kinds.set(type, (kinds.get(type) ?? new Set()).add(ann.kinds[index]));
    }
    expect(kinds.get('room.added')).toEqual(kinds.get('room.removed'));
    expect(kinds.get('room.updated')).not.toEqual(kinds.get('room.removed'));
    for (const each of kinds.values()) expect([...each]).toEqual([expect.stringContaining(one)]);
  });

  test('after a hole in what is heard the store is asked, and the list is right again', async () => {
    const roomId = await ground.room(ANN, BOB);
    const bob = await ground.watch(BOB.userId);
    await say(roomId, ANN);
    await hears(bob, { unread: 1 });
    let lost = 0;
    ground.hear = (entries: readonly Committed[]) => {
      lost += entries.length;
      return [];
    };
    await ground.store.updateRoom(roomId, ANN, { name: 'Renamed' });
    await say(roomId, ANN, { mentions: [BOB.userId] });
    ground.hear = (entries) => entries;
    await say(roomId, ANN);
    await hears(bob, { name: 'Renamed', unread: 3, unreadMentions: 1 });
    await say(roomId, ANN);
    await hears(bob, { name: 'Renamed', unread: 4, unreadMentions: 1 });
    expect([lost, ground.reads]).toEqual([2, 1]);
  });

  test('a mention that comes while the store is asked is counted once, whether the answer has it or not', async () => {
    const roomId = await ground.room(ANN, BOB);
    const first = await say(roomId, ANN);
    await say(roomId, ANN);
    const bob = await ground.watch(BOB.userId);
    const [hasRead, mayAnswer] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    ground.read = async (...asked) => {
      const room = await ground.store.findRoom(...asked);
      hasRead.resolve();
      await mayAnswer.promise;
      return room;
    };
    await ground.markers.mark(roomId, BOB.userId, first.seq);
    await hasRead.promise;
    await say(roomId, ANN, { mentions: [BOB.userId] });
    ground.read = null;
    mayAnswer.resolve();
    await hears(bob, { unread: 2, unreadMentions: 1 });
    await say(roomId, ANN);
    await hears(bob, { unread: 3, unreadMentions: 1 });
  });

  test('a mention that the list has already is counted once, also if it is heard later', async () => {
    const roomId = await ground.room(ANN, BOB);
    const held: Committed[] = [];
    ground.hear = (entries) => {
      held.push(...entries);
      return [];
    };
    await say(roomId, ANN, { mentions: [BOB.userId] });
    const bob = await ground.watch(BOB.userId);
    ground.hear = (entries) => [...held, ...entries];
    await say(roomId, ANN);
    ground.hear = (entries) => entries;
    await hears(bob, { unread: 2, unreadMentions: 1 });
    await say(roomId, ANN);
    await hears(bob, { unread: 3, unreadMentions: 1 });
  });

  test('a room that cannot be read is said once, and told with its next change', async () => {
    const bob = await ground.watch(BOB.userId);
    ground.read = () => Promise.reject(new MaruError('storage-unavailable'));
    const roomId = await ground.room(ANN, BOB);
    await vi.waitFor(() => expect(ground.failures).toHaveLength(1), { interval: 2 });
    ground.read = null;
    await say(roomId, ANN);
    expect(await bob.next()).toMatchObject({ type: 'room.added', roomId, room: { unread: 1 } });
  });

  test('of 600 rooms, more than one page, each is heard', async () => {
    const rooms = await Promise.all(Array.from({ length: 600 }, () => ground.room(ANN, BOB)));
    const bob = await ground.watch(BOB.userId);
    for (const roomId of rooms) await say(roomId, ANN);
    await vi.waitFor(() => expect(bob.messages).toHaveLength(600), { interval: 5, timeout: 5_000 });
    expect(new Set(bob.events.map(({ roomId }) => roomId))).toEqual(new Set(rooms));
    expect(ground.reads).toBe(0);
  });

  test('whoever is added or told is not once they have ended it; the next time they hear again', async () => {
    const roomId = await ground.room(ANN, BOB);
    const [first, second] = [await ground.watch(BOB.userId), await ground.watch(BOB.userId)];
    first.end();
    await say(roomId, ANN);
    await hears(second, { unread: 1 });
    second.end();
    await say(roomId, ANN);
    const third = await ground.watch(BOB.userId);
    await say(roomId, ANN);
    await hears(third, { unread: 3 });
    expect([first.messages.length, second.messages.length]).toEqual([0, 1]);
  });
});
