// What was deleted, and the files of the data folder: no octet of it is left in any of them.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { NewEntry, Store } from '../../src/store/store.ts';

const ALICE = { userId: 'alice', name: 'Alice' };
const ROOMS = 12;
const MESSAGES = 12_000;
const BATCH = 500;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'maru-erasure-'));
});
afterEach(() => rm(folder, { recursive: true }));

type Sent = { readonly roomId: string; readonly messageId: string; readonly mark: string };

/** A generator of its own: the same run each time. */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

/** Rooms take turns at random, so that SQLite has to move rows from page to page all the time. */
async function fill(store: Store, random: () => number): Promise<readonly Sent[]> {
  const rooms = await Promise.all(
    Array.from({ length: ROOMS }, (_, index) =>
      store.createRoom({ name: `Room ${index}`, visibility: 'public', owner: ALICE }),
    ),
  );
  const sent: Sent[] = [];
  for (let done = 0; done < MESSAGES; done += BATCH) {
    const entries = Array.from({ length: BATCH }, (_, index): NewEntry => {
      const roomId = rooms[Math.floor(random() * ROOMS)]?.roomId ?? '';
      const mark = `<${String(done + index).padStart(6, '0')}>`;
      return { kind: 'message', roomId, sender: ALICE, content: mark + 'x'.repeat(random() * 300) };
    });
    for (const { entry } of await store.append(entries)) {
      if (entry?.type !== 'message.created') throw new Error('no message');
      const { roomId, messageId, content } = entry;
      sent.push({ roomId, messageId, mark: String(content).slice(0, 8) });
    }
  }
  return sent;
}

/** How often each mark stands in the files of the database. */
async function marksIn(path: string): Promise<Map<string, number>> {
  const marks = new Map<string, number>();
  for (const name of (await readdir(path)).filter((file) => file.startsWith('chat.db'))) {
    const text = await readFile(join(path, name), 'latin1');
    for (const [mark] of text.matchAll(/<\d{6}>/g)) marks.set(mark, (marks.get(mark) ?? 0) + 1);
  }
  return marks;
}

/** Resolves when everything that was deleted is off the disk, by the database's own account. */
async function untilErased(path: string): Promise<void> {
  const db = new DatabaseSync(join(path, 'chat.db'), { readOnly: true });
  try {
    const pending = db.prepare('SELECT count(*) AS rows FROM pending_erasure');
    await vi.waitFor(() => expect(pending.get()?.rows).toBe(0), { timeout: 20_000, interval: 20 });
  } finally {
    db.close();
  }
}

async function half(store: Store, sent: readonly Sent[], random: () => number): Promise<readonly Sent[]> {
  const deleted = sent.filter(() => random() < 0.5);
  for (let done = 0; done < deleted.length; done += BATCH) {
    await store.append(
      deleted
        .slice(done, done + BATCH)
        .map(({ roomId, messageId }) => ({ kind: 'delete', roomId, sender: ALICE, messageId })),
    );
  }
  return deleted;
}

test('copies that SQLite has left in the gaps of pages are overwritten, those of rows that stay too', async () => {
  const random = randomOf(1);
  const store = await openSqliteStore({ folder, eraseWithinMs: 1 });
  const sent = await fill(store, random);
  const deleted = await half(store, sent, random);
  await untilErased(folder);
  await store.close();
  const marks = await marksIn(folder);
  expect(deleted.length).toBeGreaterThan(MESSAGES / 3);
  expect(deleted.filter(({ mark }) => marks.has(mark))).toEqual([]);
  for (const { mark } of deleted) marks.delete(mark);
  expect(marks.size).toBe(sent.length - deleted.length);
  expect([...marks].filter(([, times]) => times > 1)).toEqual([]);

  // To SQLite and to readers the database is what it was.
  const again = await openSqliteStore({ folder });
  try {
    for (const roomId of new Set(sent.map((message) => message.roomId))) {
      const { messages } = await again.listMessages(roomId, 'alice', {}, 2 * MESSAGES);
      const gone = new Set(deleted.map(({ messageId }) => messageId));
      const expected = sent
        .filter((message) => message.roomId === roomId)
        .map(({ messageId, mark }) => (gone.has(messageId) ? null : mark));
      expect(messages.map(({ content }) => content?.slice(0, 8) ?? null)).toEqual(expected);
    }
  } finally {
    await again.close();
  }
  const db = new DatabaseSync(join(folder, 'chat.db'), { readOnly: true });
  expect(db.prepare('PRAGMA integrity_check').get()).toEqual({ integrity_check: 'ok' });
  db.close();
});

test('also when others write all the time, and when it was interrupted by the end of the program', async () => {
  const random = randomOf(2);
  const first = await openSqliteStore({ folder, eraseWithinMs: 60_000 });
  const sent = await fill(first, random);
  const deleted = await half(first, sent, random);
  await first.close();
  expect((await marksIn(folder)).size).toBeGreaterThan(sent.length - deleted.length);

  const store = await openSqliteStore({ folder, eraseWithinMs: 1 });
  const { roomId = '' } = sent[0] ?? {};
  let isErased = false;
  const write = async () => {
    for (let n = 0; !isErased; n += 1) {
      await Promise.all(
        Array.from({ length: 16 }, () =>
          store.appendMessage({
            roomId,
            sender: ALICE,
            content: `still here ${n} ${'y'.repeat(random() * 200)}`,
          }),
        ),
      );
    }
  };
  const writing = write();
  try {
    await untilErased(folder);
  } finally {
    isErased = true;
    await writing;
    await store.close();
  }
  const marks = await marksIn(folder);
  expect(deleted.filter(({ mark }) => marks.has(mark))).toEqual([]);
}, 60_000);
