// The writes: each a function inside the running transaction. A refusal is decided before the operation's first write.
import type { DatabaseSync } from 'node:sqlite';
import { MaruError, type Role, type Room } from '@maru/contract';
import { nanoid } from 'nanoid';
import {
  ENTRY_COLUMNS,
  type EntryRow,
  entryOf,
  type MessageRow,
  messageOf,
  timestampOf,
} from './entry-row.ts';
import type { Appended, Committed, NewMessage, NewRoom, Person } from './store.ts';
import { encodeError, type WireError } from './wire-error.ts';

/** Every write: what it takes and what its promise resolves with. All of it passes between threads. */
export type Writes = {
  enterUser: { input: Person & { readonly issuer: string; readonly subject: string }; output: null };
  createRoom: { input: NewRoom; output: Room };
  appendMessage: { input: NewMessage; output: Appended };
  join: { input: { readonly roomId: string; readonly person: Person; readonly role: Role }; output: boolean };
  leave: { input: { readonly roomId: string; readonly userId: string }; output: boolean };
};
export type WriteName = keyof Writes;
export type WriteRequest<K extends WriteName = WriteName> = {
  [N in K]: { readonly name: N; readonly input: Writes[N]['input'] };
}[K];

/** `committed`: the entry it wrote, if it wrote one; for `onCommitted` once the batch is durable. */
type Written<Output> = { readonly value: Output; readonly committed: Committed | null };
export type WriteOutcome<K extends WriteName = WriteName> =
  | Written<Writes[K]['output']>
  | { readonly error: WireError };
export type WriteOperations = {
  readonly [N in WriteName]: (input: Writes[N]['input']) => WriteOutcome<N>;
};

export function perform<K extends WriteName>(
  operations: { readonly [N in K]: (input: Writes[N]['input']) => WriteOutcome<N> },
  request: WriteRequest<K>,
): WriteOutcome<K> {
  return operations[request.name](request.input);
}

