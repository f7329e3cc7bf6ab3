// Whatever happens in the rooms of people: the lists that they keep by what they hear become those of the store.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { MaruError, type RoomEntry } from '@maru/contract';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Person } from '../../src/store/store.ts';
import { RoomListGround, type Watching } from './room-list-ground.ts';

const PEOPLE = 4;
const INTERVAL_MS = 3;
/** Codes of what people try and may not. */
const REFUSED = new Set([
  'not-a-member',
  'access-denied',
  'room-not-found',
  'message-not-found',
  'invalid-body',
]);

type Step = {
  readonly do: keyof typeof STEPS;
  readonly who: number;
  readonly whom: number;
  readonly room: number;
  readonly message: number;
  /** Whether the next step waits for this one. */
  readonly isAwaited: boolean;
};

let ground: RoomListGround;
let runs = 0;
beforeAll(async () => {
  ground = await RoomListGround.open(INTERVAL_MS);
});
afterAll(() => ground.close());

/** One run: people and rooms of its own in the store that all share. */
class Run {
  readonly people: readonly Person[];
  readonly rooms: string[] = [];
  readonly messages: { readonly roomId: string; readonly messageId: string; readonly seq: number }[] = [];
  readonly watching = new Map<string, Watching>();

  constructor() {
    runs += 1;
    this.people = Array.from({ length: PEOPLE }, (_, n) => ({ userId: `p${n}-${runs}`, name: `P${n}` }));
  }

  person(n: number): Person {
    const person = this.people[n % PEOPLE];
    if (person === undefined) throw new Error('there are people');
    return person;
  }

  room(n: number): string {
    return this.rooms[n % this.rooms.length] ?? '';
  }

  message(n: number): { readonly roomId: string; readonly messageId: string; readonly seq: number } {
    return this.messages[n % this.messages.length] ?? { roomId: '', messageId: '', seq: 0 };
  }

  wrote(entry: RoomEntry): void {
    if (entry.type === 'message.created') this.messages.push(entry);
  }
}

const STEPS = {
  say: async (run: Run, { who, room, whom }: Step) => {
    const mentions = whom % 3 === 0 ? [run.person(whom).userId] : [];
    const sender = run.person(who);
    const said = { roomId: run.room(room), sender, content: `${who} says`, mentions };
    run.wrote((await ground.store.appendMessage(said)).entry);
  },
  edit: async (run: Run, { who, message, whom }: Step) => {
    const about = { ...run.message(message), sender: run.person(who) };
    await ground.store.append([{ ...about, kind: 'edit', content: `edited ${whom}` }]);
  },
  delete: async (run: Run, { who, message }: Step) => {
    await ground.store.append([{ ...run.message(message), sender: run.person(who), kind: 'delete' }]);
  },
  react: async (run: Run, { who, message, whom }: Step) => {
    const about = { ...run.message(message), sender: run.person(who) };
    await ground.store.append([{ ...about, kind: 'react', emoji: '👍', remove: whom % 2 === 0 }]);
  },
  mark: async (run: Run, { who, room, message }: Step) => {
    const seq = message % 2 === 0 ? 1_000 : run.message(message).seq;
    await ground.markers.mark(run.room(room), run.person(who).userId, seq);
  },
  join: async (run: Run, { whom, room }: Step) => {
    await ground.store.join(run.room(room), run.person(whom), 'member');
  },
  leave: async (run: Run, { whom, room }: Step) => {
    await ground.store.leave(run.room(room), run.person(whom).userId);
  },
  rename: async (run: Run, { who, room, message }: Step) => {
    await ground.store.updateRoom(run.room(room), run.person(who), { name: `Name ${message}` });
  },
  create: async (run: Run, { who }: Step) => {
    run.rooms.push(await ground.room(run.person(who)));
  },
  direct: async (run: Run, { who, whom }: Step) => {
    if (who % PEOPLE === whom % PEOPLE) return;
    const { room } = await ground.store.openDirect(run.person(who), run.person(whom));
    if (!run.rooms.includes(room.roomId)) run.rooms.push(room.roomId);
  },
  dissolve: async (run: Run, { who, room }: Step) => {
    await ground.store.deleteRoom(run.room(room), run.person(who));
  },
  watch: async (run: Run, { who }: Step) => {
    const { userId } = run.person(who);
    const watching = await ground.watch(userId);
    run.watching.get(userId)?.end();
    run.watching.set(userId, watching);
  },
  unwatch: async (run: Run, { who }: Step) => {
    const { userId } = run.person(who);
    run.watching.get(userId)?.end();
    run.watching.delete(userId);
  },
  breathe: async (_run: Run, { message }: Step) => {
    for (let turn = 0; turn < message % 5; turn += 1) await nextTurn();
  },
  rest: () => new Promise((resolve) => setTimeout(resolve, 2 * INTERVAL_MS)),
} as const;

/** How often each is done, beside the others. */
const WEIGHTS = {
  say: 12,
  edit: 3,
  delete: 3,
  react: 2,
  mark: 6,
  join: 5,
  leave: 3,
  rename: 2,
  create: 1,
  direct: 1,
  dissolve: 1,
  watch: 3,
  unwatch: 1,
  breathe: 4,
  rest: 2,
} as const satisfies Record<keyof typeof STEPS, number>;

const number = fc.nat(100);
const steps = fc.array(
  fc.record<Step>({
    do: fc.oneof(
      ...Object.entries(WEIGHTS).map(([name, weight]) => ({
        weight,
        arbitrary: fc.constant(name as Step['do']),
      })),
    ),
    who: number,
    whom: number,
    room: number,
    message: number,
    isAwaited: fc.boolean(),
  }),
  { minLength: 10, maxLength: 60 },
);

/** Milliseconds by which one after the other comes late; most don't. */
const lags = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.nat(3 * INTERVAL_MS)), {
  minLength: 1,
  maxLength: 20,
});

async function take(run: Run, step: Step): Promise<void> {
  try {
    await STEPS[step.do](run, step);
  } catch (error) {
    if (!(error instanceof MaruError && REFUSED.has(error.code))) throw error;
  }
}

test('the list that a watcher keeps is that of the store, whatever was done and however it overlapped', async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(steps, lags, async (plan, late) => {
      const run = new Run();
      let asked = 0;
      ground.lag = () => late[asked++ % late.length] ?? 0;
      try {
        for (const n of [0, 1, 2]) run.rooms.push(await ground.room(run.person(n), run.person(n + 1)));
        for (const who of [0, 1]) await STEPS.watch(run, { who } as Step);
        const taken: Promise<void>[] = [];
        for (const step of plan) {
          const done = take(run, step);
          taken.push(done);
          if (step.isAwaited) await done;
        }
        await Promise.all(taken);
        for (const [userId, watching] of run.watching) {
          const list = await ground.list(userId);
          const byRoom = (rooms: typeof list) => rooms.toSorted((a, b) => (a.roomId < b.roomId ? -1 : 1));
          await vi.waitFor(() => expect(byRoom(watching.shown)).toEqual(byRoom(list)), {
            timeout: 2_000,
            interval: INTERVAL_MS,
          });
          compared += list.length;
        }
      } finally {
        for (const watching of run.watching.values()) watching.end();
      }
    }),
    { numRuns: 60, endOnFailure: true },
  );
  expect(compared).toBeGreaterThan(100);
  expect(ground.failures).toEqual([]);
});
