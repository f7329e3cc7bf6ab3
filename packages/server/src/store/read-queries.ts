// The reads on SQLite: each a function inside one read transaction, so all it answers is of one moment.
import type { DatabaseSync } from 'node:sqlite';
import { CURRENT_SQL } from './current-message.ts';
import { MESSAGE_SQL } from './message-queries.ts';
import { PEOPLE_SQL } from './people-queries.ts';
import { createReadRules, type ReadRules } from './read-rules.ts';
import { ROOM_SQL } from './room-queries.ts';
import { createSearchQuery } from './search-query.ts';
import { createSqliteDriver } from './sqlite-steps.ts';
import type { Steps } from './steps.ts';

type Driven<Rule> = Rule extends (...args: infer Args) => Steps<infer Result>
  ? (...args: Args) => Result
  : never;
export type ReadQueries = { readonly [K in keyof ReadRules]: Driven<ReadRules[K]> } & {
  readonly search: ReturnType<typeof createSearchQuery>;
};
export type ReadName = keyof ReadQueries;
export type ReadRequest<K extends ReadName = ReadName> = {
  [N in K]: { readonly name: N; readonly args: Parameters<ReadQueries[N]> };
}[K];

export function createReadQueries(db: DatabaseSync): ReadQueries {
  const drive = createSqliteDriver(db);
  const rules = createReadRules({ ...PEOPLE_SQL, ...ROOM_SQL, ...MESSAGE_SQL, ...CURRENT_SQL });
  const queries = Object.entries(rules).map(([name, rule]) => [
    name,
    (...args: never[]) => drive((rule as (...values: never[]) => Steps<unknown>)(...args)),
  ]);
  return { ...Object.fromEntries(queries), search: createSearchQuery(db, drive) };
}
