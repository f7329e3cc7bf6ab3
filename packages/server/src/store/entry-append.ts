// The append of several entries of any kind: all are written or none.
import type { DatabaseSync } from 'node:sqlite';
import type { Appended, Committed, NewEntry } from './store.ts';
import type { AppendOutcome, EntryAppends, WriteOperations } from './writes.ts';

export function createEntryAppend(db: DatabaseSync, appends: EntryAppends): WriteOperations['append'] {
  const setSavepoint = db.prepare('SAVEPOINT entries');
  const rollBack = db.prepare('ROLLBACK TO entries');
  const release = db.prepare('RELEASE entries');

  /** A later entry may be refused after an earlier one was written: the savepoint takes that back. */
  return (entries) => {
    const appended: Appended[] = [];
    const committed: Committed[] = [];
    setSavepoint.run();
    for (const entry of entries) {
      const outcome = appendOne(appends, entry);
      if ('error' in outcome) {
        rollBack.run();
        release.run();
        return outcome;
      }
      appended.push(outcome.value);
      committed.push(...outcome.committed);
    }
    release.run();
    return { value: appended, committed };
  };
}

function appendOne<K extends NewEntry['kind']>(
  appends: EntryAppends,
  entry: Extract<NewEntry, { kind: K }>,
): AppendOutcome {
  const append = appends[entry.kind] as (entry: Extract<NewEntry, { kind: K }>) => AppendOutcome;
  return append(entry);
}
