// One batch of writes: one transaction, or one for each write if something unexpected happens in it.
import type { DatabaseSync } from 'node:sqlite';
import { encodeError } from './wire-error.ts';
import { perform, type WriteOperations, type WriteOutcome, type WriteRequest } from './writes.ts';

export type CommitBatch = (requests: readonly WriteRequest[]) => readonly WriteOutcome[];

export function createCommitBatch(db: DatabaseSync, operations: WriteOperations): CommitBatch {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');

  function transact(requests: readonly WriteRequest[]): readonly WriteOutcome[] {
    begin.run();
    try {
      const outcomes = requests.map((request) => perform(operations, request));
      commit.run();
      return outcomes;
    } catch (error) {
      // SQLite ends the transaction itself after some failures (a full disk).
      if (db.isTransaction) db.exec('ROLLBACK');
      throw error;
    }
  }

  return (requests) => {
    try {
      return transact(requests);
    } catch {
      // Nothing of the batch was kept. One by one, so that only the culprit fails; the order stays that of the calls.
      return requests.flatMap((request) => {
        try {
          return transact([request]);
        } catch (error) {
          return [{ error: encodeError(error) }];
        }
      });
    }
  };
}
