// Answers leave in the order of the frames, whatever the order in which they become ready.
import { MaruError } from '@maru/contract';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReplyQueue } from '../../src/session/reply-queue.ts';

function newQueue() {
  const sent: string[] = [];
  const failed: string[] = [];
  let drained = 0;
  const queue = new ReplyQueue({
    send: (octets) => sent.push(Buffer.from(octets).toString()),
    onFailed: (failure) => failed.push(failure.code),
    onDrained: () => {
      drained += 1;
    },
  });
  return { queue, sent, failed, drained: () => drained };
}

const octets = (text: string) => new TextEncoder().encode(text);

describe('reply queue', () => {
  test('an answer that is ready early waits for the one before it', () => {
    const { queue, sent } = newQueue();
    const first = queue.reserve(0);
    const second = queue.reserve(0);
    queue.settle(second, [octets('2')]);
    expect(sent).toEqual([]);
    queue.settle(first, [octets('1')]);
    expect(sent).toEqual(['1', '2']);
    expect(queue.size).toBe(0);
  });

  test('a frame without an answer holds its place and sends nothing', () => {
    const { queue, sent } = newQueue();
    const silent = queue.reserve(0);
    queue.settle(queue.reserve(0), [octets('after')]);
    expect(sent).toEqual([]);
    queue.settle(silent, []);
    expect(sent).toEqual(['after']);
  });

  test('a failure waits for the answers before it and drops those behind it', () => {
    const { queue, sent, failed } = newQueue();
    const [first, second, third] = [queue.reserve(0), queue.reserve(0), queue.reserve(0)];
    queue.settle(third, [octets('3')]);
    queue.fail(second, new MaruError('access-denied'), octets('ERROR'));
    expect(failed).toEqual([]);
    queue.settle(first, [octets('1')]);
    expect(sent).toEqual(['1']);
    expect(failed).toEqual(['access-denied']);
    expect(queue.size).toBe(0);
  });

  test('of two failures the one whose frame came first counts', () => {
    const { queue, failed } = newQueue();
    const [first, second] = [queue.reserve(0), queue.reserve(0)];
    queue.fail(second, new MaruError('invalid-body'), null);
    queue.fail(first, new MaruError('not-a-member'), null);
    expect(failed).toEqual(['not-a-member']);
  });

  test('after it was cleared late answers go nowhere', () => {
    const { queue, sent, failed, drained } = newQueue();
    const [first, second] = [queue.reserve(0), queue.reserve(0)];
    queue.clear();
    queue.settle(first, [octets('1')]);
    queue.fail(second, new MaruError('internal'), null);
    expect([sent, failed, queue.size, drained()]).toEqual([[], [], 0, 0]);
  });

  test('2,000 answers made ready in any order leave in order, and none is kept', () => {
    const order = fc.shuffledSubarray(
      Array.from({ length: 2_000 }, (_, index) => index),
      { minLength: 2_000 },
    );
    fc.assert(
      fc.property(order, (readyOrder) => {
        const { queue, sent } = newQueue();
        const replies = readyOrder.map(() => queue.reserve(0));
        for (const index of readyOrder) {
          const reply = replies[index];
          if (reply !== undefined) queue.settle(reply, [octets(String(index))]);
        }
        expect(sent).toEqual(readyOrder.map((_, index) => String(index)));
        expect(queue.size).toBe(0);
      }),
      { numRuns: 10 },
    );
  });
});
