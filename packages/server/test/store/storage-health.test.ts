// Red and green: what the health of the storage says after which failures, with a probe that the test holds in its hand.
import { MaruError } from '@maru/contract';
import { expect, test } from 'vitest';
import { StorageError, type StorageFault } from '../../src/store/storage-fault.ts';
import { StorageHealth } from '../../src/store/storage-health.ts';

const failure = (fault: StorageFault) =>
  new MaruError('storage-unavailable', { cause: new StorageError(fault, `SQLite said ${fault}`) });

function healthOf(probeMs = 1) {
  const told: (string | null)[] = [];
  const probes: { at: number; pass(): void; fail(): void }[] = [];
  const health = new StorageHealth({
    probeMs,
    probe() {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      probes.push({ at: performance.now(), pass: resolve, fail: () => reject(failure('full')) });
      return promise;
    },
    onChange: (trouble) => told.push(trouble?.problem ?? null),
  });
  /** The nth probe, when it has begun. */
  const probe = async (nth: number) => {
    await expect.poll(() => probes.length, { interval: 1 }).toBeGreaterThan(nth);
    const begun = probes[nth];
    if (begun === undefined) throw new Error('unreachable');
    return begun;
  };
  return { health, told, probes, probe };
}

const FULL = expect.stringContaining('the disk is full');
const DAMAGED = 'the database is damaged: run maru verify';

test('a full disk is told once, however many writes meet it, and once more when a probe has passed', async () => {
  const { health, told, probe } = healthOf();
  expect(health.trouble).toBeNull();
  for (let times = 0; times < 100; times += 1) health.observe(failure('full'));
  expect(told).toEqual([FULL]);
  expect(health.trouble?.problem).toEqual(FULL);
  (await probe(0)).fail();
  (await probe(1)).pass();
  await expect.poll(() => told, { interval: 1 }).toEqual([FULL, null]);
  expect(health.trouble).toBeNull();
  health.observe(failure('full'));
  expect(told).toEqual([FULL, null, FULL]);
  health.close();
});

test('the newest problem is the one that is named', () => {
  const { health, told } = healthOf();
  health.observe(failure('full'));
  health.observe(failure('read-only'));
  expect(told).toEqual([FULL, expect.stringContaining('read-only')]);
  health.close();
});

test('probes come one at a time and less often while they fail, at most eight times the first wait apart', async () => {
  const { health, probe, probes } = healthOf(20);
  health.observe(failure('io'));
  const waits: number[] = [];
  let before = performance.now();
  for (let nth = 0; nth < 6; nth += 1) {
    const { at, fail } = await probe(nth);
    // A failure that is seen while a probe is under way begins no second one.
    health.observe(failure('io'));
    expect(probes).toHaveLength(nth + 1);
    waits.push(at - before);
    fail();
    before = performance.now();
  }
  // Timers fire a moment early or late, never by half of a wait.
  for (const [nth, factor] of [1, 2, 4, 8, 8, 8].entries()) {
    expect(waits[nth]).toBeGreaterThan(factor * 20 * 0.7);
  }
  health.close();
});

test('damage is for good: no probe is made, and none that was under way makes it green', async () => {
  const { health, told, probe, probes } = healthOf();
  health.observe(failure('full'));
  const { pass } = await probe(0);
  health.observe(failure('damaged'));
  pass();
  await new Promise((resolve) => setTimeout(resolve, 20));
  health.observe(failure('full'));
  expect(told).toEqual([FULL, DAMAGED]);
  expect(health.trouble?.problem).toBe(DAMAGED);
  expect(probes).toHaveLength(1);
  health.close();
});

test('what is not the storage’s says nothing', () => {
  const { health, told } = healthOf();
  health.observe(new MaruError('room-not-found'));
  health.observe(new MaruError('internal', { cause: new Error('a bug') }));
  health.observe(new MaruError('overloaded'));
  expect(told).toEqual([]);
  expect(health.trouble).toBeNull();
});

test('nothing is told or probed after the end', async () => {
  const { health, told, probe, probes } = healthOf();
  health.observe(failure('full'));
  const { pass } = await probe(0);
  health.close();
  pass();
  health.observe(failure('read-only'));
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(told).toEqual([FULL]);
  expect(probes).toHaveLength(1);
});
