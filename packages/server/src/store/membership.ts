// Who joins and who leaves a room, and who owns it then.
import type { Role } from '@maru/contract';
import { refusal } from './refusal.ts';
import type { CommittedAs, RoomLog, RoomRow } from './room-log.ts';
import type { Person } from './store.ts';
import type { WriteStatements } from './write-statements.ts';
import type { WriteOperations } from './writes.ts';

export type Membership = ReturnType<typeof createMembership>;

export function createMembership(statements: WriteStatements, log: RoomLog) {
  const { insertMember, deleteMember, findFirstOwner, findFirstMember, raiseMember, setOwner } = statements;

  /** What came before a person joined is not unread to them: their read marker begins at their entry. */
  function add(room: RoomRow, roomId: string, person: Person, role: Role): CommittedAs<'member.joined'> {
    const row = { ...log.next(room, person, 'member.joined'), role };
    insertMember.run(room.room_key, person.userId, role, row.created_at, row.seq, row.seq, row.created_count);
    return log.add(room, roomId, row);
  }

  /** Who owns the room after its owner is gone. Of an empty room the last one's id stays. */
  function passOn(room: RoomRow): void {
    const owner = findFirstOwner.get(room.room_key)?.user_id;
    const heir = owner ?? findFirstMember.get(room.room_key)?.user_id;
    if (heir === undefined) return;
    if (owner === undefined) raiseMember.run(room.room_key, heir);
    setOwner.run(heir, room.room_key);
  }

  const operations: Pick<WriteOperations, 'join' | 'leave'> = {
    join({ roomId, person, role }) {
      const room = log.findRoom(roomId, person.userId);
      if (room === undefined) return ROOM_NOT_FOUND;
      if (room.role !== null) return { value: false, committed: [] };
      if (room.is_direct) return DIRECT;
      if (findFirstOwner.get(room.room_key) !== undefined) {
        return { value: true, committed: [add(room, roomId, person, role)] };
      }
      setOwner.run(person.userId, room.room_key);
      return { value: true, committed: [add(room, roomId, person, 'owner')] };
    },

    leave({ roomId, userId }) {
      const room = log.findRoom(roomId, userId);
      if (room === undefined) return ROOM_NOT_FOUND;
      if (room.joined_seq === null) return { value: false, committed: [] };
      if (room.is_direct) return DIRECT;
      // Who never entered is named as when they joined.
      const name = room.user_name ?? log.entryAt(room, room.joined_seq).actor_name;
      const committed = log.add(room, roomId, log.next(room, { userId, name }, 'member.left'));
      deleteMember.run(room.room_key, userId);
      if (room.owner_id === userId) passOn(room);
      return { value: true, committed: [committed] };
    },
  };

  return { add, operations };
}

const ROOM_NOT_FOUND = refusal('room-not-found');
const DIRECT = refusal('access-denied', 'The members of a direct room are its two people for ever');
