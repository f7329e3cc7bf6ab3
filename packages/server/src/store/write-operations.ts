// The writes on SQLite: each runs within the call, in the transaction that its batch began.
import type { DatabaseSync } from 'node:sqlite';
import { CURRENT_SQL } from './current-message.ts';
import { ROOM_SQL } from './room-queries.ts';
import { createSearchIndex } from './search-index.ts';
import { createSqliteDriver } from './sqlite-steps.ts';
import type { Steps } from './steps.ts';
import { writeProbe } from './write-probe.ts';
import { createWriteRules } from './write-rules.ts';
import { WRITE_SQL } from './write-sql.ts';
import type { WriteOperations } from './writes.ts';

export function createWriteOperations(
  db: DatabaseSync,
  now: () => number,
  search = createSearchIndex(db),
): WriteOperations {
  const drive = createSqliteDriver(db);
  const roomSql = { ...ROOM_SQL, ...CURRENT_SQL };
  const rules = createWriteRules({ sql: WRITE_SQL, roomSql, now, search, probe: writeProbe });
  const operations = Object.entries(rules).map(([name, rule]) => [
    name,
    (input: never) => drive((rule as (input: never) => Steps<unknown>)(input)),
  ]);
  return Object.fromEntries(operations) as WriteOperations;
}
