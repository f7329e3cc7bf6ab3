// The writer's own functions on a database that counts: what one write costs SQLite, in statements and rows.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { type CommitBatch, createCommitBatch } from '../../packages/server/src/store/commit-batch.ts';
import { createDataFolder } from '../../packages/server/src/store/data-folder.ts';
import { migrate } from '../../packages/server/src/store/migrations/index.ts';
import { openWriterConnection } from '../../packages/server/src/store/sqlite-connection.ts';
import { createWriteOperations } from '../../packages/server/src/store/write-operations.ts';
import type { WriteName, WriteRequest, Writes } from '../../packages/server/src/store/writes.ts';

/** Of one transaction, its BEGIN and COMMIT counted; rows that triggers write too. */
export type WriteCost = { readonly statements: number; readonly rows: number };

const RUNS: readonly PropertyKey[] = ['run', 'get', 'all', 'iterate'] satisfies (keyof StatementSync)[];

export class CountedDatabase {
  readonly #db: DatabaseSync;
  readonly #commit: CommitBatch;
  #statements = 0;

  /** @param folder that holds nothing yet. */
  constructor(folder: string) {
    this.#db = openWriterConnection(createDataFolder(folder).database);
    migrate(this.#db);
    const counted = new Proxy(this.#db, {
      get: (db, name) => {
        if (name === 'prepare') return (sql: string) => this.#counted(db.prepare(sql));
        const member: unknown = Reflect.get(db, name, db);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => {
          if (name === 'exec') this.#statements += 1;
          return Reflect.apply(member, db, args);
        };
      },
    });
    this.#commit = createCommitBatch(counted, createWriteOperations(counted, Date.now));
  }

  /** One transaction. @throws if any of it was refused. */
  write<K extends WriteName>(...requests: (WriteRequest<K> & WriteRequest)[]): Writes[K]['output'][] {
    return this.#commit(requests).map((outcome) => {
      if ('error' in outcome) throw new Error(`refused: ${JSON.stringify(outcome.error)}`);
      return outcome.value as Writes[K]['output'];
    });
  }

  costOf(request: WriteRequest): WriteCost {
    const [statements, rows] = [this.#statements, this.#rows()];
    this.write(request);
    return { statements: this.#statements - statements, rows: this.#rows() - rows };
  }

  close(): void {
    this.#db.close();
  }

  #counted(statement: StatementSync): StatementSync {
    return new Proxy(statement, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => {
          if (RUNS.includes(name)) this.#statements += 1;
          return Reflect.apply(member, target, args);
        };
      },
    });
  }

  #rows(): number {
    return Number(this.#db.prepare('SELECT total_changes() AS rows').get()?.rows);
  }
}
