// People, rooms, members, and the log of each room.
import type { Migration } from './migration.ts';

/**
 * - `room_key` never comes back after a room is gone (AUTOINCREMENT): lists are ordered and paged by it.
 * - `head`, `created_count`, `member_count` and `last_entry_at` are running figures of the log, written with each entry.
 * - Neither members nor entries refer to `users`: the first token of a person may come after an owner invited them.
 * - `entries` is clustered by (room_key, seq): a page of the log is one range of one B-tree.
 */
export const roomsAndLog: Migration = {
  name: '0001-rooms-and-log',
  sql: `
    CREATE TABLE users (
      user_id TEXT NOT NULL PRIMARY KEY,
      issuer TEXT NOT NULL,
      subject TEXT NOT NULL,
      name TEXT NOT NULL,
      UNIQUE (issuer, subject)
    ) STRICT, WITHOUT ROWID;

    CREATE TABLE rooms (
      room_key INTEGER PRIMARY KEY AUTOINCREMENT,
      room_id TEXT NOT NULL UNIQUE,
      name TEXT NOT NULL,
      visibility TEXT NOT NULL CHECK (visibility IN ('public', 'private')),
      owner_id TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      epoch TEXT NOT NULL,
      head INTEGER NOT NULL,
      created_count INTEGER NOT NULL,
      member_count INTEGER NOT NULL,
      last_entry_at INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX rooms_public ON rooms (room_key) WHERE visibility = 'public';

    CREATE TABLE members (
      room_key INTEGER NOT NULL REFERENCES rooms,
      user_id TEXT NOT NULL,
      role TEXT NOT NULL CHECK (role IN ('owner', 'member')),
      joined_at INTEGER NOT NULL,
      joined_seq INTEGER NOT NULL,
      PRIMARY KEY (room_key, user_id)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX members_by_user ON members (user_id, room_key);
    CREATE UNIQUE INDEX members_by_joining ON members (room_key, joined_seq);

    CREATE TABLE entries (
      room_key INTEGER NOT NULL REFERENCES rooms,
      seq INTEGER NOT NULL,
      type TEXT NOT NULL,
      message_id TEXT,
      actor_id TEXT NOT NULL,
      actor_name TEXT NOT NULL,
      created_at INTEGER NOT NULL,
      client_message_id TEXT,
      reply_to TEXT,
      content TEXT,
      role TEXT,
      created_count INTEGER NOT NULL,
      PRIMARY KEY (room_key, seq)
    ) STRICT, WITHOUT ROWID;
    CREATE UNIQUE INDEX entries_by_client_message_id ON entries (room_key, actor_id, client_message_id)
      WHERE client_message_id IS NOT NULL;
    CREATE INDEX entries_messages ON entries (room_key, seq) WHERE type = 'message.created';
  `,
};
