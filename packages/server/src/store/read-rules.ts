// The reads that are alike in both databases: each the steps of a rule, all it answers of one moment.
import type { CurrentSql } from './current-message.ts';
import { createMessageQueries, type MessageSql } from './message-queries.ts';
import { createPeopleQueries, type PeopleSql } from './people-queries.ts';
import { createRoomQueries, type RoomSql } from './room-queries.ts';

export type ReadSql = PeopleSql & RoomSql & MessageSql & CurrentSql;
export type ReadRules = ReturnType<typeof createReadRules>;

export function createReadRules(sql: ReadSql) {
  return { ...createPeopleQueries(sql), ...createRoomQueries(sql), ...createMessageQueries(sql) };
}