export const WRITE_SQL = {
  findUser: 'SELECT issuer, subject, name FROM users WHERE user_id = ?',
  findSubject: 'SELECT user_id FROM users WHERE issuer = ? AND subject = ?',
  enterUser: `INSERT INTO users (user_id, issuer, subject, name) VALUES (?, ?, ?, ?)
    ON CONFLICT (user_id) DO UPDATE SET issuer = excluded.issuer, subject = excluded.subject, name = excluded.name`,
  createRoom: `INSERT INTO rooms
    (room_id, name, visibility, owner_id, created_at, epoch, head, created_count, member_count, last_entry_at)
    VALUES (?, ?, ?, ?, ?, ?, 0, 0, 0, 0)`,
  findRoom: `SELECT r.room_key, r.visibility, r.owner_id, r.epoch, r.head, r.created_count, r.member_count, r.last_entry_at,
      m.role, m.joined_seq, u.name AS user_name
    FROM rooms r
    LEFT JOIN members m ON m.room_key = r.room_key AND m.user_id = ?1
    LEFT JOIN users u ON u.user_id = ?1
    WHERE r.room_id = ?2`,
  updateRoom:
    'UPDATE rooms SET head = ?, created_count = ?, member_count = ?, last_entry_at = ? WHERE room_key = ?',
  findDuplicate: `SELECT ${ENTRY_COLUMNS} FROM entries INDEXED BY entries_by_client_message_id
    WHERE room_key = ? AND actor_id = ? AND client_message_id = ?`,
  findMessageId: 'SELECT message_id FROM entries WHERE room_key = ? AND seq = ?',
  findActorName: 'SELECT actor_name FROM entries WHERE room_key = ? AND seq = ?',
  insertEntry: `INSERT INTO entries
    (room_key, seq, type, message_id, actor_id, actor_name, created_at, client_message_id, reply_to, content, role,
     created_count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  insertMember: 'INSERT INTO members (room_key, user_id, role, joined_at, joined_seq) VALUES (?, ?, ?, ?, ?)',
  deleteMember: 'DELETE FROM members WHERE room_key = ? AND user_id = ?',
  findFirstOwner: `SELECT user_id FROM members INDEXED BY members_owners
    WHERE room_key = ? AND role = 'owner' ORDER BY joined_seq LIMIT 1`,
  findFirstMember: `SELECT user_id FROM members INDEXED BY members_by_joining
    WHERE room_key = ? ORDER BY joined_seq LIMIT 1`,
  raiseMember: "UPDATE members SET role = 'owner' WHERE room_key = ? AND user_id = ?",
  setOwner: 'UPDATE rooms SET owner_id = ? WHERE room_key = ?',
} as const;

/** A room and where one person stands in it. `user_name` is null for who never entered. */
type RoomRow = {
  readonly room_key: number;
  readonly visibility: string;
  readonly owner_id: string;
  readonly epoch: string;
  readonly head: number;
  readonly created_count: number;
  readonly member_count: number;
  readonly last_entry_at: number;
  readonly role: Role | null;
  readonly joined_seq: number | null;
  readonly user_name: string | null;
};

export function createWriteOperations(db: DatabaseSync, now: () => number): WriteOperations {
  const findUser = db.prepare(WRITE_SQL.findUser);
  const findSubject = db.prepare(WRITE_SQL.findSubject);
  const enterUser = db.prepare(WRITE_SQL.enterUser);
  const createRoom = db.prepare(WRITE_SQL.createRoom);
  const findRoomRow = db.prepare(WRITE_SQL.findRoom);
  const updateRoom = db.prepare(WRITE_SQL.updateRoom);
  const findDuplicate = db.prepare(WRITE_SQL.findDuplicate);
  const findMessageId = db.prepare(WRITE_SQL.findMessageId);
  const findActorName = db.prepare(WRITE_SQL.findActorName);
  const insertEntry = db.prepare(WRITE_SQL.insertEntry);
  const insertMember = db.prepare(WRITE_SQL.insertMember);
  const deleteMember = db.prepare(WRITE_SQL.deleteMember);
  const findFirstOwner = db.prepare(WRITE_SQL.findFirstOwner);
  const findFirstMember = db.prepare(WRITE_SQL.findFirstMember);
  const raiseMember = db.prepare(WRITE_SQL.raiseMember);
  const setOwner = db.prepare(WRITE_SQL.setOwner);

  const findRoom = (roomId: string, userId: string) => findRoomRow.get(userId, roomId) as RoomRow | undefined;

  /** A clock set back must not make an entry older than the one before it. */
  const timeOf = (room: RoomRow) => Math.max(now(), room.last_entry_at);

  /** Writes the entry after the head and the room's running figures with it. */
  function addEntry(room: RoomRow, row: EntryRow): void {
    const message = row.type === 'message.created' ? row : null;
    const createdCount = room.created_count + (message === null ? 0 : 1);
    insertEntry.run(
      room.room_key,
      row.seq,
      row.type,
      message?.message_id ?? null,
      row.actor_id,
      row.actor_name,
      row.created_at,
      message?.client_message_id ?? null,
      message?.reply_to ?? null,
      message?.content ?? null,
      row.type === 'member.joined' ? row.role : null,
      createdCount,
    );
    updateRoom.run(
      row.seq,
      createdCount,
      room.member_count + MEMBERS_BY_ENTRY[row.type],
      row.created_at,
      room.room_key,
    );
  }

  function addMember(room: RoomRow, roomId: string, person: Person, role: Role): Committed {
    const row: EntryRow = {
      type: 'member.joined',
      seq: room.head + 1,
      actor_id: person.userId,
      actor_name: room.user_name ?? person.name,
      created_at: timeOf(room),
      role,
    };
    addEntry(room, row);
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

  /** The id of a message holds its seq, so the log's own key finds it; of a message of another room it finds nothing. */
  function isMessageOf(room: RoomRow, messageId: string): boolean {
    const seq = Number(messageId.slice(messageId.lastIndexOf('-') + 1));
    return findMessageId.get(room.room_key, seq)?.message_id === messageId;
  }

  return {
    enterUser({ userId, issuer, subject, name }) {
      const known = findUser.get(userId);
      if (known?.issuer === issuer && known.subject === subject && known.name === name) {
        return { value: null, committed: null };
      }
      const namesake = findSubject.get(issuer, subject)?.user_id;
      if (namesake !== undefined && namesake !== userId) {
        return { error: encodeError(new Error('this issuer and subject are entered under another user id')) };
      }
      enterUser.run(userId, issuer, subject, name);
      return { value: null, committed: null };
    },

    createRoom({ name, visibility, owner }) {
      const roomId = nanoid();
      const createdAt = now();
      createRoom.run(roomId, name, visibility, owner.userId, createdAt, nanoid(EPOCH_LENGTH));
      const room = findRoom(roomId, owner.userId);
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
        committed,
      };
    },

    appendMessage({ roomId, sender, content, clientMessageId, replyTo }) {
      const room = findRoom(roomId, sender.userId);
      if (room === undefined) return ROOM_NOT_FOUND;
      // Whether a private room exists is not for those outside it to know.
      if (room.role === null) return room.visibility === 'private' ? ROOM_NOT_FOUND : NOT_A_MEMBER;
      if (clientMessageId !== undefined) {
        const first = findDuplicate.get(room.room_key, sender.userId, clientMessageId) as
          | MessageRow
          | undefined;
        if (first !== undefined) {
          const entry = messageOf(roomId, first);
          return { value: { epoch: room.epoch, entry, duplicate: true }, committed: null };
        }
      }
      if (replyTo !== undefined && !isMessageOf(room, replyTo)) return REPLY_TO_UNKNOWN;
      const seq = room.head + 1;
      const row: MessageRow = {
        type: 'message.created',
        seq,
        message_id: `${room.epoch}-${seq}`,
        actor_id: sender.userId,
        actor_name: room.user_name ?? sender.name,
        created_at: timeOf(room),
        client_message_id: clientMessageId ?? null,
        reply_to: replyTo ?? null,
        content,
      };
      addEntry(room, row);
      const entry = messageOf(roomId, row);
      return {
        value: { epoch: room.epoch, entry, duplicate: false },
        committed: { epoch: room.epoch, entry },
      };
    },

    join({ roomId, person, role }) {
      const room = findRoom(roomId, person.userId);
      if (room === undefined) return ROOM_NOT_FOUND;
      if (room.role !== null) return { value: false, committed: null };
      if (findFirstOwner.get(room.room_key) !== undefined) {
        return { value: true, committed: addMember(room, roomId, person, role) };
      }
      setOwner.run(person.userId, room.room_key);
      return { value: true, committed: addMember(room, roomId, person, 'owner') };
    },

    leave({ roomId, userId }) {
      const room = findRoom(roomId, userId);
      if (room === undefined) return ROOM_NOT_FOUND;
      if (room.joined_seq === null) return { value: false, committed: null };
      const row: EntryRow = {
        type: 'member.left',
        seq: room.head + 1,
        actor_id: userId,
        actor_name: room.user_name ?? String(findActorName.get(room.room_key, room.joined_seq)?.actor_name),
        created_at: timeOf(room),
      };
      addEntry(room, row);
      deleteMember.run(room.room_key, userId);
      if (room.owner_id === userId) passOn(room);
      return { value: true, committed: { epoch: room.epoch, entry: entryOf(roomId, row) } };
    },
  };
}

/** 71 bits: enough that no two epochs of one room are ever the same, short enough to be in every message id. */
const EPOCH_LENGTH = 12;

const MEMBERS_BY_ENTRY = {
  'message.created': 0,
  'member.joined': 1,
  'member.left': -1,
} as const satisfies Record<EntryRow['type'], number>;

const ROOM_NOT_FOUND = { error: encodeError(new MaruError('room-not-found')) };
const NOT_A_MEMBER = { error: encodeError(new MaruError('not-a-member')) };
const REPLY_TO_UNKNOWN = {
  error: encodeError(new MaruError('invalid-body', { message: 'replyTo names no message of this room' })),
};
