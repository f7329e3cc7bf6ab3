// One room, and whatever several people do in it, against the simplest room that could be right.
import type { ChatMessage, RoomEntry } from '@maru/contract';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { NewEntry, Store } from '../../src/store/store.ts';
import { everyEntry, type OpenedStore, type OpenStore, range } from './store.contract.ts';

type Append =
  | {
      readonly op: 'say';
      readonly user: number;
      readonly text: string;
      readonly mentions: readonly number[];
      readonly clientMessageId: string | undefined;
    }
  | { readonly op: 'edit'; readonly user: number; readonly target: number; readonly text: string }
  | { readonly op: 'delete'; readonly user: number; readonly target: number }
  | {
      readonly op: 'react';
      readonly user: number;
      readonly target: number;
      readonly emoji: string;
      readonly remove: boolean;
    };
type Operation =
  | Append
  | { readonly op: 'together'; readonly appends: readonly Append[] }
  | { readonly op: 'join'; readonly user: number }
  | { readonly op: 'leave'; readonly user: number }
  | { readonly op: 'read'; readonly user: number; readonly seq: number };

/** A message as it is, beside the log of how it came to that. */
type ModelMessage = {
  readonly seq: number;
  readonly user: number;
  content: string | null;
  contentSeq: number;
  deletedSeq: number | null;
  mentions: readonly number[];
  /** Who reacted by emoji, and with which entry; both in the order they came. */
  readonly reactions: Map<string, Map<number, number>>;
};
type Model = {
  readonly log: string[];
  readonly members: Map<number, { isOwner: boolean; readSeq: number }>;
  readonly messages: Map<number, ModelMessage>;
  readonly sent: Map<string, number>;
};
/** An error's code, or the seq of the entry that made it so. */
type Result = string | { readonly seq: number | null; readonly duplicate: boolean };

const USERS = 4;
const SENTINEL = 'nobody';
const user = fc.nat(USERS - 1);
/** Small seqs, so that what is about a message often finds one. */
const seq = fc.integer({ min: 1, max: 14 });
const text = fc.constantFrom('a', 'b', 'c', '마루');
const append: fc.Arbitrary<Append> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('say' as const),
      user,
      text,
      mentions: fc.uniqueArray(user, { maxLength: 2 }),
      clientMessageId: fc.option(fc.constantFrom('x', 'y'), { nil: undefined, freq: 3 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('edit' as const), user, target: seq, text }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('delete' as const), user, target: seq }) },
  {
    weight: 4,
    arbitrary: fc.record({
      op: fc.constant('react' as const),
      user,
      target: seq,
      emoji: fc.constantFrom('👍', '🎉'),
      remove: fc.boolean(),
    }),
  },
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 8, arbitrary: append },
  {
    weight: 2,
    arbitrary: fc.record({
      op: fc.constant('together' as const),
      appends: fc.array(append, { maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('join' as const), user }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('leave' as const), user }) },
  { weight: 2, arbitrary: fc.record({ op: fc.constant('read' as const), user, seq: fc.nat(20) }) },
);

export function roomModelContract(open: OpenStore): void {
  describe('a room', () => {
    let opened: OpenedStore;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(() => opened.dispose());

    test('is what a simple model of it says, whatever people do in it, and its history is its log folded', {
      timeout: 60_000,
    }, async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 40 }), (operations) =>
          compare(opened.store, operations),
        ),
        { numRuns: 80 },
      );
    });
  });
}

const personOf = (user: number) => ({ userId: `u${user}`, name: `U${user}` });

