// The writes: each a function inside the running transaction. A refusal leaves nothing of its operation written.
import type { DatabaseSync } from 'node:sqlite';
import { createEntryAppend } from './entry-append.ts';
import { createMembership } from './membership.ts';
import { createMessageAppend } from './message-append.ts';
import { createMessageChange } from './message-change.ts';
import { createReactionAppend } from './reaction-append.ts';
import { createReadMarker } from './read-marker.ts';
import { createRoomChange } from './room-change.ts';
import { createRoomCreation } from './room-creation.ts';
import { createRoomLog } from './room-log.ts';
import { createRoomQueries } from './room-queries.ts';
import { createSearchIndex } from './search-index.ts';
import { createUserEntry } from './user-entry.ts';
import { createWriteProbe } from './write-probe.ts';
import { prepareWrites } from './write-statements.ts';
import type { WriteOperations } from './writes.ts';

export function createWriteOperations(
  db: DatabaseSync,
  now: () => number,
  search = createSearchIndex(db),
): WriteOperations {
  const statements = prepareWrites(db);
  const queries = createRoomQueries(db);
  const log = createRoomLog(statements, now);
  const membership = createMembership(statements, log);
  const appendMessage = createMessageAppend(statements, log);
  return {
    probe: createWriteProbe(db),
    enterUser: createUserEntry(statements),
    ...createRoomCreation(statements, { log, membership, queries, now }),
    ...createRoomChange(statements, log, queries),
    ...membership.operations,
    appendMessage,
    append: createEntryAppend(db, {
      message: appendMessage,
      ...createMessageChange(statements, log, search),
      react: createReactionAppend(statements, log),
    }),
    markRead: createReadMarker(statements, log, queries),
  };
}
