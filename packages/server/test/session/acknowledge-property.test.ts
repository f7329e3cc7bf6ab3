// Whatever is written, acknowledged, unsubscribed and removed: each stream is the log's tail, as far as its acks let it.
import type { RoomEntry } from '@maru/contract';
import fc from 'fast-check';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { AckingReader, type AckMode, type Stream } from './acking-reader.ts';
import { type Chat, openChat } from './chat-fixture.ts';
import type { RawClient } from './raw-client.ts';

type Step =
  | { readonly do: 'say'; readonly writer: number; readonly count: number }
  | {
      readonly do: 'settle';
      readonly stream: number;
      readonly index: number;
      readonly command: 'ACK' | 'NACK';
    }
  | { readonly do: 'breathe'; readonly turns: number }
  | { readonly do: 'rest' }
  | { readonly do: 'unsubscribe'; readonly stream: number }
  | { readonly do: 'remove'; readonly person: number }
  | { readonly do: 'join'; readonly person: number };
type Plan = { readonly session: number; readonly mode: AckMode; readonly prefetch: number };
type Reading = { readonly reader: AckingReader; readonly stream: Stream; readonly person: string };

const READERS = ['ann', 'carl', 'dave'] as const;
const WRITERS = ['bob', 'eve'] as const;
const SESSIONS = [
  { person: 'ann', version: '1.2' },
  { person: 'ann', version: '1.1' },
  { person: 'carl', version: '1.2' },
  { person: 'dave', version: '1.1' },
] as const;

const plans: fc.Arbitrary<Plan[]> = fc.array(
  fc.record({
    session: fc.nat(SESSIONS.length - 1),
    mode: fc.constantFrom<AckMode>('auto', 'client', 'client-individual', 'client', 'client-individual'),
    prefetch: fc.integer({ min: 1, max: 6 }),
  }),
  { minLength: 1, maxLength: 6 },
);
const person = fc.nat(READERS.length - 1);
const stream = fc.nat(5);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 5,
      arbitrary: fc.record({
        do: fc.constant('say' as const),
        writer: fc.nat(WRITERS.length - 1),
        count: fc.integer({ min: 1, max: 9 }),
      }),
    },
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant('settle' as const),
        stream,
        index: fc.nat(5),
        command: fc.constantFrom('ACK' as const, 'NACK' as const),
      }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('breathe' as const), turns: fc.integer({ min: 1, max: 30 }) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('rest' as const) }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('unsubscribe' as const), stream }) },
    {
      weight: 1,
      arbitrary: fc.record({ do: fc.constant('remove' as const), person }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant('join' as const), person }) },
  ),
  { minLength: 10, maxLength: 80 },
);

/** One room, its writers and readers, while a script runs. */
class Scene {
  readonly #chat: Chat;
  readonly #roomId: string;
  readonly #writers: readonly RawClient[];
  readonly #readings: readonly Reading[];
  /** Receipts that were asked for, a list for each writer. */
  readonly #asked: string[][] = WRITERS.map(() => []);
  #doing: Promise<unknown>[] = [];
  #said = 0;

  private constructor(
    chat: Chat,
    roomId: string,
    writers: readonly RawClient[],
    readings: readonly Reading[],
  ) {
    this.#chat = chat;
    this.#roomId = roomId;
    this.#writers = writers;
    this.#readings = readings;
  }

  static async set(chat: Chat, plan: readonly Plan[]): Promise<Scene> {
    const roomId = await chat.newRoom(...WRITERS, ...READERS);
    const writers = await Promise.all(WRITERS.map((writer) => chat.connect(writer)));
    const readers = await Promise.all(
      SESSIONS.map(async ({ person, version }) => {
        const client = await chat.connect(person, { 'accept-version': version });
        return AckingReader.start(client, version);
      }),
    );
    const readings: Reading[] = [];
    for (const [index, { session, mode, prefetch }] of plan.entries()) {
      const reader = readers[session] as AckingReader;
      const { person = '' } = SESSIONS[session] ?? {};
      readings.push({
        reader,
        person,
        stream: await reader.subscribe(roomId, `s${index}`, mode, prefetch),
      });
    }
    return new Scene(chat, roomId, writers, readings);
  }

