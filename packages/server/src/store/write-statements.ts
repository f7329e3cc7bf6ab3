// The statements of the writes, prepared once for the life of the writer's connection.
import type { DatabaseSync } from 'node:sqlite';
import { ENTRY_COLUMNS } from './entry-row.ts';

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

export type WriteStatements = ReturnType<typeof prepareWrites>;

export function prepareWrites(db: DatabaseSync) {
  return {
    findUser: db.prepare(WRITE_SQL.findUser),
    findSubject: db.prepare(WRITE_SQL.findSubject),
    enterUser: db.prepare(WRITE_SQL.enterUser),
    createRoom: db.prepare(WRITE_SQL.createRoom),
    findRoom: db.prepare(WRITE_SQL.findRoom),
    updateRoom: db.prepare(WRITE_SQL.updateRoom),
    findDuplicate: db.prepare(WRITE_SQL.findDuplicate),
    findMessageId: db.prepare(WRITE_SQL.findMessageId),
    findActorName: db.prepare(WRITE_SQL.findActorName),
    insertEntry: db.prepare(WRITE_SQL.insertEntry),
    insertMember: db.prepare(WRITE_SQL.insertMember),
    deleteMember: db.prepare(WRITE_SQL.deleteMember),
    findFirstOwner: db.prepare(WRITE_SQL.findFirstOwner),
    findFirstMember: db.prepare(WRITE_SQL.findFirstMember),
    raiseMember: db.prepare(WRITE_SQL.raiseMember),
    setOwner: db.prepare(WRITE_SQL.setOwner),
  };
}
