// How far a member has read a room: only ever forward, never past the head.
import { refusal } from './refusal.ts';
import type { RoomLog } from './room-log.ts';
import type { RoomQueries } from './room-queries.ts';
import type { WriteStatements } from './write-statements.ts';
import type { WriteOperations } from './writes.ts';

export function createReadMarker(
  { moveMarker }: WriteStatements,
  log: RoomLog,
  queries: RoomQueries,
): WriteOperations['markRead'] {
  return ({ roomId, userId, seq }) => {
    if (!Number.isSafeInteger(seq) || seq < 0) return NOT_A_SEQ;
    const room = log.findRoomOfMember(roomId, userId);
    if ('error' in room) return room;
    const { changes } = moveMarker.run(Math.min(seq, room.head), room.room_key, userId);
    const reading = queries.findReading(roomId, userId);
    if (reading === null) throw new Error('the member whose marker moved is not there');
    return { value: { ...reading, moved: changes > 0 }, committed: [] };
  };
}

const NOT_A_SEQ = refusal('invalid-request', 'seq must be a whole number from 0');
