// The group commit queue under whatever happens to it: random writes, commits that end whenever they like, and an end.
import { MaruError } from '@maru/contract';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AppendQueue, type Outcome } from '../../src/store/append-queue.ts';

type Step =
  /** Writes of one turn, by weight. */
  | { readonly kind: 'enqueue'; readonly weights: readonly number[] }
  /** The running commit ends; each write whose number is a multiple of `refuse` is refused. */
  | { readonly kind: 'commit'; readonly refuse: number }
  /** The running commit rejects: the database is gone. */
  | { readonly kind: 'break' }
  | { readonly kind: 'close' };

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('enqueue' as const), weights: weights() }) },
    {
      weight: 5,
      arbitrary: fc.record({ kind: fc.constant('commit' as const), refuse: fc.integer({ min: 2, max: 9 }) }),
    },
    { weight: 1, arbitrary: fc.constantFrom<Step>({ kind: 'close' }, { kind: 'break' }) },
  ),
  { maxLength: 60 },
);

function weights() {
  return fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 });
}

test('every accepted write settles once and in order; batches and queue keep their limits; the rest is refused for a reason', async () => {
  await fc.assert(
    fc.asyncProperty(
      steps,
      fc.integer({ min: 1, max: 10 }),
      fc.integer({ min: 1, max: 40 }),
      async (script, batchLimit, queueLimit) => {
        type Running = { readonly batch: readonly number[] } & PromiseWithResolvers<
          readonly Outcome<number>[]
        >;
        let running: Running | undefined;
        const weightOf: number[] = [];
        const committed: number[] = [];
        const queue = new AppendQueue<number, number>({
          batchLimit,
          queueLimit,
          commit(batch) {
            // Never two at a time, nor an empty one, nor one past its limit but of a single heavy write.
            expect(running).toBeUndefined();
            const weight = batch.reduce((sum, write) => sum + (weightOf[write] ?? 0), 0);
            expect(batch.length === 1 || (batch.length > 1 && weight <= batchLimit)).toBe(true);
            running = { batch, ...Promise.withResolvers<readonly Outcome<number>[]>() };
            return running.promise;
          },
        });

        let pending = 0;
        let state: 'open' | 'closing' | 'broken' = 'open';
        const expected = new Map<number, 'value' | 'internal' | 'refused'>();
        const settled: number[] = [];
        const problems: string[] = [];
        const enqueue = (weight: number) => {
          const write = weightOf.push(weight) - 1;
          const refusal =
            state === 'broken'
              ? 'internal'
              : state === 'closing'
                ? 'going-away'
                : pending + weight > queueLimit
                  ? 'overloaded'
                  : null;
          const promise = queue.enqueue(write, weight);
          if (refusal !== null) {
            void promise.then(
              () => problems.push(`${write} was accepted`),
              (error: MaruError) => error.code === refusal || problems.push(`${write}: ${error.code}`),
            );
            return;
          }
          pending += weight;
          expected.set(write, 'value');
          const settle = (how: string) => {
            settled.push(write);
            if (how !== expected.get(write)) problems.push(`${write} came to ${how}`);
          };
          promise.then(
            (value) => settle(value === write * 2 ? 'value' : 'another value'),
            (error: MaruError) => settle(error.code === 'internal' ? 'internal' : 'refused'),
          );
        };
        const endCommit = (refuse: number) => {
          if (running === undefined) return;
          const { batch, resolve } = running;
          running = undefined;
          committed.push(...batch);
          for (const write of batch) {
            pending -= weightOf[write] ?? 0;
            if (write % refuse === 0) expected.set(write, 'refused');
          }
          resolve(
            batch.map((write) =>
              write % refuse === 0 ? { error: new MaruError('storage-unavailable') } : { value: write * 2 },
            ),
          );
        };

        let closed: Promise<void> | undefined;
        for (const step of script) {
          if (step.kind === 'enqueue') for (const weight of step.weights) enqueue(weight);
          else if (step.kind === 'commit') endCommit(step.refuse);
          else if (step.kind === 'close') {
            closed = queue.close();
            if (state === 'open') state = 'closing';
          } else if (running !== undefined) {
            // What runs and what waits fails; all of it was accepted after what is committed.
            const [first = 0] = running.batch;
            for (const write of expected.keys()) if (write >= first) expected.set(write, 'internal');
            running.reject(new Error('gone'));
            running = undefined;
            pending = 0;
            state = 'broken';
          }
          await turn();
          expect(queue.pending).toBe(pending);
        }
        while (running !== undefined) {
          endCommit(7);
          await turn();
        }
        await (closed ?? queue.close());
        await turn();
        expect(problems).toEqual([]);
        // All of them, each once, in the order of the calls.
        expect(settled).toEqual([...expected.keys()]);
        expect(committed).toEqual([...expected.keys()].slice(0, committed.length));
        expect(queue.pending).toBe(0);
      },
    ),
    { numRuns: 500 },
  );
});

/** All that is due to happen by itself has happened. */
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('a lone write is begun in the turn of its call, without waiting for company', async () => {
  let begun = 0;
  const queue = new AppendQueue<number, number>({
    batchLimit: 128,
    queueLimit: 10_000,
    commit: async (batch) => {
      begun += batch.length;
      return batch.map((value) => ({ value }));
    },
  });
  const write = queue.enqueue(1);
  await Promise.resolve();
  expect(begun).toBe(1);
  expect(await write).toBe(1);
});
