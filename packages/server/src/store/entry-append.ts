// The append of several entries of any kind: all are written or none.
import { run, type Steps } from './steps.ts';
import type { Appended, Committed, NewEntry } from './store.ts';
import type { AppendOutcome, EntryAppends, WriteRules } from './writes.ts';

export function createEntryAppend(appends: EntryAppends): WriteRules['append'] {
  /** A later entry may be refused after an earlier one was written: the savepoint takes that back. */
  return function* (entries) {
    const appended: Appended[] = [];
    const committed: Committed[] = [];
    yield* run('SAVEPOINT entries');
    for (const entry of entries) {
      const outcome = yield* appendOne(appends, entry);
      if ('error' in outcome) {
        yield* run('ROLLBACK TO entries');
        yield* run('RELEASE entries');
        return outcome;
      }
      appended.push(outcome.value);
      committed.push(...outcome.committed);
    }
    yield* run('RELEASE entries');
    return { value: appended, committed };
  };
}

function appendOne<K extends NewEntry['kind']>(
  appends: EntryAppends,
  entry: Extract<NewEntry, { kind: K }>,
): Steps<AppendOutcome> {
  const append = appends[entry.kind] as (entry: Extract<NewEntry, { kind: K }>) => Steps<AppendOutcome>;
  return append(entry);
}
