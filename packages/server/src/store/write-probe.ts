// The smallest real write: finds out whether the disk takes anything, and leaves no trace that matters.
import { run } from './steps.ts';
import type { WriteRules } from './writes.ts';

/**
 * A number in the database's header that Maru uses for nothing else. SQLite writes its page even when the number stays
 * the same, as an UPDATE to the values a row has would not; COMMIT then goes through to the disk.
 */
export const writeProbe: WriteRules['probe'] = function* () {
  yield* run('PRAGMA user_version = 1');
  return { value: null, committed: [] };
};