async function compare(store: Store, operations: readonly Operation[]): Promise<void> {
  const owner = personOf(0);
  const { roomId, logEpoch } = await store.createRoom({ name: 'x', visibility: 'public', owner });
  const model: Model = {
    log: ['member.joined'],
    members: new Map([[0, { isOwner: true, readSeq: 1 }]]),
    messages: new Map(),
    sent: new Map(),
  };
  // Called without waiting in between: what is committed together is another thing each time.
  const calls = operations.map((operation) => ({
    actual: call(store, roomId, logEpoch, operation),
    expected: apply(model, operation),
  }));
  const results = await Promise.all(calls.map(({ actual }) => actual));
  expect(results).toEqual(calls.map(({ expected }) => expected));

  const committed = await everyEntry(store, roomId);
  expect(committed.map(({ entry }) => entry.type)).toEqual(model.log);
  expect(committed.map(({ entry }) => entry.seq)).toEqual(range(1, model.log.length));
  expect(committed.map(({ createdCount }) => createdCount)).toEqual(
    model.log.map((_, index) => createdUpTo(model, index + 1)),
  );
  for (const viewer of range(0, USERS)) {
    const { userId } = personOf(viewer);
    const { messages } = await store.listMessages(roomId, userId, {}, 200);
    expect(messages).toEqual(
      fold(
        committed.map(({ entry }) => entry),
        userId,
      ),
    );
    expect(messages.map(({ seq, content }) => [seq, content])).toEqual(
      [...model.messages.values()].map(({ seq, content }) => [seq, content]),
    );
    expect(await store.findReading(roomId, userId)).toEqual(readingIn(model, viewer));
  }
}

async function call(store: Store, roomId: string, epoch: string, operation: Operation): Promise<unknown> {
  const newEntry = (append: Append): NewEntry => {
    const about = {
      roomId,
      sender: personOf(append.user),
      messageId: `${epoch}-${'target' in append ? append.target : 0}`,
    };
    switch (append.op) {
      case 'say': {
        const mentions = append.mentions.map((mentioned) => personOf(mentioned).userId);
        const { text: content, clientMessageId } = append;
        return { kind: 'message', roomId, sender: about.sender, content, clientMessageId, mentions };
      }
      case 'edit':
        return { kind: 'edit', ...about, content: append.text };
      case 'delete':
        return { kind: 'delete', ...about };
      case 'react':
        return { kind: 'react', ...about, emoji: append.emoji, remove: append.remove };
    }
  };
  const appendAll = async (appends: readonly Append[]) =>
    (await store.append(appends.map(newEntry))).map(({ entry, duplicate }) => ({
      seq: entry?.seq ?? null,
      duplicate,
    }));
  try {
    if (operation.op === 'together') return await appendAll(operation.appends);
    const person = personOf(operation.user);
    switch (operation.op) {
      case 'join':
        return await store.join(roomId, person, 'member');
      case 'leave':
        return await store.leave(roomId, person.userId);
      case 'read':
        return await store.markRead(roomId, person.userId, operation.seq);
      default:
        return (await appendAll([operation]))[0];
    }
  } catch (error) {
    if (error instanceof Error && 'code' in error) return error.code;
    throw error;
  }
}

function apply(model: Model, operation: Operation): unknown {
  if (operation.op === 'together') {
    const trial = structuredClone(model);
    const results = operation.appends.map((append) => applyAppend(trial, append));
    const refusal = results.find((result) => typeof result === 'string');
    if (refusal !== undefined) return refusal;
    return operation.appends.map((append) => applyAppend(model, append));
  }
  const member = model.members.get(operation.user);
  switch (operation.op) {
    case 'join': {
      if (member !== undefined) return false;
      const readSeq = model.log.push('member.joined');
      model.members.set(operation.user, { isOwner: model.members.size === 0, readSeq });
      return true;
    }
    case 'leave': {
      if (member === undefined) return false;
      model.log.push('member.left');
      model.members.delete(operation.user);
      const [heir] = model.members.values();
      if (member.isOwner && heir !== undefined) heir.isOwner = true;
      return true;
    }
    case 'read': {
      if (member === undefined) return 'not-a-member';
      const place = Math.min(operation.seq, model.log.length);
      const moved = place > member.readSeq;
      if (moved) member.readSeq = place;
      return { ...readingIn(model, operation.user), moved };
    }
    default:
      return applyAppend(model, operation);
  }
}

