// Drives the steps of a rule on SQLite: each statement is prepared once, and answered within the call.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Call, Ran, Steps } from './steps.ts';

export type SqliteDriver = <Result>(steps: Steps<Result>) => Result;

export function createSqliteDriver(db: DatabaseSync): SqliteDriver {
  const prepared = new Map<string, StatementSync>();

  function statementOf(sql: string): StatementSync {
    let statement = prepared.get(sql);
    if (statement === undefined) {
      statement = db.prepare(sql);
      prepared.set(sql, statement);
    }
    return statement;
  }

  const RUN: { readonly [K in Call['kind']]: (statement: StatementSync, call: Call) => Ran } = {
    rows: (statement, { values }) => ({ rows: statement.all(...values), changes: 0 }),
    row: (statement, { values }) => {
      const found = statement.get(...values);
      return found === undefined ? NOTHING : { rows: [found], changes: 0 };
    },
    run: (statement, { values }) => {
      statement.run(...values);
      return NOTHING;
    },
    change: (statement, { values }) => ({ rows: [], changes: Number(statement.run(...values).changes) }),
  };

  return (steps) => {
    let step = steps.next();
    while (step.done !== true) {
      const call = step.value;
      step = steps.next(RUN[call.kind](statementOf(call.sql), call));
    }
    return step.value;
  };
}

const NOTHING: Ran = { rows: [], changes: 0 };
