// What one step of the schema is.
import type { DatabaseSync } from 'node:sqlite';

export type Migration = {
  /** Recorded in the database; begins with the step's number. */
  readonly name: string;
  readonly sql: string;
  /** What SQL alone cannot do; runs after it, in the same transaction. */
  readonly after?: (db: DatabaseSync) => void;
};
