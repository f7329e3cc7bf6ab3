// What an owner does to a room: another name, or the end of it.
import { refusal } from './refusal.ts';
import type { RoomLog } from './room-log.ts';
import type { RoomQueries } from './room-queries.ts';
import { row, run } from './steps.ts';
import type { WriteSql } from './write-sql.ts';
import type { WriteRules } from './writes.ts';

export function createRoomChange(
  { findRoomName, renameRoom, setDeleted }: WriteSql,
  log: RoomLog,
  queries: RoomQueries,
): Pick<WriteRules, 'updateRoom' | 'deleteRoom'> {
  function* findRoomOfOwner(roomId: string, userId: string) {
    const room = yield* log.findRoomOfMember(roomId, userId);
    if ('error' in room) return room;
    return room.role === 'owner' && !room.is_direct ? room : ACCESS_DENIED;
  }

  return {
    *updateRoom({ roomId, actor, name }) {
      const room = yield* findRoomOfOwner(roomId, actor.userId);
      if ('error' in room) return room;
      const isNew = (yield* row<{ name: string }>(findRoomName, room.room_key))?.name !== name;
      const committed = isNew
        ? [yield* log.add(room, roomId, { ...log.next(room, actor, 'room.updated'), name })]
        : [];
      if (isNew) yield* run(renameRoom, name, room.room_key);
      const value = yield* queries.findRoom(roomId, actor.userId);
      if (value === null) throw new Error('the room just renamed is not there');
      return { value, committed };
    },

    /** Only marked: a room may have more rows than one transaction should remove. */
    *deleteRoom({ roomId, actor }) {
      const room = yield* findRoomOfOwner(roomId, actor.userId);
      if ('error' in room) return room;
      const last = log.next(room, actor, 'room.deleted');
      const committed = yield* log.add(room, roomId, last);
      yield* run(setDeleted, last.created_at, room.room_key);
      return { value: null, committed: [committed] };
    },
  };
}

const ACCESS_DENIED = refusal('access-denied');
