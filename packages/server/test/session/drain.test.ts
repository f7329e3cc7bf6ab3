// The end of a chat service as its clients see it: in waves, told when to come back, and answered first.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { inWaves } from '../../src/http/waves.ts';
import type { Store } from '../../src/store/store.ts';
import { openChat } from './chat-fixture.ts';

const range = (count: number) => Array.from({ length: count }, (_, index) => index);

/** The most of these moments that lie within so many milliseconds of each other. */
function mostWithin(moments: readonly number[], ms: number): number {
  const sorted = moments.toSorted((a, b) => a - b);
  return Math.max(...sorted.map((from) => sorted.filter((at) => at >= from && at < from + ms).length));
}

test('chat.drainPerSecond: 300 sessions leave at 400 a second, each told when to come back, not all at one time', async () => {
  const chat = await openChat({ endpoint: { drainPerSecond: 400 } });
  const people = await Promise.all(range(300).map((n) => chat.connect(`p${n}`)));
  const began = performance.now();
  const closed = Promise.all(
    people.map(async (client) => {
      const { code, reason } = await client.closed;
      return { code, reason, at: performance.now() - began };
    }),
  );
  await chat.endpoint.close();
  const closes = await closed;
  expect(new Set(closes.map(({ code }) => code))).toEqual(new Set([1012]));
  for (const { reason } of closes) expect(reason).toMatch(/^retry-after=\d+$/);
  const moments = closes.map(({ at }) => at);
  // 300 at 400 a second, the first wave at once and each wave up to half its time early or late.
  expect(Math.max(...moments)).toBeGreaterThan(400);
  expect(mostWithin(moments, 100)).toBeLessThan(150);
  // In no order that anybody could foresee.
  const order = closes.map((_, index) => index).toSorted((a, b) => (moments[a] ?? 0) - (moments[b] ?? 0));
  expect(order).not.toEqual(range(300));
  await chat.close();
});

test('what was begun is answered before the Close: every message that is stored has its RECEIPT', async () => {
  for (const rounds of range(20)) {
    const chat = await openChat();
    const roomId = await chat.newRoom('ann');
    const ann = await chat.connect('ann');
    for (const n of range(500)) ann.say(roomId, `${rounds} ${n}`, `r${n}`);
    await ann.receipt('r0');
    await chat.endpoint.close();
    expect((await ann.closed).code).toBe(1012);
    const receipted = ['r0', ...ann.frames.map(({ headers }) => headers.get('receipt-id') ?? '')];
    const stored = await everyMessage(chat.store, roomId);
    expect(receipted).toEqual(stored.map((content) => `r${content.split(' ')[1]}`));
    await chat.close();
  }
});

async function everyMessage(store: Store, roomId: string): Promise<readonly string[]> {
  const entries = await store.listEntries(roomId, 0, 1_000);
  return entries.flatMap(({ entry }) => (entry.type === 'message.created' ? [entry.content ?? ''] : []));
}

test('any number at any rate: each once, and never more than a wave of them at a time', async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(200), fc.integer({ min: 1_000, max: 100_000 }), async (count, perSecond) => {
      const seen: number[] = [];
      const turns = new Map<number, number>();
      await inWaves(range(count), perSecond, (one) => {
        seen.push(one);
        const turn = Math.round(performance.now());
        turns.set(turn, (turns.get(turn) ?? 0) + 1);
      });
      expect(seen.toSorted((a, b) => a - b)).toEqual(range(count));
      expect(Math.max(0, ...turns.values())).toBeLessThanOrEqual(Math.max(1, perSecond / 20));
    }),
    { numRuns: 30 },
  );
});
