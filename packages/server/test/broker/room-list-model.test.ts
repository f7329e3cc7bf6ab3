// Every order in which a feed can hear of writes and get its answers: the list that is kept by what it tells ends as the room is.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Room, type RoomListEvent, roomListEventSchema } from '@maru/contract';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { RoomListFeed } from '../../src/broker/room-list-feed.ts';
import { type Shown, shownOf } from './room-list-ground.ts';
import { EntryWriter, ROOM_ID, RoomModel, type Write } from './room-list-model.ts';

const PEOPLE = ['ann', 'bob', 'eve'];
const INTERVAL_MS = 1_000;

type Step = { readonly do: keyof typeof STEPS; readonly who: number; readonly pick: number };

/** A read of the feed: what it is to be answered is taken at one moment, and said at a later one. */
type Asked = { take: () => void; isTaken: boolean; answer: () => void };

type List = { readonly events: RoomListEvent[]; begun: Shown | null };

/** The store as the feed asks it: nothing is heard, taken or answered before a step of the plan does it. */
class Simulation {
  readonly writes: Write[] = [];
  readonly model = new RoomModel();
  readonly writer = new EntryWriter(this.model);
  readonly asked: Asked[] = [];
  readonly lists = new Map<string, List>();
  readonly watching: Promise<unknown>[] = [];
  readonly feed: RoomListFeed;
  /** How many of the writes were heard; marks are told beside the log. */
  heard = 0;
  marks: Extract<Write, { type: 'mark' }>[] = [];

  constructor() {
    this.feed = new RoomListFeed({
      store: {
        listRooms: (_scope, userId) =>
          this.#ask(() => {
            const room = this.model.roomOf(userId);
            return { items: room?.role == null ? [] : [room], nextCursor: null };
          }),
        findRoom: (_roomId, userId) => this.#ask(() => this.model.roomOf(userId)),
      },
      broker: {
        publishTopic: ({ userId }, { body }) => {
          const event = roomListEventSchema.parse(JSON.parse(Buffer.from(body).toString()));
          this.lists.get(userId ?? '')?.events.push(event);
        },
      },
      intervalMs: INTERVAL_MS,
      onFailure: (error) => {
        throw error;
      },
    });
  }

  write(write: Write): void {
    if (this.model.isDeleted) return;
    if (write.type === 'mark') this.marks.push(write);
    this.model.apply(write);
    this.writes.push(write);
  }

  hear(): void {
    const entry = this.writes[this.heard];
    if (entry === undefined) return;
    this.heard += 1;
    if (entry.type !== 'mark') this.feed.publish([{ epoch: 'e', entry, createdCount: 0 }]);
  }

  /** As if it had been lost on its way; the next one shows that. Membership is not what such a hole hides. */
  lose(): void {
    const type = this.writes[this.heard]?.type;
    if (type?.startsWith('message.') === true || type === 'room.updated') this.heard += 1;
  }

  tellMark(pick: number): void {
    const [mark] = this.marks.splice(pick % Math.max(1, this.marks.length), 1);
    if (mark === undefined) return;
    this.feed.read(mark.userId, ROOM_ID, { readSeq: mark.seq });
  }

  watch(userId: string): void {
    if (this.lists.has(userId)) return;
    const list: List = { events: [], begun: null };
    this.lists.set(userId, list);
    const begun = this.feed.watch(userId).then(() => {
      list.begun = this.shownTo(userId);
    });
    this.watching.push(begun);
  }

  shownTo(userId: string): Shown | null {
    const room = this.model.roomOf(userId);
    return room?.role == null ? null : shownOf(room);
  }

  /** All that is under way comes to its end. */
  async settle(): Promise<void> {
    this.write(this.writer.renamed());
    while (this.heard < this.writes.length) this.hear();
    while (this.marks.length > 0) this.tellMark(0);
    for (let round = 0; round < 5; round += 1) {
      for (const each of this.asked.splice(0)) each.answer();
      await nextTurn();
      vi.advanceTimersByTime(INTERVAL_MS);
    }
    await Promise.all(this.watching);
    this.feed.close();
  }

  #ask<T>(read: () => T): Promise<T> {
    return new Promise((resolve) => {
      let taken: { readonly value: T } | null = null;
      const asked: Asked = {
        isTaken: false,
        take: () => {
          taken ??= { value: structuredClone(read()) };
          asked.isTaken = true;
        },
        answer: () => {
          asked.take();
          if (taken !== null) resolve(taken.value);
        },
      };
      this.asked.push(asked);
    });
  }
}

