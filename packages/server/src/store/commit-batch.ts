// One batch of writes: one transaction, and an outcome for each write whatever happens in it.
import type { DatabaseSync } from 'node:sqlite';
import { faultOf, STORAGE_FAULTS } from './storage-fault.ts';
import { encodeError } from './wire-error.ts';
import { perform, type WriteOperations, type WriteOutcome, type WriteRequest } from './writes.ts';

export type CommitBatch = (requests: readonly WriteRequest[]) => readonly WriteOutcome[];

/**
 * What becomes of a batch, after its transaction:
 *
 *   committed                       → each write has its outcome
 *   a failure of the disk           → all of them have it: no other transaction would fare better
 *   any other failure, of one write → that write has it
 *   any other failure, of several   → nothing is kept; the first half is a batch, and after it the second
 *
 * So a write that fails for itself (a bug, a damaged page) fails alone, and the others are kept in their order: one such
 * write among 256 costs eight commits more, many of them cost less than a commit each. Savepoints in one transaction would
 * not do: after a damaged page SQLite keeps nothing of it.
 */
export function createCommitBatch(db: DatabaseSync, operations: WriteOperations): CommitBatch {
  const begin = db.prepare('BEGIN IMMEDIATE');
  const commit = db.prepare('COMMIT');

  function transact(requests: readonly WriteRequest[]): readonly WriteOutcome[] {
    // Left open where the disk kept the ROLLBACK below from being done.
    if (db.isTransaction) db.exec('ROLLBACK');
    begin.run();
    try {
      const outcomes = requests.map((request) => perform(operations, request));
      commit.run();
      return outcomes;
    } catch (error) {
      try {
        // SQLite ends the transaction itself after some failures (a full disk).
        if (db.isTransaction) db.exec('ROLLBACK');
      } catch {
        // The failure that led here says more.
      }
      throw error;
    }
  }

  function commitBatch(requests: readonly WriteRequest[]): readonly WriteOutcome[] {
    try {
      return transact(requests);
    } catch (error) {
      if (requests.length === 1 || isOfDisk(error)) {
        const outcome = { error: encodeError(error) };
        return requests.map(() => outcome);
      }
      const half = Math.ceil(requests.length / 2);
      return [...commitBatch(requests.slice(0, half)), ...commitBatch(requests.slice(half))];
    }
  }

  return commitBatch;
}

function isOfDisk(error: unknown): boolean {
  const fault = faultOf(error);
  return fault !== null && STORAGE_FAULTS[fault].of === 'disk';
}
