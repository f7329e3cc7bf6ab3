// Writers that write at random, readers that are cut, pause and resume at random: what each has heard at the end is the log.
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { NewEntry, Store } from '../../src/store/store.ts';
import { openChat } from './chat-fixture.ts';
import { digestOf, ResumingReader, Stream } from './resuming-reader.ts';

export type ResumeOptions = {
  /** Connections cut. */
  readonly drops: number;
  readonly seed: number;
  readonly readers?: number;
};

export type ResumeResult = {
  readonly drops: number;
  /** In the logs of all rooms. */
  readonly entries: number;
  readonly deliveries: number;
  readonly lost: number;
  readonly doubled: number;
  readonly inverted: number;
  /** Bodies that are not those of the log. */
  readonly foreign: number;
  /** Of the log, for those who were behind; many deliveries share one. */
  readonly pagesRead: number;
  readonly ms: number;
};

/** Mulberry32: the same run again from the same seed, as far as the machine lets it. */
function randomOf(seed: number): (below: number) => number {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const ROOMS = 3;
const USERS = ['ann', 'bob', 'carl', 'dora'] as const;
/** Less than a page of the log: catching up, waiting for the socket and going on is what happens all the time. */
const LIMITS = { outboundOctets: 20_000 };

export async function runResume({ drops, seed, readers = 12 }: ResumeOptions): Promise<ResumeResult> {
  const began = performance.now();
  const chat = await openChat({ limits: LIMITS, endpoint: { connectsPerSecond: 1_000_000 } });
  const random = randomOf(seed);
  try {
    const rooms: string[] = [];
    for (let n = 0; n < ROOMS; n++) rooms.push(await chat.newRoom(...USERS));
    let isOver = false;
    const writers = rooms.map((roomId) => write(chat.store, roomId, random, () => isOver));
    let left = drops;
    const reading = Array.from({ length: readers }, async (_, n) => {
      const streams = rooms
        .filter((_room, index) => (index + n) % ROOMS !== 0)
        .map((id) => new Stream(id, 0));
      const reader = new ResumingReader(streams);
      const user = USERS[n % USERS.length] ?? 'ann';
      while (left > 0) {
        left -= 1;
        await reader.connect(chat, user);
        if (random(3) === 0) {
          reader.pause();
          for (let turns = random(20); turns > 0; turns--) await nextTurn();
          reader.resume();
        }
        // Also at once, with everything still on its way.
        const heard = random(4) === 0 ? 0 : random(60);
        if (heard > 0) await reader.hears(heard);
        reader.drop();
      }
      return { reader, user };
    });
    const done = await Promise.all(reading);
    isOver = true;
    await Promise.all(writers);
    const logs = new Map(
      await Promise.all(rooms.map(async (id) => [id, await logOf(chat.store, id)] as const)),
    );
    const heads = new Map(Array.from(logs, ([id, log]) => [id, log.length]));
    for (const { reader, user } of done) {
      await reader.connect(chat, user);
      await reader.reaches(heads);
      reader.drop();
    }
    const result = { drops, entries: 0, deliveries: 0, lost: 0, doubled: 0, inverted: 0, foreign: 0 };
    for (const log of logs.values()) result.entries += log.length;
    for (const { reader } of done) {
      result.deliveries += reader.deliveries;
      for (const { roomId, digests, faults } of reader.streams) {
        const log = logs.get(roomId) ?? [];
        result.lost += log.length - digests.length;
        result.doubled += faults.doubled;
        result.inverted += faults.inverted;
        if (faults.lost === 0) result.foreign += digests.filter((digest, at) => digest !== log[at]).length;
      }
    }
    const { pagesRead } = chat.metrics.counts;
    return { ...result, pagesRead, ms: performance.now() - began };
  } finally {
    await chat.close();
  }
}

/** Messages, edits, reactions; people who come and go. */
async function write(
  store: Store,
  roomId: string,
  random: (below: number) => number,
  isOver: () => boolean,
): Promise<void> {
  const sender = { userId: 'ann', name: 'Ann' };
  let messageId = '';
  while (!isOver()) {
    const burst = 1 + random(12);
    const appended = await Promise.all(
      Array.from({ length: burst }, (_, n) =>
        store.appendMessage({ roomId, sender, content: `${n} ${'가x'.repeat(random(400))}` }),
      ),
    );
    messageId = appended[0]?.entry.messageId ?? messageId;
    const about = { roomId, sender, messageId };
    const changes: NewEntry[] = [
      { ...about, kind: 'edit', content: `edited ${random(1_000)}` },
      { ...about, kind: 'react', emoji: '👍', remove: false },
    ];
    if (random(4) === 0) await store.append(changes);
    if (random(8) === 0) {
      const person = { userId: `guest${random(5)}`, name: 'Guest' };
      if (!(await store.join(roomId, person, 'member'))) await store.leave(roomId, person.userId);
    }
    for (let turns = random(6); turns > 0; turns--) await nextTurn();
  }
}

/** The digest of each entry's body, in the order of the log; a hole in it would be an error of its own. */
async function logOf(store: Store, roomId: string): Promise<readonly number[]> {
  const digests: number[] = [];
  for (;;) {
    const page = await store.listEntries(roomId, digests.length, 500);
    if (page.length === 0) return digests;
    for (const { entry } of page) {
      if (entry.seq !== digests.length + 1)
        throw new Error(`the log of ${roomId} has ${entry.seq} out of place`);
      digests.push(digestOf(Buffer.from(JSON.stringify(entry))));
    }
  }
}
