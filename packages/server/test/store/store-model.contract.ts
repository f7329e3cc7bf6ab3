// Any sequence of writes, in any grouping, against the simplest store that could be right.
import type { Role } from '@maru/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Appended, NewMessage, Store } from '../../src/store/store.ts';

type Operation =
  | { readonly op: 'enter'; readonly user: number; readonly name: string }
  | { readonly op: 'create'; readonly user: number; readonly isPublic: boolean }
  | { readonly op: 'join'; readonly user: number; readonly room: number; readonly role: Role }
  | { readonly op: 'leave'; readonly user: number; readonly room: number }
  | ({ readonly op: 'append' } & Message)
  | { readonly op: 'appendSeveral'; readonly messages: readonly Message[] };

type Message = {
  readonly user: number;
  readonly room: number;
  readonly content: string;
  readonly clientMessageId: string | undefined;
  readonly replyTo: number | undefined;
};

type ModelEntry = {
  readonly type: string;
  readonly userId: string;
  readonly name: string;
  readonly content?: string | null;
};
type ModelRoom = {
  readonly isPublic: boolean;
  owner: string;
  readonly members: Map<string, Role>;
  readonly log: ModelEntry[];
  readonly byClientMessageId: Map<string, number>;
};

/** What one write comes to: an error's code, a seq, or whether something was written. */
type Result = string | boolean | AppendResult | readonly AppendResult[] | null;
type AppendResult = { readonly seq: number; readonly duplicate: boolean };

const USERS = 4;
const ROOMS = 3;
const ROLES: readonly Role[] = ['owner', 'member', 'member'];
const user = fc.nat(USERS - 1);
const room = fc.nat(ROOMS);
const message = {
  user,
  room,
  content: fc.string({ unit: 'grapheme', minLength: 1 }),
  clientMessageId: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }),
  replyTo: fc.option(fc.nat(8), { nil: undefined, freq: 4 }),
};
const operation: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ op: fc.constant('enter' as const), user, name: fc.string({ unit: 'grapheme' }) }),
  },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('create' as const), user, isPublic: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constant('join' as const), user, room, role: fc.constantFrom(...ROLES) }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('leave' as const), user, room }) },
  { weight: 8, arbitrary: fc.record({ op: fc.constant('append' as const), ...message }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('appendSeveral' as const),
      messages: fc.array(fc.record(message), { maxLength: 4 }),
    }),
  },
);
/** Each inner list is called without waiting in between. */
const script = fc.array(fc.array(operation, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 8 });

export function storeModelContract(currentStore: () => Store): void {
  test('any writes in any grouping come to what a simple model of a store says', {
    timeout: 60_000,
  }, async () => {
    let run = 0;
    await fc.assert(
      fc.asyncProperty(script, async (groups) => {
        run += 1;
        await compare(currentStore(), `r${run}-`, groups);
      }),
      { numRuns: 60 },
    );
  });
}

async function compare(
  store: Store,
  prefix: string,
  groups: readonly (readonly Operation[])[],
): Promise<void> {
  const names = new Map<string, string>();
  const rooms: ModelRoom[] = [];
  const ids: { readonly roomId: string; readonly epoch: string }[] = [];
  for (const group of groups) {
    const calls: { readonly expected: Result; readonly actual: Promise<Result> }[] = [];
    for (const operation of group) {
      const actual = call(store, prefix, ids, operation);
      calls.push({ expected: apply(rooms, names, prefix, operation), actual });
      // Later writes need the room's id.
      if (operation.op === 'create') await actual;
    }
    expect(await Promise.all(calls.map(({ actual }) => actual))).toEqual(
      calls.map(({ expected }) => expected),
    );
  }
  for (const [index, model] of rooms.entries()) {
    const roomId = ids[index]?.roomId ?? '';
    const entries = await store.listEntries(roomId, 0, 1_000);
    expect(
      entries.map(({ entry }) =>
        entry.type === 'message.created'
          ? { type: entry.type, userId: entry.senderId, name: entry.senderName, content: entry.content }
          : { type: entry.type, userId: entry.userId, name: entry.userName },
      ),
    ).toEqual(model.log);
    expect(entries.map(({ entry }) => entry.seq)).toEqual(model.log.map((_, place) => place + 1));
    const members = await store.listMembers(roomId, undefined, 100);
    expect(members.items.map(({ userId, role }) => [userId, role])).toEqual([...model.members]);
    expect(await store.findRoom(roomId, `${prefix}0`)).toMatchObject({
      head: model.log.length,
      memberCount: model.members.size,
      role: model.members.get(`${prefix}0`) ?? null,
      ownerId: model.owner,
    });
  }
  for (const [userId, name] of names) expect(await store.findUser(userId)).toEqual({ userId, name });
}

/** The name under which the caller knows a person who may never have been entered. */
const callersName = (user: number) => `caller's ${user}`;

