// Several statements in one round trip: PostgreSQL's extended protocol, each bound and executed, one Sync behind them all.
import type { Connection, Submittable } from 'pg';
import type { SqlValue } from '../steps.ts';
import { readText, writeText } from './wire-text.ts';

/** Arrays go as PostgreSQL writes them: `{"a","b",NULL}`. */
type PostgresValue = SqlValue | readonly SqlValue[];
export type PostgresCall = { readonly sql: string; readonly values: readonly PostgresValue[] };
export type PostgresRan = { readonly rows: readonly unknown[]; readonly changes: number };

/** The names under which one connection knows its statements: each is parsed and planned once. */
export class PreparedStatements {
  readonly #names = new Map<string, string>();

  /** `isNew`: the connection has yet to be told. */
  nameOf(sql: string): { readonly name: string; readonly isNew: boolean } {
    const known = this.#names.get(sql);
    if (known !== undefined) return { name: known, isNew: false };
    const name = `maru_${this.#names.size}`;
    this.#names.set(sql, name);
    return { name, isNew: true };
  }
}

/** What `pg` calls while the statements run (node-postgres, class Query; also what pg-cursor implements). */
type Message = {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
};
type PgConnection = Connection & {
  parse(query: { name: string; text: string; types: readonly number[] }): void;
  bind(config: {
    statement: string;
    portal: string;
    values: readonly (string | null)[];
    binary: boolean;
  }): void;
  describe(message: { type: 'P' | 'S'; name: string }): void;
  execute(config: { portal: string; rows: number }): void;
  sync(): void;
};

/**
 * Without a BEGIN before it, all of it is one transaction: a failure takes back what ran before, and nothing runs after.
 * Each statement sees what was committed when it began (READ COMMITTED), so one behind a lock sees what it waited for.
 */
export class Pipeline implements Submittable {
  readonly #calls: readonly PostgresCall[];
  readonly #statements: PreparedStatements;
  readonly #ran: { rows: Record<string, unknown>[]; changes: number }[] = [];
  readonly #settled = Promise.withResolvers<readonly PostgresRan[]>();
  #fields: Message['fields'] = [];
  #rows: Record<string, unknown>[] = [];
  /** `pg` gives a query without one a callback of its own. */
  readonly callback = (): void => {};

  constructor(calls: readonly PostgresCall[], statements: PreparedStatements) {
    this.#calls = calls;
    this.#statements = statements;
  }

  /** What each came to, in order. Rejects with pg's error. */
  get done(): Promise<readonly PostgresRan[]> {
    return this.#settled.promise;
  }

  submit(connection: Connection): void {
    const to = connection as PgConnection;
    to.stream.cork();
    for (const { sql, values } of this.#calls) {
      const { name, isNew } = this.#statements.nameOf(sql);
      if (isNew) to.parse({ name, text: sql, types: [] });
      to.bind({ statement: name, portal: '', values: values.map(writeValue), binary: false });
      to.describe({ type: 'P', name: '' });
      to.execute({ portal: '', rows: 0 });
    }
    to.sync();
    to.stream.uncork();
  }

  handleRowDescription({ fields }: Message): void {
    this.#fields = fields;
  }

  handleDataRow({ fields: texts }: { readonly fields: readonly (string | null)[] }): void {
    const row: Record<string, unknown> = {};
    for (const [index, { name, dataTypeID }] of this.#fields.entries()) {
      row[name] = readValue(texts[index] ?? null, dataTypeID);
    }
    this.#rows.push(row);
  }

  /** `text`: `UPDATE 3`, `INSERT 0 1`, `SELECT 5`. */
  handleCommandComplete({ text }: { readonly text: string }): void {
    this.#ran.push({ rows: this.#rows, changes: Number(/\d+$/.exec(text)?.[0] ?? 0) });
    this.#rows = [];
    this.#fields = [];
  }

  handleEmptyQuery(): void {
    this.handleCommandComplete({ text: '' });
  }

  handlePortalSuspended(): void {
    this.handleError(new Error('PostgreSQL gave only some of the rows'));
  }

  handleCopyInResponse(): void {
    this.handleError(new Error('a COPY is no statement of a pipeline'));
  }

  handleError(error: Error): void {
    this.#settled.reject(error);
  }

  handleReadyForQuery(): void {
    this.#settled.resolve(this.#ran);
  }
}

function writeValue(value: PostgresValue): string | null {
  if (value === null) return null;
  if (typeof value === 'string') return writeText(value);
  return typeof value === 'number' ? String(value) : writeArray(value as readonly SqlValue[]);
}

function writeArray(values: readonly SqlValue[]): string {
  const items = values.map((value) => {
    if (value === null) return 'NULL';
    if (typeof value === 'number') return String(value);
    return `"${writeText(value).replaceAll(/[\\"]/g, '\\$&')}"`;
  });
  return `{${items.join(',')}}`;
}

/** By the ids of PostgreSQL's own types: int8, int2, int4 and bool; all else is text. */
function readValue(text: string | null, type: number): string | number | boolean | null {
  if (text === null) return null;
  const INT8 = 20;
  const INT2 = 21;
  const INT4 = 23;
  const BOOL = 16;
  if (type === INT8 || type === INT2 || type === INT4) return Number(text);
  return type === BOOL ? text === 't' : readText(text);
}
