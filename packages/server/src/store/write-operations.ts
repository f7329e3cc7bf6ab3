// The writes: each a function inside the running transaction. A refusal leaves nothing of its operation written.
import type { DatabaseSync } from 'node:sqlite';
import { MaruError, type Role } from '@maru/contract';
import { nanoid } from 'nanoid';
import { type EntryRow, entryOf, timestampOf } from './entry-row.ts';
import { createMessageAppend } from './message-append.ts';
import { createRoomLog, type RoomRow } from './room-log.ts';
import type { Committed, Person } from './store.ts';
import { encodeError } from './wire-error.ts';
import { prepareWrites } from './write-statements.ts';
import type { WriteOperations } from './writes.ts';

export function createWriteOperations(db: DatabaseSync, now: () => number): WriteOperations {
  const statements = prepareWrites(db);
  const log = createRoomLog(statements, now);
  const {
    findUser,
    findSubject,
    enterUser,
    createRoom: insertRoom,
    findActorName,
    insertMember,
  } = statements;
  const { deleteMember, findFirstOwner, findFirstMember, raiseMember, setOwner } = statements;

  function addMember(room: RoomRow, roomId: string, person: Person, role: Role): Committed {
    const row: EntryRow = {
      type: 'member.joined',
      seq: room.head + 1,
      actor_id: person.userId,
      actor_name: room.user_name ?? person.name,
      created_at: log.timeOf(room),
      role,
    };
    log.addEntry(room, row);
    insertMember.run(room.room_key, person.userId, role, row.created_at, row.seq);
    return { epoch: room.epoch, entry: entryOf(roomId, row) };
  }

  /** Who owns the room after its owner is gone. Of an empty room the last one's id stays. */
  function passOn(room: RoomRow): void {
    const owner = findFirstOwner.get(room.room_key)?.user_id;
    const heir = owner ?? findFirstMember.get(room.room_key)?.user_id;
    if (heir === undefined) return;
    if (owner === undefined) raiseMember.run(room.room_key, heir);
    setOwner.run(heir, room.room_key);
  }

  return {
    enterUser({ userId, issuer, subject, name }) {
      const known = findUser.get(userId);
      if (known?.issuer === issuer && known.subject === subject && known.name === name) {
        return { value: null, committed: [] };
      }
      const namesake = findSubject.get(issuer, subject)?.user_id;
      if (namesake !== undefined && namesake !== userId) {
        return { error: encodeError(new Error('this issuer and subject are entered under another user id')) };
      }
      enterUser.run(userId, issuer, subject, name);
      return { value: null, committed: [] };
    },

    createRoom({ name, visibility, owner }) {
      const roomId = nanoid();
      const createdAt = now();
      insertRoom.run(roomId, name, visibility, owner.userId, createdAt, nanoid(EPOCH_LENGTH));
      const room = log.findRoom(roomId, owner.userId);
      if (room === undefined) throw new Error('the room just created is not there');
      const committed = addMember(room, roomId, owner, 'owner');
      return {
        value: {
          roomId,
          name,
          visibility,
          createdAt: timestampOf(createdAt),
          ownerId: owner.userId,
          memberCount: 1,
          role: 'owner',
          head: committed.entry.seq,
          logEpoch: room.epoch,
          lastMessage: null,
        },
        committed: [committed],
      };
    },

    ...createMessageAppend(db, statements, log),

    join({ roomId, person, role }) {
      const room = log.findRoom(roomId, person.userId);
      if (room === undefined) return ROOM_NOT_FOUND;
      if (room.role !== null) return { value: false, committed: [] };
      if (findFirstOwner.get(room.room_key) !== undefined) {
        return { value: true, committed: [addMember(room, roomId, person, role)] };
      }
      setOwner.run(person.userId, room.room_key);
      return { value: true, committed: [addMember(room, roomId, person, 'owner')] };
    },

    leave({ roomId, userId }) {
      const room = log.findRoom(roomId, userId);
      if (room === undefined) return ROOM_NOT_FOUND;
      if (room.joined_seq === null) return { value: false, committed: [] };
      const row: EntryRow = {
        type: 'member.left',
        seq: room.head + 1,
        actor_id: userId,
        actor_name: room.user_name ?? String(findActorName.get(room.room_key, room.joined_seq)?.actor_name),
        created_at: log.timeOf(room),
      };
      log.addEntry(room, row);
      deleteMember.run(room.room_key, userId);
      if (room.owner_id === userId) passOn(room);
      return { value: true, committed: [{ epoch: room.epoch, entry: entryOf(roomId, row) }] };
    },
  };
}

/** 71 bits: enough that no two epochs of one room are ever the same, short enough to be in every message id. */
const EPOCH_LENGTH = 12;

const ROOM_NOT_FOUND = { error: encodeError(new MaruError('room-not-found')) };
