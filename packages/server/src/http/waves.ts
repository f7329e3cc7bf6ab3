// Many things done a few at a time, in an order of chance: what follows from them comes a few at a time as well.
import { setTimeout as pause } from 'node:timers/promises';

/** Between two waves, on average. */
const WAVE_MS = 50;

/** Each wave comes up to half of `WAVE_MS` early or late. The first is at once; resolves after the last one. */
export async function inWaves<T>(
  all: readonly T[],
  perSecond: number,
  each: (one: T) => void,
): Promise<void> {
  const left = shuffled(all);
  const wave = Math.max(1, Math.floor((perSecond * WAVE_MS) / 1_000));
  // A rate that is less than one a wave takes longer between them.
  const betweenMs = Math.max(WAVE_MS, 1_000 / perSecond);
  for (;;) {
    for (const one of left.splice(0, wave)) each(one);
    if (left.length === 0) return;
    await pause(betweenMs * (0.5 + Math.random()));
  }
}

/** Fisher and Yates. */
function shuffled<T>(all: readonly T[]): T[] {
  const order = [...all];
  for (let last = order.length - 1; last > 0; last -= 1) {
    const other = Math.floor(Math.random() * (last + 1));
    [order[last], order[other]] = [order[other] as T, order[last] as T];
  }
  return order;
}
