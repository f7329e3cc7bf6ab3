// Who listens to a room at several services, over a bus that can't be trusted: each comes to know who is there at any.
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { SharedPresence } from '../../src/broker/shared-presence.ts';
import { SignalRoom } from '../../src/broker/signal-room.ts';
import { Counts } from '../../src/telemetry/counts.ts';
import { type FaultyBus, FaultyWire } from './faulty-bus.ts';
import { Listener } from './listener.ts';

const EVERY_MS = 1_000;
/** Within it all is told once more: `TURNS` and one for what is said then. */
const HEALED_MS = 8 * EVERY_MS;
const ROOM = 'room';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** One service: as RoomSignals has it, but for the store. */
class Service {
  readonly bus: FaultyBus;
  readonly presence: SharedPresence;
  readonly room: SignalRoom;
  readonly ear = new Listener();
  readonly #sessions = new Map<string, ReturnType<SignalRoom['add']>>();

  constructor(wire: FaultyWire, watcher: string) {
    this.bus = wire.newEnd();
    this.presence = new SharedPresence({ bus: this.bus, everyMs: EVERY_MS });
    this.bus.listen({
      onEntries: () => {},
      onJoined: () => {},
      onMarked: () => {},
      onSignal: () => {},
      onPresence: (roomId, word) => this.presence.hear(roomId, word),
      onNode: (word) => this.presence.hearNode(word),
    });
    let id = 0;
    this.room = new SignalRoom({
      roomId: ROOM,
      counts: new Counts(),
      typingIntervalMs: 1_000,
      crowd: 1_000,
      nextMessageId: () => `${++id}`,
      onPeople: () => this.presence.changed(ROOM),
    });
    this.presence.open(this.room, this.bus.followSignals(ROOM).ready);
    this.room.add(this.ear.as(watcher, watcher), 1);
  }

  toggle(userId: string): void {
    const session = this.#sessions.get(userId);
    if (session === undefined) {
      this.#sessions.set(userId, this.room.add(new Listener().as(userId, 'x'), 1));
    } else {
      this.#sessions.delete(userId);
      this.room.end(session);
    }
  }

  /** Who is there, as the watcher was told. */
  get told(): string[] {
    const present = new Set<string>();
    for (const { body } of this.ear.messages) {
      const signal = JSON.parse(Buffer.from(body).toString());
      if (signal.type === 'presence.list') {
        present.clear();
        for (const userId of signal.userIds) present.add(userId);
      } else if (signal.online) present.add(signal.userId);
      else present.delete(signal.userId);
    }
    return [...present].sort();
  }

  get here(): string[] {
    return this.room.peopleHere();
  }
}

const allOf = (services: readonly Service[]) => [...new Set(services.flatMap(({ here }) => here))].sort();

test('whatever the bus does, each service tells of all who are there, once it lets words through', async () => {
  const change = fc.record({
    service: fc.nat(2),
    user: fc.integer({ min: 0, max: 30 }),
    pauseMs: fc.constantFrom(0, 0, 1, 50, 400, 3_000),
  });
  const plan = fc.record({
    changes: fc.array(change, { maxLength: 60 }),
    draws: fc.array(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), {
      minLength: 7,
      maxLength: 50,
    }),
    lost: fc.constantFrom(0, 0.3, 0.9),
    doubled: fc.constantFrom(0, 0.5),
    late: fc.constantFrom(0, 0.5),
  });
  await fc.assert(
    fc.asyncProperty(plan, async ({ changes, draws, lost, doubled, late }) => {
      let drawn = 0;
      const faults = { random: () => draws[drawn++ % draws.length] ?? 0, lost, doubled, late, lateMs: 2_000 };
      const wire = new FaultyWire(faults);
      const services = ['ann', 'bob', 'cho'].map((watcher) => new Service(wire, watcher));
      for (const { service, user, pauseMs } of changes) {
        services[service]?.toggle(`user-${user}`);
        await vi.advanceTimersByTimeAsync(pauseMs);
      }
      faults.lost = 0;
      await vi.advanceTimersByTimeAsync(2_000 + HEALED_MS);
      for (const { told } of services) expect(told).toEqual(allOf(services));
      for (const { presence } of services) presence.end();
    }),
    { numRuns: 300 },
  );
});

const sound = () => new FaultyWire({ random: () => 0.5, lost: 0, doubled: 0, late: 0, lateMs: 0 });

test('who was at a service that died is gone within four of its beats, and not before two', async () => {
  const wire = sound();
  const [one, two] = [new Service(wire, 'ann'), new Service(wire, 'bob')];
  for (let n = 0; n < 40; n += 1) two.toggle(`user-${n}`);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(one.told).toHaveLength(42);
  wire.cut(two.bus);
  await vi.advanceTimersByTimeAsync(2 * EVERY_MS);
  expect(one.told).toHaveLength(42);
  await vi.advanceTimersByTimeAsync(2 * EVERY_MS);
  expect(one.told).toEqual(['ann']);
});

test('who was at a service that ends is gone at once', async () => {
  const wire = sound();
  const [one, two] = [new Service(wire, 'ann'), new Service(wire, 'bob')];
  await vi.advanceTimersByTimeAsync(300);
  for (const { told } of [one, two]) expect(told).toEqual(['ann', 'bob']);
  two.presence.end();
  await vi.advanceTimersByTimeAsync(10);
  expect(one.told).toEqual(['ann']);
});

test('a person at two services is there until both have ended', async () => {
  const wire = sound();
  const [one, two, three] = ['ann', 'bob', 'cho'].map((watcher) => new Service(wire, watcher));
  for (const service of [one, two]) service?.toggle('dan');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(three?.told).toContain('dan');
  one?.toggle('dan');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(three?.told).toContain('dan');
  two?.toggle('dan');
  await vi.advanceTimersByTimeAsync(1_000);
  expect(three?.told).not.toContain('dan');
});

test('many who come at once are told as one list', async () => {
  const wire = sound();
  const [one, two] = [new Service(wire, 'ann'), new Service(wire, 'bob')];
  await vi.advanceTimersByTimeAsync(1_000);
  one.ear.messages.length = 0;
  for (let n = 0; n < 500; n += 1) two.toggle(`user-${n}`);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(one.ear.messages.length).toBeLessThan(4);
  expect(one.told).toHaveLength(502);
});
