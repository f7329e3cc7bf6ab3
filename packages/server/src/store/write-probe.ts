// The smallest real write: finds out whether the disk takes anything, and leaves no trace that matters.
import type { DatabaseSync } from 'node:sqlite';
import type { WriteOperations } from './writes.ts';

/**
 * A number in the database's header that Maru uses for nothing else. SQLite writes its page even when the number stays
 * the same, as an UPDATE to the values a row has would not; COMMIT then goes through to the disk.
 */
export function createWriteProbe(db: DatabaseSync): WriteOperations['probe'] {
  const write = db.prepare('PRAGMA user_version = 1');
  return () => {
    write.run();
    return { value: null, committed: [] };
  };
}
