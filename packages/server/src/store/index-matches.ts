// What the full-text index finds in several rooms: room by room, newest first within each.
import type { DatabaseSync } from 'node:sqlite';

/** Messages of a room up to this seq. */
export type SearchedRange = { readonly roomKey: number; readonly newest: number };

/** @returns whether older ones of the same room are wanted. */
type VisitMatch = (roomKey: number, seq: number) => boolean;

/** Past so many rows in a row that nobody wants, beginning anew where the next wanted one may be is quicker. */
const PATIENCE = 500;

/**
 * `ranges`: by `roomKey`, ascending. Goes through the index once from the first room to the last, also through what lies
 * between them: in a room of few matches that is much quicker than a query for each.
 * @returns false if `mostRows` rows were not enough; then some matches weren't visited.
 */
export type ReadMatches = (
  expression: string,
  ranges: readonly SearchedRange[],
  mostRows: number,
  visit: VisitMatch,
) => boolean;

export function createReadMatches(db: DatabaseSync): ReadMatches {
  const listMatches = db.prepare(MATCH_SQL.listMatches);

  return (expression, ranges, mostRows, visit) => {
    const lastKey = ranges.at(-1)?.roomKey ?? 0;
    let rows = mostRows;
    let next = 0;
    for (let range = ranges[0]; range !== undefined; ) {
      let unwanted = 0;
      let ended = true;
      for (const row of listMatches.iterate(expression, range.roomKey, range.newest, lastKey)) {
        const { room_key: roomKey, seq } = row as MatchRow;
        while (range !== undefined && range.roomKey < roomKey) range = ranges[++next];
        if (range === undefined) return true;
        rows -= 1;
        if (rows < 0) return false;
        if (range.roomKey === roomKey && seq <= range.newest) {
          if (!visit(roomKey, seq)) range = ranges[++next];
          unwanted = 0;
        } else {
          unwanted += 1;
        }
        if (range === undefined) return true;
        if (unwanted < PATIENCE) continue;
        ended = false;
        break;
      }
      if (ended) return true;
    }
    return true;
  };
}

type MatchRow = { readonly room_key: number; readonly seq: number };

const MATCH_SQL = {
  // The rowid is taken apart and put together in SQL only, see migrations/0004-search.ts.
  listMatches: `SELECT rowid >> 32 AS room_key, 0xffffffff - (rowid & 0xffffffff) AS seq FROM message_index
    WHERE message_index MATCH ?1
      AND rowid >= ((CAST(?2 AS INTEGER) << 32) | (0xffffffff - CAST(?3 AS INTEGER)))
      AND rowid < ((CAST(?4 AS INTEGER) + 1) << 32)
    ORDER BY rowid`,
} as const;
