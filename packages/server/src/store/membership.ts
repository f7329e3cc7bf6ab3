// Who joins and who leaves a room, and who owns it then.
import type { Role } from '@maru/contract';
import { refusal } from './refusal.ts';
import type { CommittedAs, RoomLog, RoomRow } from './room-log.ts';
import { row, run, type Steps } from './steps.ts';
import type { Person } from './store.ts';
import type { WriteSql } from './write-sql.ts';
import type { WriteRules } from './writes.ts';

export type Membership = ReturnType<typeof createMembership>;

export function createMembership(sql: WriteSql, log: RoomLog) {
  const { insertMember, deleteMember, findFirstOwner, findFirstMember, raiseMember, setOwner } = sql;

  /** What came before a person joined is not unread to them: their read marker begins at their entry. */
  function* add(
    room: RoomRow,
    roomId: string,
    person: Person,
    role: Role,
  ): Steps<CommittedAs<'member.joined'>> {
    const entry = { ...log.next(room, person, 'member.joined'), role };
    yield* run(
      insertMember,
      room.room_key,
      person.userId,
      role,
      entry.created_at,
      entry.seq,
      entry.seq,
      entry.created_count,
    );
    return yield* log.add(room, roomId, entry);
  }

  /** Who owns the room after its owner is gone. Of an empty room the last one's id stays. */
  function* passOn(room: RoomRow): Steps<void> {
    const owner = (yield* row<UserId>(findFirstOwner, room.room_key))?.user_id;
    const heir = owner ?? (yield* row<UserId>(findFirstMember, room.room_key))?.user_id;
    if (heir === undefined) return;
    if (owner === undefined) yield* run(raiseMember, room.room_key, heir);
    yield* run(setOwner, heir, room.room_key);
  }

  const operations: Pick<WriteRules, 'join' | 'leave'> = {
    *join({ roomId, person, role }) {
      const room = yield* log.findRoom(roomId, person.userId);
      if (room === undefined) return ROOM_NOT_FOUND;
      if (room.role !== null) return { value: false, committed: [] };
      if (room.is_direct) return DIRECT;
      if ((yield* row(findFirstOwner, room.room_key)) !== undefined) {
        return { value: true, committed: [yield* add(room, roomId, person, role)] };
      }
      yield* run(setOwner, person.userId, room.room_key);
      return { value: true, committed: [yield* add(room, roomId, person, 'owner')] };
    },

    *leave({ roomId, userId }) {
      const room = yield* log.findRoom(roomId, userId);
      if (room === undefined) return ROOM_NOT_FOUND;
      if (room.joined_seq === null) return { value: false, committed: [] };
      if (room.is_direct) return DIRECT;
      // Who never entered is named as when they joined.
      const name = room.user_name ?? (yield* log.entryAt(room, room.joined_seq)).actor_name;
      const committed = yield* log.add(room, roomId, log.next(room, { userId, name }, 'member.left'));
      yield* run(deleteMember, room.room_key, userId);
      if (room.owner_id === userId) yield* passOn(room);
      return { value: true, committed: [committed] };
    },
  };

  return { add, operations };
}

type UserId = { readonly user_id: string };

const ROOM_NOT_FOUND = refusal('room-not-found');
const DIRECT = refusal('access-denied', 'The members of a direct room are its two people for ever');
