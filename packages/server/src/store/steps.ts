// A rule of the store, written once for both databases: it yields each statement, and its driver hands back what came of it.

export type SqlValue = string | number | null;

/** A statement and the values of its parameters, in order. */
export type Call = {
  readonly sql: string;
  readonly values: readonly SqlValue[];
  readonly kind: 'rows' | 'row' | 'run' | 'change';
};

/** Of `rows`: all of them. Of `row`: the first or none. Of `change`: none, but how many rows it changed. Of `run`: neither. */
export type Ran = { readonly rows: readonly unknown[]; readonly changes: number };

/** Generators, as SQLite answers within the call and PostgreSQL later: the rule is the same text for both. */
export type Steps<Result> = Generator<Call, Result, Ran>;

/** `Row`: as the statement's columns are; nothing checks it. */
export function* rows<Row>(sql: string, ...values: readonly SqlValue[]): Steps<readonly Row[]> {
  return (yield { sql, values, kind: 'rows' }).rows as readonly Row[];
}

export function* row<Row>(sql: string, ...values: readonly SqlValue[]): Steps<Row | undefined> {
  return (yield { sql, values, kind: 'row' }).rows[0] as Row | undefined;
}

/** Nobody waits for what it changed: PostgreSQL may be sent it together with the next statement. */
export function* run(sql: string, ...values: readonly SqlValue[]): Steps<void> {
  yield { sql, values, kind: 'run' };
}

/** @returns how many rows it changed. */
export function* change(sql: string, ...values: readonly SqlValue[]): Steps<number> {
  return (yield { sql, values, kind: 'change' }).changes;
}