function applyAppend(model: Model, append: Append): Result {
  const member = model.members.get(append.user);
  if (member === undefined) return 'not-a-member';
  const written = (type: string) => ({ seq: model.log.push(type), duplicate: false });
  const known = (seq: number | null) => ({ seq, duplicate: true });
  if (append.op === 'say') {
    const key = `${append.user} ${append.clientMessageId ?? SENTINEL}`;
    const first = append.clientMessageId === undefined ? undefined : model.sent.get(key);
    if (first !== undefined) return known(first);
    if (append.mentions.some((mentioned) => !model.members.has(mentioned))) return 'invalid-body';
    const result = written('message.created');
    model.messages.set(result.seq, {
      seq: result.seq,
      user: append.user,
      content: append.text,
      contentSeq: result.seq,
      deletedSeq: null,
      mentions: append.mentions,
      reactions: new Map(),
    });
    model.sent.set(key, result.seq);
    member.readSeq = result.seq;
    return result;
  }
  const message = model.messages.get(append.target);
  if (message === undefined) return 'message-not-found';
  const isTheirs = message.user === append.user;
  if (append.op === 'delete') {
    if (!isTheirs && !member.isOwner) return 'access-denied';
    if (message.deletedSeq !== null) return known(message.deletedSeq);
    const result = written('message.deleted');
    Object.assign(message, { content: null, deletedSeq: result.seq, mentions: [] });
    message.reactions.clear();
    return result;
  }
  if (message.deletedSeq !== null) return 'message-not-found';
  if (append.op === 'edit') {
    if (!isTheirs) return 'access-denied';
    if (message.content === append.text) return known(message.contentSeq);
    const result = written('message.edited');
    Object.assign(message, { content: append.text, contentSeq: result.seq });
    return result;
  }
  const given = message.reactions.get(append.emoji) ?? new Map<number, number>();
  const there = given.get(append.user);
  if (append.remove) {
    if (there === undefined) return known(null);
    given.delete(append.user);
    if (given.size === 0) message.reactions.delete(append.emoji);
    return written('reaction.removed');
  }
  if (there !== undefined) return known(there);
  const result = written('reaction.added');
  message.reactions.set(append.emoji, given.set(append.user, result.seq));
  return result;
}

function createdUpTo({ log }: Model, seq: number): number {
  return log.slice(0, seq).filter((type) => type === 'message.created').length;
}

function readingIn(model: Model, user: number) {
  const member = model.members.get(user);
  if (member === undefined) return null;
  const { readSeq } = member;
  const unread = [...model.messages.values()].filter(({ seq }) => seq > readSeq);
  const unreadMentions = unread.filter(({ mentions }) => mentions.includes(user)).length;
  return { readSeq, unread: unread.length, unreadMentions };
}

/** The history as a client makes it out of the log. */
function fold(entries: readonly RoomEntry[], viewerId: string): ChatMessage[] {
  const messages = new Map<string, ChatMessage>();
  const reactions = new Map<string, Map<string, Set<string>>>();
  for (const entry of entries) {
    if (entry.type === 'message.created') {
      messages.set(entry.messageId, entry);
      reactions.set(entry.messageId, new Map());
    }
    if (!('messageId' in entry)) continue;
    const message = messages.get(entry.messageId);
    const given = reactions.get(entry.messageId);
    if (message === undefined || given === undefined) throw new Error(`no message ${entry.messageId}`);
    if (entry.type === 'message.edited' && entry.deleted !== true) {
      messages.set(entry.messageId, { ...message, content: entry.content, editedAt: entry.createdAt });
    }
    if (entry.type === 'message.deleted') given.clear();
    if (entry.type === 'reaction.added') {
      given.set(entry.emoji, (given.get(entry.emoji) ?? new Set()).add(entry.userId));
    }
    if (entry.type === 'reaction.removed') {
      given.get(entry.emoji)?.delete(entry.userId);
      if (given.get(entry.emoji)?.size === 0) given.delete(entry.emoji);
    }
  }
  return [...messages.values()].map((message) => {
    const given = [...(reactions.get(message.messageId) ?? [])];
    if (given.length === 0) return message;
    return {
      ...message,
      reactions: given.map(([emoji, by]) => ({ emoji, count: by.size, mine: by.has(viewerId) })),
    };
  });
}
