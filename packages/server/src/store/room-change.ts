// What an owner does to a room: another name, or the end of it.
import { refusal } from './refusal.ts';
import type { RoomLog } from './room-log.ts';
import type { RoomQueries } from './room-queries.ts';
import type { WriteStatements } from './write-statements.ts';
import type { WriteOperations } from './writes.ts';

export function createRoomChange(
  { findRoomName, renameRoom, setDeleted }: WriteStatements,
  log: RoomLog,
  queries: RoomQueries,
): Pick<WriteOperations, 'updateRoom' | 'deleteRoom'> {
  function findRoomOfOwner(roomId: string, userId: string) {
    const room = log.findRoomOfMember(roomId, userId);
    if ('error' in room) return room;
    return room.role === 'owner' && !room.is_direct ? room : ACCESS_DENIED;
  }

  return {
    updateRoom({ roomId, actor, name }) {
      const room = findRoomOfOwner(roomId, actor.userId);
      if ('error' in room) return room;
      const isNew = findRoomName.get(room.room_key)?.name !== name;
      const committed = isNew
        ? [log.add(room, roomId, { ...log.next(room, actor, 'room.updated'), name })]
        : [];
      if (isNew) renameRoom.run(name, room.room_key);
      const value = queries.findRoom(roomId, actor.userId);
      if (value === null) throw new Error('the room just renamed is not there');
      return { value, committed };
    },

    /** Only marked: a room may have more rows than one transaction should remove. */
    deleteRoom({ roomId, actor }) {
      const room = findRoomOfOwner(roomId, actor.userId);
      if ('error' in room) return room;
      const row = log.next(room, actor, 'room.deleted');
      const committed = log.add(room, roomId, row);
      setDeleted.run(row.created_at, room.room_key);
      return { value: null, committed: [committed] };
    },
  };
}

const ACCESS_DENIED = refusal('access-denied');
