// A chat.db of an earlier Maru, with people, rooms and messages in it: all of it is there after the migration, and can change.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { MIGRATIONS, migrate } from '../../src/store/migrations/index.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { everyEntry, range, refused } from './store.contract.ts';

const ALICE = { userId: 'alice', name: 'Alice' };
const BOB = { userId: 'bob', name: '김 밥' };

describe('a database of before messages could change', () => {
  let folder: string;
  let store: Store;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maru-migration-'));
    const old = new DatabaseSync(join(folder, 'chat.db'));
    migrate(old, MIGRATIONS.slice(0, 2));
    // Of room 1 a backup was restored since its first messages: it has another epoch than they have in their ids.
    old.exec(`
      INSERT INTO users VALUES ('alice', 'i', 'a', 'Alice'), ('bob', 'i', 'b', '김 밥');
      INSERT INTO rooms VALUES
        (1, 'open', 'Maru', 'public', 'alice', 0, 'new', 5, 3, 2, 4), (2, 'hidden', 'Attic', 'private', 'bob', 0, 'e', 1, 0, 1, 0);
      INSERT INTO members VALUES
        (1, 'alice', 'owner', 0, 1), (1, 'bob', 'member', 2, 3), (2, 'bob', 'owner', 0, 1);
      INSERT INTO entries VALUES
        (1, 1, 'member.joined', NULL, 'alice', 'Alice', 0, NULL, NULL, NULL, 'owner', 0),
        (1, 2, 'message.created', 'old-2', 'alice', 'Alice', 1, 'c1', NULL, 'first', NULL, 1),
        (1, 3, 'member.joined', NULL, 'bob', '김 밥', 2, NULL, NULL, NULL, 'member', 1),
        (1, 4, 'message.created', 'old-4', 'bob', '김 밥', 3, NULL, 'old-2', 'second', NULL, 2),
        (1, 5, 'message.created', 'new-5', 'alice', 'Alice', 4, NULL, NULL, 'third', NULL, 3),
        (2, 1, 'member.joined', NULL, 'bob', '김 밥', 0, NULL, NULL, NULL, 'owner', 0);
    `);
    old.close();
    store = await openSqliteStore({ folder });
  });
  afterEach(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  test('shows its messages as they were, and its log counts them', async () => {
    const { messages } = await store.listMessages('open', 'bob', {}, 10);
    expect(messages).toMatchObject([
      { messageId: 'old-2', content: 'first', clientMessageId: 'c1' },
      { messageId: 'old-4', content: 'second', replyTo: 'old-2' },
      { messageId: 'new-5', content: 'third' },
    ]);
    expect((await everyEntry(store, 'open')).map(({ createdCount }) => createdCount)).toEqual([
      0, 1, 1, 2, 3,
    ]);
    expect((await store.search('bob', { text: 'second' }, undefined, 5)).items).toHaveLength(1);
  });

  test('has everyone read up to when they joined', async () => {
    expect(await store.findReading('open', 'alice')).toEqual({ readSeq: 1, unread: 3, unreadMentions: 0 });
    expect(await store.findReading('open', 'bob')).toEqual({ readSeq: 3, unread: 2, unreadMentions: 0 });
    expect(await store.findReading('hidden', 'bob')).toEqual({ readSeq: 1, unread: 0, unreadMentions: 0 });
    expect(await store.markRead('open', 'bob', 4)).toMatchObject({ unread: 1, moved: true });
  });

  test('finds its people, and its rooms in the same lists', async () => {
    expect(await store.findUsers('ALI', 5)).toEqual([ALICE]);
    expect(await store.findUsers('밥', 5)).toEqual([BOB]);
    const idsOf = async (scope: 'joined' | 'public') =>
      (await store.listRooms(scope, 'bob', undefined, 5)).items.map(({ roomId }) => roomId);
    expect(await idsOf('joined')).toEqual(['hidden', 'open']);
    expect(await idsOf('public')).toEqual(['open']);
    expect(await store.findRoom('open', 'bob')).toMatchObject({ directWith: null, name: 'Maru' });
  });

  test('takes changes of its messages by the ids they have, also of another epoch', async () => {
    const about = { roomId: 'open', messageId: 'old-4' };
    const appended = await store.append([
      { kind: 'edit', ...about, sender: BOB, content: 'better' },
      { kind: 'react', ...about, sender: ALICE, emoji: '👍', remove: false },
      { kind: 'message', roomId: 'open', sender: ALICE, content: 'x', replyTo: 'old-4', mentions: ['bob'] },
      { kind: 'delete', roomId: 'open', messageId: 'old-2', sender: ALICE },
    ]);
    expect(appended.map(({ entry, epoch }) => [entry?.seq, epoch])).toEqual(
      range(6, 4).map((seq) => [seq, 'new']),
    );
    expect(appended[0]?.entry).toMatchObject({ messageId: 'old-4' });
    expect(appended[2]?.entry).toMatchObject({ messageId: 'new-8' });
    expect(await store.findMessage('open', 'old-4', 'alice')).toMatchObject({
      content: 'better',
      reactions: [{ emoji: '👍', count: 1, mine: true }],
    });
    expect(await store.findMessage('open', 'old-2', 'alice')).toMatchObject({ deleted: true });
    for (const messageId of ['new-4', 'old-5', 'old-8']) {
      expect(await store.findMessage('open', messageId, 'alice')).toBeNull();
      await refused(
        store.append([{ kind: 'delete', roomId: 'open', messageId, sender: ALICE }]),
        'message-not-found',
      );
    }
  });
});
