// Any order of what can happen to a subscription: what it heard is the log, from where it began, without hole or repetition.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Live } from '../../src/broker/broker.ts';
import { LocalBroker } from '../../src/broker/local-broker.ts';
import { Turn } from '../../src/broker/turn.ts';
import { Unacknowledged } from '../../src/session/unacknowledged.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Committed, Store } from '../../src/store/store.ts';
import { Listener } from './listener.ts';

const ANN = { userId: 'ann', name: 'Ann' };
const READERS = 3;

type Step =
  | { readonly do: 'write'; readonly count: number }
  /** The broker isn't told of what is committed, or late, or twice. */
  | { readonly do: 'mute' | 'unmute' | 'repeat' | 'turn' }
  | { readonly do: 'subscribe'; readonly reader: number; readonly back: number; readonly window: number }
  | { readonly do: 'full' | 'drain' | 'acknowledge' | 'unsubscribe'; readonly reader: number };

const reader = fc.nat({ max: READERS - 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('write' as const), count: fc.integer({ min: 1, max: 90 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('mute' as const, 'unmute', 'repeat', 'turn') }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant('subscribe' as const),
      reader,
      back: fc.nat({ max: 200 }),
      window: fc.constantFrom(0, 1, 7, 100),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('full' as const, 'drain', 'acknowledge', 'unsubscribe'),
      reader,
    }),
  },
);

/** One subscription and all it was given. */
class Reader {
  readonly listener = new Listener();
  readonly from: number;
  readonly window: Unacknowledged | null;
  live: Live | null = null;

  constructor(from: number, window: number) {
    this.from = from;
    this.window =
      window === 0 ? null : new Unacknowledged({ number: 1, mode: 'client', limit: window, version: '1.2' });
  }

  drain(): void {
    this.listener.isFull = false;
    this.listener.turns.resume();
  }

  fill(): void {
    this.listener.isFull = true;
    this.listener.turns.full();
  }

  acknowledge(): void {
    this.window?.settle(this.listener.messages.at(-1)?.headers.get('message-id') ?? '');
    this.live?.resume();
  }

  /** Every entry after where it began, right behind each other. */
  check(): void {
    const { seqs } = this.listener;
    expect(seqs).toEqual(seqs.map((_, index) => this.from + 1 + index));
  }
}

describe('a subscription', () => {
  let folder: string;
  let store: Store;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maru-property-'));
    store = await openSqliteStore({ folder });
  });
  afterAll(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  test('whatever happens in whatever order, it hears the log', { timeout: 120_000 }, async () => {
    const run = async (steps: readonly Step[]): Promise<void> => {
      const broker = new LocalBroker(store, new Turn());
      let isMuted = false;
      let told: readonly Committed[] = [];
      const missed: Committed[] = [];
      store.onCommitted((entries) => {
        if (isMuted) return void missed.push(...entries);
        told = entries;
        broker.publish(entries);
      });
      const { roomId } = await store.createRoom({ name: 'x', visibility: 'public', owner: ANN });
      let head = 1;
      const write = async (count: number): Promise<void> => {
        head += count;
        await Promise.all(
          Array.from({ length: count }, () => store.appendMessage({ roomId, sender: ANN, content: 'x' })),
        );
      };
      const readers: (Reader | null)[] = Array(READERS).fill(null);
      const gone: Reader[] = [];
      const leave = (index: number): void => {
        const one = readers[index];
        one?.live?.unsubscribe();
        if (one) gone.push(one);
        readers[index] = null;
      };
      const acts: { readonly [Name in Step['do']]: (step: Extract<Step, { do: Name }>) => unknown } = {
        write: ({ count }) => write(count),
        mute: () => {
          isMuted = true;
        },
        unmute: () => {
          isMuted = false;
          // Some of it late and in another order, the rest never.
          broker.publish(missed.splice(0).reverse().slice(0, 40));
        },
        repeat: () => broker.publish(told),
        turn: () => nextTurn(),
        subscribe: async ({ reader: index, back, window }) => {
          leave(index);
          const from = Math.max(0, head - back);
          const one = new Reader(from, window);
          readers[index] = one;
          const subscriber = { ...one.listener.as('ann', String(window)), window: one.window };
          one.live = await broker.subscribe(roomId, subscriber, { seq: from, epoch: undefined });
        },
        full: ({ reader: index }) => readers[index]?.fill(),
        drain: ({ reader: index }) => readers[index]?.drain(),
        acknowledge: ({ reader: index }) => readers[index]?.acknowledge(),
        unsubscribe: ({ reader: index }) => leave(index),
      };
      for (const each of steps) await (acts[each.do] as (step: Step) => unknown)(each);
      // At the end all of it comes to whoever is still there.
      isMuted = false;
      missed.length = 0;
      await write(1);
      for (const one of readers) {
        if (one === null) continue;
        one.drain();
        while (one.listener.messages.length < head - one.from) {
          one.acknowledge();
          await nextTurn();
        }
      }
      await nextTurn();
      for (const one of [...readers, ...gone]) one?.check();
      expect(readers.map((one) => one === null || one.listener.messages.length === head - one.from)).toEqual(
        readers.map(() => true),
      );
      for (const index of readers.keys()) leave(index);
      expect([broker.subscriptions, broker.behind]).toEqual([0, 0]);
    };
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 60 }), run), { numRuns: 150 });
  });
});
