// The end of a turn: rooms first, then sockets, each once.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Turn } from '../../src/broker/turn.ts';

test('what rooms hand over at the end of a turn leaves in the same turn', async () => {
  const turn = new Turn();
  const order: string[] = [];
  const queue = { flush: () => order.push('queue') };
  turn.addQueue({ flush: () => order.push('early queue') });
  for (const name of ['room 1', 'room 2']) {
    turn.addRoom({
      flush: () => {
        order.push(name);
        if (name === 'room 2') turn.addQueue(queue);
      },
    });
  }
  expect(order).toEqual([]);
  await nextTurn();
  expect(order).toEqual(['room 1', 'room 2', 'early queue', 'queue']);
  await nextTurn();
  expect(order.length).toBe(4);
});

test('what is added while sockets are written waits for the next turn and is not lost', async () => {
  const turn = new Turn();
  const order: number[] = [];
  const again = (n: number) => ({
    flush: () => {
      order.push(n);
      if (n < 3) turn.addQueue(again(n + 1));
    },
  });
  turn.addQueue(again(1));
  await nextTurn();
  expect(order).toEqual([1]);
  await nextTurn();
  await nextTurn();
  expect(order).toEqual([1, 2, 3]);
});
