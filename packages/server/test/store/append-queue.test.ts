// The group commit queue on its own, with a commit that the test holds in its hand.
import { expect, test } from 'vitest';
import { AppendQueue, type Outcome } from '../../src/store/append-queue.ts';
import { range, refused } from './store.contract.ts';

type Batch = { readonly writes: readonly number[]; finish(): void; fail(error: Error): void };

/** A queue whose batches are committed when the test says so; each comes to the double of what was written. */
function queueOf(limits: { batchLimit: number; queueLimit: number }) {
  const batches: Batch[] = [];
  const queue = new AppendQueue<number, number>({
    ...limits,
    commit(writes) {
      const { promise, resolve, reject } = Promise.withResolvers<readonly Outcome<number>[]>();
      batches.push({
        writes,
        finish: () => resolve(writes.map((value) => ({ value: value * 2 }))),
        fail: reject,
      });
      return promise;
    },
  });
  return { queue, batches };
}

test('writes of one turn share a batch, and those that come while it runs share the next', async () => {
  const { queue, batches } = queueOf({ batchLimit: 10, queueLimit: 100 });
  const first = [queue.enqueue(1), queue.enqueue(2)];
  await Promise.resolve();
  const second = [queue.enqueue(3), queue.enqueue(4), queue.enqueue(5)];
  expect(batches.map(({ writes }) => writes)).toEqual([[1, 2]]);
  batches[0]?.finish();
  expect(await Promise.all(first)).toEqual([2, 4]);
  expect(batches.map(({ writes }) => writes)).toEqual([
    [1, 2],
    [3, 4, 5],
  ]);
  batches[1]?.finish();
  expect(await Promise.all(second)).toEqual([6, 8, 10]);
  expect(queue.pending).toBe(0);
});

test('a batch holds as many writes as its limit, and the one past it goes into the next', async () => {
  const { queue, batches } = queueOf({ batchLimit: 4, queueLimit: 100 });
  const writes = range(1, 5).map((write) => queue.enqueue(write));
  await Promise.resolve();
  batches[0]?.finish();
  await writes[3];
  batches[1]?.finish();
  await Promise.all(writes);
  expect(batches.map(({ writes }) => writes)).toEqual([[1, 2, 3, 4], [5]]);
});

test('what runs counts towards the limit of the queue as much as what waits', async () => {
  const { queue, batches } = queueOf({ batchLimit: 2, queueLimit: 3 });
  const writes = [queue.enqueue(1), queue.enqueue(2)];
  await Promise.resolve();
  writes.push(queue.enqueue(3));
  expect(queue.pending).toBe(3);
  await refused(queue.enqueue(4), 'overloaded');
  batches[0]?.finish();
  await writes[1];
  const fourth = queue.enqueue(4);
  batches[1]?.finish();
  await writes[2];
  batches[2]?.finish();
  expect(await fourth).toBe(8);
});

test('a batch is bounded by what its writes weigh, and a heavier write goes alone', async () => {
  const { queue, batches } = queueOf({ batchLimit: 4, queueLimit: 100 });
  // Each write's number is its weight here.
  const writes = [1, 2, 1, 1, 9, 1, 4, 3, 2].map((weight) => queue.enqueue(weight, weight));
  const expected = [[1, 2, 1], [1], [9], [1], [4], [3], [2]];
  let pending = 24;
  for (const [index, batch] of expected.entries()) {
    await expect.poll(() => batches[index]?.writes, { interval: 1 }).toEqual(batch);
    expect(queue.pending).toBe(pending);
    batches[index]?.finish();
    pending -= batch.reduce((sum, weight) => sum + weight, 0);
  }
  expect(await Promise.all(writes)).toEqual([2, 4, 2, 2, 18, 2, 8, 6, 4]);
  expect(batches.map(({ writes: batch }) => batch)).toEqual(expected);
  expect(queue.pending).toBe(0);
});

test('a write is refused when it would weigh more than the limit of the queue with what is pending', async () => {
  const { queue, batches } = queueOf({ batchLimit: 2, queueLimit: 5 });
  await refused(queue.enqueue(6, 6), 'overloaded');
  const first = queue.enqueue(3, 3);
  await refused(queue.enqueue(3, 3), 'overloaded');
  // A lighter one still fits: what is refused holds no place.
  const second = queue.enqueue(2, 2);
  await refused(queue.enqueue(1), 'overloaded');
  batches[0]?.finish();
  expect(await first).toBe(6);
  expect(queue.pending).toBe(2);
  const third = queue.enqueue(3, 3);
  batches[1]?.finish();
  expect(await second).toBe(4);
  batches[2]?.finish();
  expect(await third).toBe(6);
});

test('a commit that rejects ends the queue: what ran, what waited and what comes later is refused', async () => {
  const { queue, batches } = queueOf({ batchLimit: 1, queueLimit: 10 });
  const writes = [queue.enqueue(1), queue.enqueue(2)];
  await Promise.resolve();
  const cause = new Error('the disk is gone');
  batches[0]?.fail(cause);
  for (const write of writes) expect((await refused(write, 'internal')).cause).toBe(cause);
  expect((await refused(queue.enqueue(3), 'internal')).cause).toBe(cause);
  expect(queue.pending).toBe(0);
  await queue.close();
  expect(batches).toHaveLength(1);
});

test('closing waits for what was accepted and refuses the rest', async () => {
  const { queue, batches } = queueOf({ batchLimit: 1, queueLimit: 10 });
  const order: string[] = [];
  const writes = [queue.enqueue(1), queue.enqueue(2)];
  for (const write of writes) void write.then((value) => order.push(String(value)));
  const closed = queue.close().then(() => order.push('closed'));
  await refused(queue.enqueue(3), 'going-away');
  batches[0]?.finish();
  await writes[0];
  batches[1]?.finish();
  await closed;
  expect(order).toEqual(['2', '4', 'closed']);
});
