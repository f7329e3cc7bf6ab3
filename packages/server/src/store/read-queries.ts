// The reads: each a function inside one read transaction, so all it answers is of one moment.
import type { DatabaseSync } from 'node:sqlite';
import { createMessageQueries } from './message-queries.ts';
import { createPeopleQueries } from './people-queries.ts';
import { createRoomQueries } from './room-queries.ts';
import { createSearchQuery } from './search-query.ts';

export type ReadQueries = ReturnType<typeof createReadQueries>;
export type ReadName = keyof ReadQueries;
export type ReadRequest<K extends ReadName = ReadName> = {
  [N in K]: { readonly name: N; readonly args: Parameters<ReadQueries[N]> };
}[K];

export function createReadQueries(db: DatabaseSync) {
  return {
    ...createPeopleQueries(db),
    ...createRoomQueries(db),
    ...createMessageQueries(db),
    search: createSearchQuery(db),
  };
}