async function call(
  store: Store,
  prefix: string,
  ids: { roomId: string; epoch: string }[],
  operation: Operation,
): Promise<Result> {
  const personOf = (user: number) => ({ userId: prefix + user, name: callersName(user) });
  const roomIdOf = (room: number) => ids[room]?.roomId ?? 'no-such-room';
  const newMessage = ({ user, room, content, clientMessageId, replyTo }: Message): NewMessage => ({
    roomId: roomIdOf(room),
    sender: personOf(user),
    content,
    clientMessageId,
    replyTo: replyTo === undefined ? undefined : `${ids[room]?.epoch}-${replyTo}`,
  });
  const resultOf = ({ entry, duplicate }: Appended) => ({ seq: entry?.seq ?? 0, duplicate });
  try {
    if (operation.op === 'appendSeveral') {
      const messages = operation.messages.map((message) => ({
        kind: 'message' as const,
        ...newMessage(message),
      }));
      return (await store.append(messages)).map(resultOf);
    }
    if (operation.op === 'append') return resultOf(await store.appendMessage(newMessage(operation)));
    const person = personOf(operation.user);
    switch (operation.op) {
      case 'enter':
        await store.enterUser({ ...person, name: operation.name, issuer: 'i', subject: person.userId });
        return null;
      case 'create': {
        if (ids.length === ROOMS) return null;
        const visibility = operation.isPublic ? 'public' : 'private';
        const created = await store.createRoom({ name: 'x', visibility, owner: person });
        ids.push({ roomId: created.roomId, epoch: created.logEpoch });
        return null;
      }
      case 'join':
        return await store.join(roomIdOf(operation.room), person, operation.role);
      case 'leave':
        return await store.leave(roomIdOf(operation.room), person.userId);
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error) return String(error.code);
    throw error;
  }
}

function apply(rooms: ModelRoom[], names: Map<string, string>, prefix: string, operation: Operation): Result {
  if (operation.op === 'append') return append(rooms, names, prefix, operation);
  if (operation.op === 'appendSeveral') {
    const copies = structuredClone(rooms);
    const results = operation.messages.map((message) => append(copies, names, prefix, message));
    const refusal = results.find((result) => typeof result === 'string');
    if (refusal !== undefined) return refusal;
    rooms.splice(0, rooms.length, ...copies);
    return results.filter((result) => typeof result !== 'string');
  }
  const userId = prefix + operation.user;
  const name = names.get(userId) ?? callersName(operation.user);
  if (operation.op === 'enter') {
    names.set(userId, operation.name);
    return null;
  }
  if (operation.op === 'create') {
    if (rooms.length === ROOMS) return null;
    rooms.push({
      isPublic: operation.isPublic,
      owner: userId,
      members: new Map([[userId, 'owner']]),
      log: [{ type: 'member.joined', userId, name }],
      byClientMessageId: new Map(),
    });
    return null;
  }
  const room = rooms[operation.room];
  if (room === undefined) return 'room-not-found';
  const isMember = room.members.has(userId);
  if (operation.op === 'join') {
    if (isMember) return false;
    const isFirst = room.members.size === 0;
    room.members.set(userId, isFirst ? 'owner' : operation.role);
    if (isFirst) room.owner = userId;
    room.log.push({ type: 'member.joined', userId, name });
    return true;
  }
  if (!isMember) return false;
  // Who never entered is named in the log as they were when they joined, which is the same name here.
  room.members.delete(userId);
  room.log.push({ type: 'member.left', userId, name });
  if (room.owner === userId) succeed(room);
  return true;
}

function append(
  rooms: readonly ModelRoom[],
  names: Map<string, string>,
  prefix: string,
  { user, room: place, content, clientMessageId, replyTo }: Message,
): AppendResult | string {
  const userId = prefix + user;
  const room = rooms[place];
  if (room === undefined) return 'room-not-found';
  if (!room.members.has(userId)) return room.isPublic ? 'not-a-member' : 'room-not-found';
  const key = `${userId} ${clientMessageId}`;
  const first = clientMessageId === undefined ? undefined : room.byClientMessageId.get(key);
  if (first !== undefined) return { seq: first, duplicate: true };
  if (replyTo !== undefined && room.log[replyTo - 1]?.type !== 'message.created') return 'invalid-body';
  room.log.push({
    type: 'message.created',
    userId,
    name: names.get(userId) ?? callersName(user),
    content,
  });
  if (clientMessageId !== undefined) room.byClientMessageId.set(key, room.log.length);
  return { seq: room.log.length, duplicate: false };
}

/** A Map keeps the order of joining: the first owner of those left, else the first of them. */
function succeed(room: ModelRoom): void {
  const left = [...room.members];
  const [userId] = left.find(([, role]) => role === 'owner') ?? left[0] ?? [];
  if (userId === undefined) return;
  room.members.set(userId, 'owner');
  room.owner = userId;
}
