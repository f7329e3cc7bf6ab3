// How a room comes to be: made by its owner, or opened by two people for themselves.
import { nanoid } from 'nanoid';
import type { Membership } from './membership.ts';
import { refusal } from './refusal.ts';
import type { RoomLog, RoomRow } from './room-log.ts';
import type { RoomQueries } from './room-queries.ts';
import type { Person } from './store.ts';
import type { WriteStatements } from './write-statements.ts';
import type { WriteOperations } from './writes.ts';

export function createRoomCreation(
  { insertRoom, findDirectRoom }: WriteStatements,
  parts: {
    readonly log: RoomLog;
    readonly membership: Membership;
    readonly queries: RoomQueries;
    readonly now: () => number;
  },
): Pick<WriteOperations, 'createRoom' | 'openDirect'> {
  const { log, membership, queries, now } = parts;

  /** A room without members; they come in the same transaction. */
  function insert(name: string, visibility: string, owner: Person, direct: readonly [string, string] | null) {
    const roomId = nanoid();
    const [directA, directB] = direct ?? [null, null];
    insertRoom.run(roomId, name, visibility, owner.userId, now(), nanoid(EPOCH_LENGTH), directA, directB);
    return roomId;
  }

  function rowOf(roomId: string, person: Person): RoomRow {
    const room = log.findRoom(roomId, person.userId);
    if (room === undefined) throw new Error('the room just created is not there');
    return room;
  }

  function viewOf(roomId: string, person: Person) {
    const room = queries.findRoom(roomId, person.userId);
    if (room === null) throw new Error('the room just created is not there');
    return room;
  }

  return {
    createRoom({ name, visibility, owner }) {
      const roomId = insert(name, visibility, owner, null);
      const committed = membership.add(rowOf(roomId, owner), roomId, owner, 'owner');
      return { value: viewOf(roomId, owner), committed: [committed] };
    },

    /** Sorted, so that the room is the same from both sides. */
    openDirect({ caller, other }) {
      if (caller.userId === other.userId) return WITH_ONESELF;
      const [a, b] = caller.userId < other.userId ? [caller, other] : [other, caller];
      const known = findDirectRoom.get(a.userId, b.userId)?.room_id;
      if (known !== undefined) {
        return { value: { room: viewOf(String(known), caller), created: false }, committed: [] };
      }
      const roomId = insert('', 'private', caller, [a.userId, b.userId]);
      const committed = [caller, other].map((person) =>
        membership.add(rowOf(roomId, person), roomId, person, 'owner'),
      );
      return { value: { room: viewOf(roomId, caller), created: true }, committed };
    },
  };
}

/** 71 bits: enough that no two epochs of one room are ever the same, short enough to be in every message id. */
export const EPOCH_LENGTH = 12;

const WITH_ONESELF = refusal('invalid-request', 'A direct room is with somebody else');
