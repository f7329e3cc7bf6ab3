// Work beside the batches: who gets a slice and when, by a clock of the test's own.
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type IdleTask, IdleWork } from '../../src/store/idle-work.ts';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const now = () => performance.now();

/** Wants slices until it has had so many from `due` on. `onSlice` may throw. */
class Task implements IdleTask {
  readonly slices: { at: number; size: number }[] = [];
  left: number;
  due: number;
  readonly #onSlice: () => void;

  constructor(left: number, due = 0, onSlice: () => void = () => {}) {
    this.left = left;
    this.due = due;
    this.#onSlice = onSlice;
  }

  dueIn(): number {
    return this.left > 0 ? this.due - now() : Number.POSITIVE_INFINITY;
  }

  run(size: number): void {
    this.slices.push({ at: now(), size });
    this.#onSlice();
    this.left -= 1;
  }
}

const start = (tasks: readonly Task[], onError: (error: unknown) => void = () => {}) => {
  const work = new IdleWork({ tasks, now, onError });
  work.start();
  return work;
};

test('tasks that are due take turns, and nothing runs when none is', () => {
  const [one, two, later] = [new Task(3), new Task(3), new Task(1, 5_000)];
  start([one, two, later]);
  vi.advanceTimersByTime(1_000);
  const order = [...one.slices.map(({ at }) => [at, 1]), ...two.slices.map(({ at }) => [at, 2])];
  expect(order.sort(([a = 0], [b = 0]) => a - b).map(([, task]) => task)).toEqual([1, 2, 1, 2, 1, 2]);
  expect([later.slices.length, vi.getTimerCount()]).toEqual([0, 1]);
  vi.advanceTimersByTime(5_000);
  expect([later.slices.length, vi.getTimerCount()]).toEqual([1, 0]);
});

test('while batches come without a pause there is one slice in a tenth of a second, and all of them when it is quiet', () => {
  const task = new Task(1_000);
  const work = start([task]);
  vi.advanceTimersByTime(5);
  const before = task.slices.length;
  for (let ms = 0; ms < 2_000; ms += 5) {
    work.wake();
    vi.advanceTimersByTime(5);
  }
  const during = task.slices.length - before;
  expect(during).toBeGreaterThan(15);
  expect(during).toBeLessThanOrEqual(20);
  vi.advanceTimersByTime(2_000);
  expect(task.left).toBe(0);
});

test('a slice grows while it is short and shrinks when it takes too long, within its bounds', () => {
  let cost = 0;
  const task = new Task(70, 0, () => vi.advanceTimersByTime(cost));
  const work = start([task]);
  const play = () => {
    const first = task.slices.length;
    while (task.slices.length < first + 10) vi.advanceTimersByTime(1);
    return task.slices.at(-1)?.size;
  };
  expect(play()).toBe(1_024);
  cost = 20;
  expect(play()).toBe(2);
  expect(play()).toBe(1);
  cost = 5;
  expect(play()).toBe(1);
  cost = 0;
  play();
  expect(play()).toBe(1_024);
  work.close();
});

test('after a failure it rests, longer each time up to a minute, and goes on as before when it works again', () => {
  let isBroken = true;
  const errors: unknown[] = [];
  const task: Task = new Task(2, 0, () => {
    if (isBroken) throw new Error('disk full');
  });
  start([task], (error) => errors.push(error));
  vi.advanceTimersByTime(300_000);
  const rests = task.slices.map(({ at }, index) =>
    Math.round((at - (task.slices[index - 1]?.at ?? 0)) / 1_000),
  );
  expect(rests.slice(1, 9)).toEqual([1, 2, 4, 8, 16, 32, 60, 60]);
  expect(errors).toHaveLength(task.slices.length);
  isBroken = false;
  vi.advanceTimersByTime(61_000);
  expect([task.left, vi.getTimerCount()]).toEqual([0, 0]);
  task.left = 1;
  isBroken = true;
  start([task], (error) => errors.push(error));
  const failures = errors.length;
  vi.advanceTimersByTime(900);
  expect(errors.length - failures).toBe(1);
});

test('after close nothing runs', () => {
  const task = new Task(100);
  const work = start([task]);
  vi.advanceTimersByTime(3);
  const { length } = task.slices;
  work.close();
  work.wake();
  vi.advanceTimersByTime(10_000);
  expect([task.slices.length, vi.getTimerCount()]).toEqual([length, 0]);
});

test('whatever is due and whenever batches come, every task gets all its slices, and none before its time', () => {
  const tasks = fc.array(fc.record({ left: fc.nat(5), due: fc.nat(3_000) }), { minLength: 1, maxLength: 4 });
  const wakes = fc.array(fc.nat(50), { maxLength: 100 });
  fc.assert(
    fc.property(tasks, wakes, (given, pauses) => {
      const begun = now();
      const all = given.map(({ left, due }) => new Task(left, begun + due));
      const work = start(all);
      for (const pause of pauses) {
        work.wake();
        vi.advanceTimersByTime(pause);
      }
      vi.advanceTimersByTime(4_000);
      expect(all.map(({ left }) => left)).toEqual(all.map(() => 0));
      for (const { slices, due } of all) {
        for (const { at } of slices) expect(at).toBeGreaterThanOrEqual(due);
      }
      expect(vi.getTimerCount()).toBe(0);
      work.close();
    }),
  );
});
