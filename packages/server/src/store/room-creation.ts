// How a room comes to be: made by its owner, or opened by two people for themselves.
import { nanoid } from 'nanoid';
import type { Membership } from './membership.ts';
import { refusal } from './refusal.ts';
import type { RoomLog, RoomRow } from './room-log.ts';
import type { RoomQueries } from './room-queries.ts';
import { row, run, type Steps } from './steps.ts';
import type { Committed, Person } from './store.ts';
import type { WriteSql } from './write-sql.ts';
import type { WriteRules } from './writes.ts';

export function createRoomCreation(
  { insertRoom, findDirectRoom }: WriteSql,
  parts: {
    readonly log: RoomLog;
    readonly membership: Membership;
    readonly queries: RoomQueries;
    readonly now: () => number;
  },
): Pick<WriteRules, 'createRoom' | 'openDirect'> {
  const { log, membership, queries, now } = parts;

  /** A room without members; they come in the same transaction. */
  function* insert(
    name: string,
    visibility: string,
    owner: Person,
    direct: readonly [string, string] | null,
  ) {
    const roomId = nanoid();
    const [directA, directB] = direct ?? [null, null];
    yield* run(
      insertRoom,
      roomId,
      name,
      visibility,
      owner.userId,
      now(),
      nanoid(EPOCH_LENGTH),
      directA,
      directB,
    );
    return roomId;
  }

  function* rowOf(roomId: string, person: Person): Steps<RoomRow> {
    const room = yield* log.findRoom(roomId, person.userId);
    if (room === undefined) throw new Error('the room just created is not there');
    return room;
  }

  function* viewOf(roomId: string, person: Person) {
    const room = yield* queries.findRoom(roomId, person.userId);
    if (room === null) throw new Error('the room just created is not there');
    return room;
  }

  return {
    *createRoom({ name, visibility, owner }) {
      const roomId = yield* insert(name, visibility, owner, null);
      const committed = yield* membership.add(yield* rowOf(roomId, owner), roomId, owner, 'owner');
      return { value: yield* viewOf(roomId, owner), committed: [committed] };
    },

    /** Sorted, so that the room is the same from both sides. */
    *openDirect({ caller, other }) {
      if (caller.userId === other.userId) return WITH_ONESELF;
      const [a, b] = caller.userId < other.userId ? [caller, other] : [other, caller];
      const known = (yield* row<{ room_id: string }>(findDirectRoom, a.userId, b.userId))?.room_id;
      if (known !== undefined) {
        return { value: { room: yield* viewOf(known, caller), created: false }, committed: [] };
      }
      const roomId = yield* insert('', 'private', caller, [a.userId, b.userId]);
      const committed: Committed[] = [];
      for (const person of [caller, other]) {
        committed.push(yield* membership.add(yield* rowOf(roomId, person), roomId, person, 'owner'));
      }
      return { value: { room: yield* viewOf(roomId, caller), created: true }, committed };
    },
  };
}

/** 71 bits: enough that no two epochs of one room are ever the same, short enough to be in every message id. */
export const EPOCH_LENGTH = 12;

const WITH_ONESELF = refusal('invalid-request', 'A direct room is with somebody else');