  async act(step: Step): Promise<void> {
    switch (step.do) {
      case 'say':
        return this.#say(step.writer, step.count);
      case 'rest':
        return this.rest();
      case 'breathe':
        for (let turn = 0; turn < step.turns; turn++) await new Promise((resolve) => setImmediate(resolve));
        return;
      case 'join':
        this.#doing.push(this.#chat.call(READERS[step.person] ?? '', 'POST', this.#members));
        return;
      case 'remove':
        this.#doing.push(this.#chat.call('bob', 'DELETE', `${this.#members}/${READERS[step.person]}`));
        return;
    }
    const reading = this.#readings[step.stream];
    if (reading === undefined || reading.stream.state !== 'open') return;
    if (step.do === 'unsubscribe') this.#doing.push(reading.reader.unsubscribe(reading.stream));
    else settle(reading, step.index, step.command);
  }

  /** All that was asked for is done, and each stream is exactly as far as its acknowledgements let it. */
  async rest(): Promise<void> {
    for (const [index, receipts] of this.#asked.entries()) {
      for (const receipt of receipts.splice(0)) await this.#writers[index]?.receipt(receipt);
    }
    await Promise.all(this.#doing.splice(0));
    const log = await this.#log();
    for (const { reader, stream, person } of this.#readings) {
      if (stream.state === 'open') {
        const tail = tailOf(log, stream, person);
        const most = Math.min(tail.length, stream.freed + stream.prefetch);
        await reader.until(() => stream.entries.length >= most);
        expect(stream.entries).toEqual(tail.slice(0, most));
      } else {
        expect(stream.entries).toEqual(log.slice(stream.head, stream.head + stream.entries.length));
      }
      expect(stream.most).toBeLessThanOrEqual(stream.prefetch);
      expect(reader.faults).toEqual([]);
    }
  }

  /** Everything is acknowledged until nothing is left: each stream is the whole tail. */
  async finish(): Promise<void> {
    await this.rest();
    const log = await this.#log();
    for (const reading of this.#readings) {
      const { reader, stream, person } = reading;
      if (stream.state !== 'open') continue;
      const tail = tailOf(log, stream, person);
      for (;;) {
        while (stream.waiting.length > 0) settle(reading, stream.waiting.length - 1, 'ACK');
        if (stream.entries.length >= tail.length) break;
        const before = stream.entries.length;
        await reader.until(() => stream.entries.length > before);
      }
      expect(stream.entries).toEqual(tail);
    }
    for (const reader of new Set(this.#readings.map(({ reader }) => reader))) await this.#roundTrip(reader);
    await this.rest();
  }

  get #members(): string {
    return `/api/rooms/${this.#roomId}/members`;
  }

  #say(writer: number, count: number): void {
    for (let n = 1; n <= count; n++) {
      this.#said += 1;
      const receipt = n === count ? `${this.#said}` : undefined;
      this.#writers[writer]?.say(this.#roomId, `${WRITERS[writer]} ${this.#said}`, receipt);
      if (receipt !== undefined) this.#asked[writer]?.push(receipt);
    }
  }

  /** Each acknowledgement has been acted on, what it had read from the store has been sent, and has come. */
  async #roundTrip(reader: AckingReader): Promise<void> {
    for (const transaction of ['there', 'and back']) {
      reader.client.send('BEGIN', { transaction });
      reader.client.send('ABORT', { transaction, receipt: transaction });
      await reader.receipt(transaction);
      await this.#chat.store.listEntries(this.#roomId, 0, 1);
    }
  }

  async #log(): Promise<readonly RoomEntry[]> {
    const entries = await this.#chat.store.listEntries(this.#roomId, 0, 10_000);
    return entries.map(({ entry }) => entry);
  }
}

function settle({ reader, stream }: Reading, index: number, command: 'ACK' | 'NACK'): void {
  if (stream.waiting.length > 0) reader.settle(stream, index % stream.waiting.length, command);
}

/** What of the log a stream is to be: what came after its head, to the own `member.left` if there is one. */
function tailOf(log: readonly RoomEntry[], { head }: Stream, person: string): readonly RoomEntry[] {
  const tail = log.slice(head);
  const left = tail.findIndex((entry) => entry.type === 'member.left' && entry.userId === person);
  return left === -1 ? tail : tail.slice(0, left + 1);
}

describe('windowed streams', () => {
  let chat: Chat;
  beforeAll(async () => {
    chat = await openChat();
  });
  afterEach(() => chat.hangUp());
  afterAll(() => chat.close());

  test('A04 A05 A07 A08 each is the tail of the log, exactly as far as its acks let it, and then all of it', {
    timeout: 120_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(plans, steps, async (plan, script) => {
        const scene = await Scene.set(chat, plan);
        try {
          for (const step of script) await scene.act(step);
          await scene.finish();
        } finally {
          await chat.hangUp();
        }
      }),
      // A run that waits for ever is a counterexample too.
      { numRuns: 60, timeout: 10_000, interruptAfterTimeLimit: 100_000 },
    );
  });
});
