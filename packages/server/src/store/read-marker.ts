// How far a member has read a room: only ever forward, never past the head.
import { refusal } from './refusal.ts';
import type { RoomLog } from './room-log.ts';
import type { RoomQueries } from './room-queries.ts';
import { change } from './steps.ts';
import type { WriteSql } from './write-sql.ts';
import type { WriteRules } from './writes.ts';

export function createReadMarker(
  { moveMarker }: WriteSql,
  log: RoomLog,
  queries: RoomQueries,
): WriteRules['markRead'] {
  return function* ({ roomId, userId, seq }) {
    if (!Number.isSafeInteger(seq) || seq < 0) return NOT_A_SEQ;
    const room = yield* log.findRoomOfMember(roomId, userId);
    if ('error' in room) return room;
    const changes = yield* change(moveMarker, Math.min(seq, room.head), room.room_key, userId);
    const reading = yield* queries.findReading(roomId, userId);
    if (reading === null) throw new Error('the member whose marker moved is not there');
    return { value: { ...reading, moved: changes > 0 }, committed: [] };
  };
}

const NOT_A_SEQ = refusal('invalid-request', 'seq must be a whole number from 0');
