// People, rooms, members, the log of each room, and the search in it.
import type { PostgresMigration } from './migration.ts';

/** As many as a log may be spread over machines later; one by one they are still quick to look through. */
const PARTITIONS = 16;

/**
 * The tables are those of SQLite (../migrations), with these differences:
 *
 * - `entries` is partitioned by the hash of `room_key`: a room is in one partition, and partitions can go elsewhere.
 * - Rows refer to their room by its key without a constraint: a check would lock the room once more for each entry.
 * - `rooms` and `members` change with every message: room is left in their pages for the new version of a row beside the
 *   old one, and no index has a column that changes.
 * - Text is compared octet by octet (`C`), as in SQLite, whatever the language of the database.
 * - The search's index is of `maru_fold(content)`, of a message as it was sent and of its edits; a deletion takes the
 *   content, and with it the row of the index.
 */
export const log: PostgresMigration = {
  name: '0001-log',
  kind: 'expand',
  sql: `
    CREATE EXTENSION IF NOT EXISTS pg_trgm;

    CREATE FUNCTION maru_fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
      RETURN replace(normalize(lower(normalize($1, NFC) COLLATE "und-x-icu"), NFC), 'ς', 'σ');

    CREATE TABLE users (
      user_id text COLLATE "C" PRIMARY KEY,
      issuer text COLLATE "C" NOT NULL,
      subject text COLLATE "C" NOT NULL,
      name text COLLATE "C" NOT NULL,
      UNIQUE (issuer, subject)
    );
    CREATE TABLE user_words (
      word text COLLATE "C",
      user_id text COLLATE "C",
      PRIMARY KEY (word, user_id)
    );

    CREATE TABLE rooms (
      room_key bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
      room_id text COLLATE "C" NOT NULL UNIQUE,
      name text COLLATE "C" NOT NULL,
      visibility text COLLATE "C" NOT NULL CHECK (visibility IN ('public', 'private')),
      owner_id text COLLATE "C" NOT NULL,
      created_at bigint NOT NULL,
      epoch text COLLATE "C" NOT NULL,
      head bigint NOT NULL,
      created_count bigint NOT NULL,
      member_count bigint NOT NULL,
      last_entry_at bigint NOT NULL,
      direct_a text COLLATE "C",
      direct_b text COLLATE "C",
      deleted_at bigint
    ) WITH (fillfactor = 50);
    CREATE INDEX rooms_public ON rooms (room_key) WHERE visibility = 'public' AND deleted_at IS NULL;
    CREATE UNIQUE INDEX rooms_direct ON rooms (direct_a, direct_b) WHERE direct_a IS NOT NULL;
    CREATE INDEX rooms_deleted ON rooms (deleted_at) WHERE deleted_at IS NOT NULL;

    CREATE TABLE members (
      room_key bigint,
      user_id text COLLATE "C",
      role text COLLATE "C" NOT NULL CHECK (role IN ('owner', 'member')),
      joined_at bigint NOT NULL,
      joined_seq bigint NOT NULL,
      read_seq bigint NOT NULL,
      read_count bigint NOT NULL,
      PRIMARY KEY (room_key, user_id)
    ) WITH (fillfactor = 50);
    CREATE INDEX members_by_user ON members (user_id, room_key);
    CREATE UNIQUE INDEX members_by_joining ON members (room_key, joined_seq);
    CREATE INDEX members_owners ON members (room_key, joined_seq) WHERE role = 'owner';

    CREATE TABLE entries (
      room_key bigint,
      seq bigint,
      type text COLLATE "C" NOT NULL,
      message_id text COLLATE "C",
      target_seq bigint,
      actor_id text COLLATE "C" NOT NULL,
      actor_name text COLLATE "C" NOT NULL,
      created_at bigint NOT NULL,
      client_message_id text COLLATE "C",
      reply_to text COLLATE "C",
      mentions text COLLATE "C",
      content text COLLATE "C",
      edited_seq bigint,
      deleted_seq bigint,
      emoji text COLLATE "C",
      role text COLLATE "C",
      name text COLLATE "C",
      created_count bigint NOT NULL,
      PRIMARY KEY (room_key, seq)
    ) PARTITION BY HASH (room_key);
    ${Array.from(
      { length: PARTITIONS },
      (_, index) =>
        `CREATE TABLE entries_${index} PARTITION OF entries FOR VALUES WITH (MODULUS ${PARTITIONS}, REMAINDER ${index});`,
    ).join('\n    ')}
    CREATE UNIQUE INDEX entries_by_client_message_id ON entries (room_key, actor_id, client_message_id)
      WHERE client_message_id IS NOT NULL;
    CREATE INDEX entries_messages ON entries (room_key, seq) INCLUDE (created_at) WHERE type = 'message.created';
    CREATE INDEX entries_edits ON entries (room_key, target_seq) WHERE type = 'message.edited';
    CREATE INDEX entries_search ON entries USING gin (maru_fold(content) gin_trgm_ops) WHERE content IS NOT NULL;

    CREATE TABLE reactions (
      room_key bigint,
      message_seq bigint,
      emoji text COLLATE "C",
      user_id text COLLATE "C",
      seq bigint NOT NULL,
      first_seq bigint NOT NULL,
      PRIMARY KEY (room_key, message_seq, emoji, user_id)
    );
    CREATE TABLE mentions (
      room_key bigint,
      user_id text COLLATE "C",
      seq bigint,
      PRIMARY KEY (room_key, user_id, seq)
    );
  `,
};