const STEPS = {
  say: (room: Simulation, who: string, pick: number) => {
    const mentions = PEOPLE.filter((_, n) => (pick >> n) % 2 === 1 && PEOPLE[n] !== who);
    if (room.model.members.has(who)) room.write(room.writer.said(who, mentions));
  },
  edit: (room: Simulation, _who: string, pick: number) => {
    const message = room.model.messages.at(-1 - (pick % 3));
    if (message?.current.content != null)
      room.write(room.writer.about('message.edited', message.current.messageId));
  },
  delete: (room: Simulation, _who: string, pick: number) => {
    const message = room.model.messages.at(-1 - (pick % 3));
    if (message?.current.content != null)
      room.write(room.writer.about('message.deleted', message.current.messageId));
  },
  mark: (room: Simulation, who: string, pick: number) => {
    const member = room.model.members.get(who);
    const seq = Math.max(1, room.model.head - (pick % 4));
    if (member !== undefined && seq > member.readSeq) room.write({ type: 'mark', userId: who, seq });
  },
  comeOrGo: (room: Simulation, who: string) => room.write(room.writer.cameOrWent(who)),
  rename: (room: Simulation) => room.write(room.writer.renamed()),
  dissolve: (room: Simulation) => room.write(room.writer.deleted()),
  watch: (room: Simulation, who: string) => room.watch(who),
  hear: (room: Simulation) => room.hear(),
  lose: (room: Simulation) => room.lose(),
  tellMark: (room: Simulation, _who: string, pick: number) => room.tellMark(pick),
  take: (room: Simulation, _who: string, pick: number) =>
    room.asked[pick % Math.max(1, room.asked.length)]?.take(),
  answer: (room: Simulation, _who: string, pick: number) => {
    const [asked] = room.asked.splice(pick % Math.max(1, room.asked.length), 1);
    asked?.answer();
  },
  tick: () => {
    vi.advanceTimersByTime(INTERVAL_MS);
  },
} as const;

/** How often each is done, beside the others. */
const WEIGHTS = {
  say: 10,
  edit: 2,
  delete: 2,
  mark: 6,
  comeOrGo: 3,
  rename: 2,
  dissolve: 0.1,
  watch: 3,
  hear: 20,
  lose: 0.5,
  tellMark: 6,
  take: 6,
  answer: 6,
  tick: 10,
} as const satisfies Record<keyof typeof STEPS, number>;

const plans: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    do: fc.oneof(
      ...Object.entries(WEIGHTS).map(([name, weight]) => ({
        weight: Math.round(weight * 10),
        arbitrary: fc.constant(name as Step['do']),
      })),
    ),
    who: fc.nat(PEOPLE.length - 1),
    pick: fc.nat(31),
  }),
  { minLength: 10, maxLength: 120, size: 'max' },
);

/** The room on a list that began as `begun`, by what was told since it was asked for. */
function shownBy({ begun, events }: List): Shown | null {
  let shown = begun;
  for (const event of events) {
    if (event.type === 'room.removed') shown = null;
    else if (event.type === 'room.added') shown = shownOf(event.room as Room);
    else if (shown !== null) shown = shownOf(event);
  }
  // Whoever was told that they are out hears nothing more of it.
  const isOut = (index: number) =>
    events.slice(0, index).findLast(({ type }) => type !== 'room.updated')?.type === 'room.removed';
  expect(events.filter(({ type }, index) => type === 'room.updated' && isOut(index))).toEqual([]);
  return shown;
}

beforeAll(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
});
afterAll(() => {
  vi.useRealTimers();
});

test('whatever is heard late, and answered later still, the list ends as the room is', async () => {
  await fc.assert(
    fc.asyncProperty(plans, async (plan) => {
      const room = new Simulation();
      for (const who of PEOPLE) room.write(room.writer.cameOrWent(who));
      for (const step of plan) {
        STEPS[step.do](room, PEOPLE[step.who] ?? '', step.pick);
        await nextTurn();
      }
      await room.settle();
      for (const [userId, list] of room.lists) expect(shownBy(list)).toEqual(room.shownTo(userId));
    }),
    { numRuns: 5000, examples: FOUND.map((plan) => [plan]) },
  );
});

/** Plans that once ended otherwise. */
const FOUND: readonly Step[][] = [
  // The room is read ahead of what was heard, with a marker that is only in what was read.
  'watch:2:0 comeOrGo:2:0 comeOrGo:2:0 hear:0:0 hear:0:0 hear:0:0 hear:0:0 say:0:0 mark:2:0 tellMark:0:0 rename:0:0 tick:0:0 hear:0:0 mark:0:0 answer:0:0 answer:0:31 mark:0:0 take:0:0 tick:0:0',
].map((text) =>
  text.split(' ').map((step) => {
    const [name = '', who, pick] = step.split(':');
    return { do: name as Step['do'], who: Number(who), pick: Number(pick) };
  }),
);
