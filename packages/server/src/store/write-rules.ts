// The writes: each the steps of a rule inside the running transaction. A refusal leaves nothing of its write written.
import { createEntryAppend } from './entry-append.ts';
import { createMembership } from './membership.ts';
import { createMessageAppend } from './message-append.ts';
import { createMessageChange, type SearchedContent } from './message-change.ts';
import { createReactionAppend } from './reaction-append.ts';
import { createReadMarker } from './read-marker.ts';
import { createRoomChange } from './room-change.ts';
import { createRoomCreation } from './room-creation.ts';
import { createRoomLog } from './room-log.ts';
import { createRoomQueries, type RoomSql } from './room-queries.ts';
import { createUserEntry } from './user-entry.ts';
import type { WriteSql } from './write-sql.ts';
import type { WriteRules } from './writes.ts';

/** What differs between the databases. */
export type WriteParts = {
  readonly sql: WriteSql;
  /** Of what a write answers about its room. */
  readonly roomSql: RoomSql;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly search: SearchedContent;
  readonly probe: WriteRules['probe'];
};

export function createWriteRules({ sql, roomSql, now, search, probe }: WriteParts): WriteRules {
  const queries = createRoomQueries(roomSql);
  const log = createRoomLog(sql, now);
  const membership = createMembership(sql, log);
  const appendMessage = createMessageAppend(sql, log);
  return {
    probe,
    enterUser: createUserEntry(sql),
    ...createRoomCreation(sql, { log, membership, queries, now }),
    ...createRoomChange(sql, log, queries),
    ...membership.operations,
    appendMessage,
    append: createEntryAppend({
      message: appendMessage,
      ...createMessageChange(sql, log, search),
      react: createReactionAppend(sql, log),
    }),
    markRead: createReadMarker(sql, log, queries),
  };
}
