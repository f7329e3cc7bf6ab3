// What came of a message since, how far each member has read, direct rooms, deleted rooms, and words to find people by.
import type { DatabaseSync } from 'node:sqlite';
import { wordsOfName } from '../name-words.ts';
import type { Migration } from './migration.ts';

/**
 * - An entry about a message has its `message_id` and, as `target_seq`, its place in the log.
 * - `edited_seq` of a `message.created` is its newest `message.edited`, whose content is the message's current one.
 *   `deleted_seq` is its `message.deleted`; the created and every edited row of it have it, and have no content then.
 * - `mentions` of an entry is a JSON array of user ids; the table of that name has a row for each, to count those unread.
 * - `read_count` is the `created_count` of the entry at `read_seq`: what is unread is a difference. Who was a member before
 *   there were markers has read up to their joining, as whoever joins now.
 * - `first_seq` of a reaction: when its emoji first came to the message, of those there; the same in each row of one emoji.
 * - `direct_a` and `direct_b` are the two people of a direct room, sorted; both or none are null.
 * - A room with `deleted_at` is there only for those who still read its log, until it is purged.
 * - Each table but `user_words` begins with `room_key`: what a room has is one range, and goes with it.
 */
export const currentState: Migration = {
  name: '0003-current-state',
  sql: `
    ALTER TABLE entries ADD COLUMN target_seq INTEGER;
    ALTER TABLE entries ADD COLUMN edited_seq INTEGER;
    ALTER TABLE entries ADD COLUMN deleted_seq INTEGER;
    ALTER TABLE entries ADD COLUMN mentions TEXT;
    ALTER TABLE entries ADD COLUMN emoji TEXT;
    ALTER TABLE entries ADD COLUMN name TEXT;
    CREATE INDEX entries_edits ON entries (room_key, target_seq) WHERE type = 'message.edited';

    ALTER TABLE members ADD COLUMN read_seq INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE members ADD COLUMN read_count INTEGER NOT NULL DEFAULT 0;
    UPDATE members SET read_seq = joined_seq, read_count = coalesce(
      (SELECT created_count FROM entries e WHERE e.room_key = members.room_key AND e.seq = members.joined_seq), 0);

    CREATE TABLE reactions (
      room_key INTEGER NOT NULL REFERENCES rooms,
      message_seq INTEGER NOT NULL,
      emoji TEXT NOT NULL,
      user_id TEXT NOT NULL,
      seq INTEGER NOT NULL,
      first_seq INTEGER NOT NULL,
      PRIMARY KEY (room_key, message_seq, emoji, user_id)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE mentions (
      room_key INTEGER NOT NULL REFERENCES rooms,
      user_id TEXT NOT NULL,
      seq INTEGER NOT NULL,
      PRIMARY KEY (room_key, user_id, seq)
    ) STRICT, WITHOUT ROWID;

    ALTER TABLE rooms ADD COLUMN direct_a TEXT;
    ALTER TABLE rooms ADD COLUMN direct_b TEXT;
    ALTER TABLE rooms ADD COLUMN deleted_at INTEGER;
    CREATE UNIQUE INDEX rooms_direct ON rooms (direct_a, direct_b) WHERE direct_a IS NOT NULL;
    CREATE INDEX rooms_deleted ON rooms (deleted_at) WHERE deleted_at IS NOT NULL;
    DROP INDEX rooms_public;
    CREATE INDEX rooms_public ON rooms (room_key) WHERE visibility = 'public' AND deleted_at IS NULL;

    CREATE TABLE user_words (
      word TEXT NOT NULL,
      user_id TEXT NOT NULL,
      PRIMARY KEY (word, user_id)
    ) STRICT, WITHOUT ROWID;
  `,
  after(db: DatabaseSync): void {
    const insert = db.prepare('INSERT INTO user_words (word, user_id) VALUES (?, ?)');
    for (const { user_id: userId, name } of db.prepare('SELECT user_id, name FROM users').all()) {
      for (const word of wordsOfName(String(name))) insert.run(word, userId ?? null);
    }
  },
};
