// The search of every store, against the plainest one there could be: all messages compared, one by one.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Person, Store } from '../../src/store/store.ts';
import { type OpenedStore, type OpenStore, range } from './store.contract.ts';

type Operation =
  | { readonly op: 'say'; readonly user: number; readonly room: number; readonly text: string }
  | { readonly op: 'edit'; readonly target: number; readonly text: string }
  | { readonly op: 'delete'; readonly target: number }
  | { readonly op: 'leave'; readonly user: number; readonly room: number }
  | { readonly op: 'deleteRoom'; readonly room: number }
  /** So many that what was said before is not among the newest any more. */
  | { readonly op: 'chatter' }
  | Question;
type Question = {
  readonly op: 'search';
  readonly user: number;
  readonly room: number | undefined;
  readonly text: string;
  readonly limit: number;
};

type Said = {
  readonly room: number;
  readonly user: number;
  readonly messageId: string;
  /** Milliseconds. */
  readonly at: number;
  readonly seq: number;
  content: string | null;
};
type Model = {
  readonly people: readonly Person[];
  readonly said: Said[];
  readonly rooms: { readonly roomId: string; readonly members: Set<number>; isDeleted: boolean }[];
};

const USERS = 3;
const ROOMS = 3;
/** Of the room that the chatter is in, and nothing else. */
const CHATTER = ROOMS;
const user = fc.nat(USERS - 1);
const room = fc.nat(ROOMS - 1);
/** Few words, so that much is found; some as a Mac writes them, some that are syntax elsewhere. */
const word = fc.constantFrom(
  'maru',
  'MARU',
  '마루',
  '마루'.normalize('NFD'),
  '회의',
  '내일회의',
  'straße',
  '100%',
  'a_b',
  '"quoted"',
  'NEAR(x)',
  '-not',
  '👩‍👩‍👧',
  "it's",
  '*',
);
const text = fc.array(word, { minLength: 1, maxLength: 3 }).map((words) => words.join(' '));
/** A word, a part of one, or two. */
const asked = fc.oneof(
  word,
  text,
  fc.tuple(text, fc.nat(4), fc.integer({ min: 1, max: 6 })).map(([whole, start, length]) => {
    const part = [...whole].slice(start, start + length).join('');
    return part.trim() === '' ? whole : part;
  }),
);
const operation: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 12, arbitrary: fc.record({ op: fc.constant('say' as const), user, room, text }) },
  { weight: 4, arbitrary: fc.record({ op: fc.constant('edit' as const), target: fc.nat(30), text }) },
  { weight: 3, arbitrary: fc.record({ op: fc.constant('delete' as const), target: fc.nat(30) }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('leave' as const), user, room }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('deleteRoom' as const), room }) },
  { weight: 1, arbitrary: fc.record({ op: fc.constant('chatter' as const) }) },
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant('search' as const),
      user,
      room: fc.option(room, { nil: undefined }),
      text: asked,
      limit: fc.integer({ min: 1, max: 7 }),
    }),
  },
);

export function searchContract(open: OpenStore): void {
  describe('search', () => {
    let opened: OpenedStore;
    beforeEach(async () => {
      opened = await open();
    });
    afterEach(() => opened.dispose());

    test('finds what a person may read and what it says now, newest first, each once, from page to page', {
      timeout: 60_000,
    }, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(operation, { minLength: 5, maxLength: 40 }),
          fc.array(asked, { minLength: 3, maxLength: 3 }),
          async (operations, last) => {
            const model = await newModel(opened.store);
            for (const each of operations) await play(opened.store, model, each);
            // At the end everybody asks again: also for what is far from the newest.
            await play(opened.store, model, { op: 'chatter' });
            for (const [index, text] of last.entries()) {
              await play(opened.store, model, { op: 'search', user: index, room: undefined, text, limit: 5 });
            }
          },
        ),
        { numRuns: 25 },
      );
    });

    test('a word that is in every message brings page after page, and a rare one what is far behind them', {
      timeout: 30_000,
    }, async () => {
      const { store } = opened;
      const model = await newModel(store);
      await play(store, model, { op: 'say', user: 0, room: 0, text: 'the needle, far down' });
      for (const _ of range(0, 3)) await play(store, model, { op: 'chatter' });
      const common = await everyMatch(store, model, 0, 'chatter', undefined, 100);
      expect(common).toHaveLength(3 * CHATTER_MESSAGES);
      expect(await everyMatch(store, model, 0, 'needle', undefined, 10)).toEqual(['the needle, far down']);
      expect(await everyMatch(store, model, 0, 'nowhere', undefined, 10)).toEqual([]);
    });
  });
}

const CHATTER_MESSAGES = 1_100;

let models = 0;

