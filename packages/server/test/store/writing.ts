// A chat.db written without threads, for tests of what is in it: the writer's own connection, operations and batches.
import { mkdirSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import { createCommitBatch } from '../../src/store/commit-batch.ts';
import { dataFolder } from '../../src/store/data-folder.ts';
import { migrate } from '../../src/store/migrations/index.ts';
import { openWriterConnection } from '../../src/store/sqlite-connection.ts';
import { createWriteOperations } from '../../src/store/write-operations.ts';
import type {
  WriteName,
  WriteOperations,
  WriteOutcome,
  WriteRequest,
  Writes,
} from '../../src/store/writes.ts';

export type Writing = {
  readonly db: DatabaseSync;
  readonly operations: WriteOperations;
  /** A batch. */
  commit(requests: readonly WriteRequest[]): readonly WriteOutcome[];
  /** One write alone, that works. */
  write<K extends WriteName>(request: WriteRequest<K> & WriteRequest): Writes[K]['output'];
  close(): void;
};

export function openWriting(folder: string): Writing {
  mkdirSync(folder, { recursive: true });
  const db = openWriterConnection(dataFolder(folder).database);
  migrate(db);
  const operations = createWriteOperations(db, Date.now);
  const commit = createCommitBatch(db, operations);
  return {
    db,
    operations,
    commit,
    write<K extends WriteName>(request: WriteRequest<K> & WriteRequest) {
      const [outcome] = commit([request]);
      if (outcome === undefined || 'error' in outcome) {
        throw new Error(`${request.name} came to ${JSON.stringify(outcome)}`);
      }
      return outcome.value as Writes[K]['output'];
    },
    close() {
      db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
      db.close();
    },
  };
}
