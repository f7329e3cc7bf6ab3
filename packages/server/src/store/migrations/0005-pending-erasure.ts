// Whether something was deleted that may have left a copy in a gap of a page (page-scrub.ts).
import type { Migration } from './migration.ts';

/** One row or none: how much was deleted since there was none. A file of an earlier Maru is looked through once. */
export const pendingErasure: Migration = {
  name: '0005-pending-erasure',
  sql: `
    CREATE TABLE pending_erasure (
      one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
      deletions INTEGER NOT NULL
    ) STRICT;
    INSERT INTO pending_erasure (one, deletions) SELECT 1, 1 FROM entries LIMIT 1;
  `,
};