async function newModel(store: Store): Promise<Model> {
  models += 1;
  const people = range(0, USERS).map((user) => ({ userId: `u${models}-${user}`, name: `U${user}` }));
  const personOf = (user: number) => personIn({ people }, user);
  const rooms: Model['rooms'] = [];
  for (const index of range(0, ROOMS + 1)) {
    const { roomId } = await store.createRoom({
      name: `r${index}`,
      visibility: 'private',
      owner: personOf(0),
    });
    // Nobody is in every room but the owner, and the chatter is everybody's.
    const members = new Set(
      range(0, USERS).filter((member) => index === CHATTER || member !== index || member === 0),
    );
    for (const member of members) await store.join(roomId, personOf(member), 'member');
    rooms.push({ roomId, members, isDeleted: false });
  }
  return { people, said: [], rooms };
}

function personIn({ people }: Pick<Model, 'people'>, user: number): Person {
  const person = people[user];
  if (person === undefined) throw new Error(`there is no person ${user}`);
  return person;
}

async function play(store: Store, model: Model, operation: Operation): Promise<void> {
  switch (operation.op) {
    case 'say':
      return say(store, model, operation.room, operation.user, [operation.text]);
    case 'chatter':
      return say(
        store,
        model,
        CHATTER,
        0,
        range(0, CHATTER_MESSAGES).map((index) => `chatter ${index}`),
      );
    case 'edit':
    case 'delete':
      return change(store, model, operation);
    case 'leave': {
      const room = model.rooms[operation.room];
      // The owner stays: a room without members is another matter.
      if (room === undefined || room.isDeleted || operation.user === 0) return;
      room.members.delete(operation.user);
      await store.leave(room.roomId, personIn(model, operation.user).userId);
      return;
    }
    case 'deleteRoom': {
      const room = model.rooms[operation.room];
      if (room === undefined || room.isDeleted) return;
      room.isDeleted = true;
      await store.deleteRoom(room.roomId, personIn(model, 0));
      return;
    }
    case 'search': {
      const { user, room, text, limit } = operation;
      const roomId = room === undefined ? undefined : model.rooms[room]?.roomId;
      expect(await everyMatch(store, model, user, text, roomId, limit)).toEqual(expected(model, operation));
      return;
    }
  }
}

async function say(
  store: Store,
  model: Model,
  index: number,
  user: number,
  contents: readonly string[],
): Promise<void> {
  const room = model.rooms[index];
  if (room === undefined || room.isDeleted || !room.members.has(user)) return;
  const message = { kind: 'message', roomId: room.roomId, sender: personIn(model, user) } as const;
  const appended = await store.append(contents.map((content) => ({ ...message, content })));
  for (const { entry } of appended) {
    if (entry?.type !== 'message.created') throw new Error('a message made no entry of its own');
    const { messageId, content, seq, createdAt } = entry;
    model.said.push({ room: index, user, messageId, at: Date.parse(createdAt), seq, content });
  }
}

async function change(
  store: Store,
  model: Model,
  operation: Extract<Operation, { op: 'edit' | 'delete' }>,
): Promise<void> {
  const message = model.said[operation.target];
  const room = message && model.rooms[message.room];
  if (message === undefined || room === undefined || message.content === null) return;
  if (room.isDeleted || !room.members.has(message.user)) return;
  const about = { roomId: room.roomId, sender: personIn(model, message.user), messageId: message.messageId };
  if (operation.op === 'delete') await store.append([{ kind: 'delete', ...about }]);
  else await store.append([{ kind: 'edit', ...about, content: operation.text }]);
  message.content = operation.op === 'delete' ? null : operation.text;
}

const folded = (text: string): string => text.toLowerCase().normalize('NFC');

/** Newest first; of one millisecond by room, those of a room by seq. */
function expected({ said, rooms }: Model, { user, room, text }: Question): readonly string[] {
  return said
    .filter(
      (message) =>
        message.content !== null &&
        (room === undefined || message.room === room) &&
        rooms[message.room]?.isDeleted === false &&
        rooms[message.room]?.members.has(user) === true &&
        folded(message.content).includes(folded(text)),
    )
    .sort((a, b) => b.at - a.at || b.room - a.room || b.seq - a.seq)
    .map(({ content }) => content ?? '');
}

/** All pages. Those without a message are no end of it. */
async function everyMatch(
  store: Store,
  model: Model,
  user: number,
  text: string,
  roomId: string | undefined,
  limit: number,
): Promise<readonly (string | null)[]> {
  const found: (string | null)[] = [];
  let cursor: string | undefined;
  do {
    const page = await store.search(personIn(model, user).userId, { text, roomId }, cursor, limit);
    expect(page.items.length).toBeLessThanOrEqual(limit);
    found.push(...page.items.map(({ content }) => content));
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
  return found;
}
