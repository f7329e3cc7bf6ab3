// The full-text index of messages, and how far each room is in it.
import type { Migration } from './migration.ts';

/**
 * - `message_index`: a row for each message that is in it, made of its folded content. No text is kept, only which three
 *   characters in a row are in which message (`detail = none`): what it finds is compared with the content in any case.
 * - Its rowid is `room_key << 32 | 0xffffffff - seq`: one room is one range, newest first. FTS5 goes through a range
 *   quickly in ascending order only.
 * - `secure-delete`: what a message said leaves the index at once, instead of being marked as gone until pages are merged.
 * - Merging is done in small steps while there is nothing else to do (`automerge = 0`), never as part of an insert;
 *   `crisismerge` is out of reach then. `usermerge = 2`: few segments, as each costs a look-up per query and deletion.
 * - `search_positions`: messages up to `seq` are in the index; no row is as good as 0.
 * - `search_changes`: messages of the index with another content since; `indexed` is the text the index has of them.
 */
export const search: Migration = {
  name: '0004-search',
  sql: `
    CREATE VIRTUAL TABLE message_index USING fts5
      (content, content = '', tokenize = 'trigram case_sensitive 1', detail = none, columnsize = 0);
    INSERT INTO message_index (message_index, rank) VALUES ('secure-delete', 1);
    INSERT INTO message_index (message_index, rank) VALUES ('automerge', 0);
    INSERT INTO message_index (message_index, rank) VALUES ('usermerge', 2);
    INSERT INTO message_index (message_index, rank) VALUES ('crisismerge', 512);

    CREATE TABLE search_positions (
      room_key INTEGER NOT NULL PRIMARY KEY REFERENCES rooms,
      seq INTEGER NOT NULL
    ) STRICT;

    CREATE TABLE search_changes (
      room_key INTEGER NOT NULL REFERENCES rooms,
      seq INTEGER NOT NULL,
      indexed TEXT NOT NULL,
      PRIMARY KEY (room_key, seq)
    ) STRICT, WITHOUT ROWID;
  `,
};
