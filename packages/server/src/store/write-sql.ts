// The statements of the writes, as SQLite has them (for PostgreSQL see postgres-sql.ts).
import { ENTRY_COLUMNS } from './entry-row.ts';

// INDEXED BY: the statement fails rather than scan if the index isn't there or doesn't fit.
export const WRITE_SQL = {
  // People.
  findUser: 'SELECT issuer, subject, name FROM users WHERE user_id = ?',
  findSubject: 'SELECT user_id FROM users WHERE issuer = ? AND subject = ?',
  enterUser: `INSERT INTO users (user_id, issuer, subject, name) VALUES (?, ?, ?, ?)
    ON CONFLICT (user_id) DO UPDATE SET issuer = excluded.issuer, subject = excluded.subject, name = excluded.name`,
  insertUserWord: 'INSERT INTO user_words (word, user_id) VALUES (?, ?) ON CONFLICT DO NOTHING',
  deleteUserWord: 'DELETE FROM user_words WHERE word = ? AND user_id = ?',

  // Rooms.
  insertRoom: `INSERT INTO rooms
    (room_id, name, visibility, owner_id, created_at, epoch, direct_a, direct_b,
     head, created_count, member_count, last_entry_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0)`,
  findRoom: `SELECT r.room_key, r.visibility, r.owner_id, r.epoch, r.head, r.created_count, r.member_count, r.last_entry_at,
      r.direct_a IS NOT NULL AS is_direct, m.role, m.joined_seq, u.name AS user_name
    FROM rooms r
    LEFT JOIN members m ON m.room_key = r.room_key AND m.user_id = ?1
    LEFT JOIN users u ON u.user_id = ?1
    WHERE r.room_id = ?2 AND r.deleted_at IS NULL`,
  findDirectRoom: `SELECT room_id FROM rooms INDEXED BY rooms_direct
    WHERE direct_a = ? AND direct_b = ? AND deleted_at IS NULL`,
  findRoomName: 'SELECT name FROM rooms WHERE room_key = ?',
  renameRoom: 'UPDATE rooms SET name = ? WHERE room_key = ?',
  setDeleted: 'UPDATE rooms SET deleted_at = ? WHERE room_key = ?',
  setOwner: 'UPDATE rooms SET owner_id = ? WHERE room_key = ?',
  moveHead:
    'UPDATE rooms SET head = ?, created_count = ?, member_count = ?, last_entry_at = ? WHERE room_key = ?',

  // Members.
  findMember: 'SELECT 1 FROM members WHERE room_key = ? AND user_id = ?',
  insertMember: `INSERT INTO members
    (room_key, user_id, role, joined_at, joined_seq, read_seq, read_count) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  deleteMember: 'DELETE FROM members WHERE room_key = ? AND user_id = ?',
  findFirstOwner: `SELECT user_id FROM members INDEXED BY members_owners
    WHERE room_key = ? AND role = 'owner' ORDER BY joined_seq LIMIT 1`,
  findFirstMember: `SELECT user_id FROM members INDEXED BY members_by_joining
    WHERE room_key = ? ORDER BY joined_seq LIMIT 1`,
  raiseMember: "UPDATE members SET role = 'owner' WHERE room_key = ? AND user_id = ?",
  moveOwnMarker: 'UPDATE members SET read_seq = ?, read_count = ? WHERE room_key = ? AND user_id = ?',
  moveMarker: `UPDATE members SET read_seq = ?1, read_count =
      (SELECT created_count FROM entries WHERE entries.room_key = ?2 AND entries.seq = ?1)
    WHERE room_key = ?2 AND user_id = ?3 AND read_seq < ?1`,

  // Entries.
  findDuplicate: `SELECT ${ENTRY_COLUMNS} FROM entries INDEXED BY entries_by_client_message_id
    WHERE room_key = ? AND actor_id = ? AND client_message_id = ?`,
  findMessage: `SELECT ${ENTRY_COLUMNS} FROM entries WHERE room_key = ? AND seq = ? AND type = 'message.created'`,
  findEntry: `SELECT ${ENTRY_COLUMNS} FROM entries WHERE room_key = ? AND seq = ?`,
  insertMessage: `INSERT INTO entries
    (room_key, seq, type, message_id, actor_id, actor_name, created_at, client_message_id, reply_to, mentions, content,
     created_count) VALUES (?, ?, 'message.created', ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  insertEntry: `INSERT INTO entries
    (room_key, seq, type, message_id, target_seq, actor_id, actor_name, created_at, content, emoji, role, name,
     created_count) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
  setEdited: 'UPDATE entries SET edited_seq = ? WHERE room_key = ? AND seq = ?',
  eraseMessage: `UPDATE entries SET content = NULL, mentions = NULL, deleted_seq = ? WHERE room_key = ? AND seq = ?`,
  eraseEdits: `UPDATE entries INDEXED BY entries_edits SET content = NULL, deleted_seq = ?
    WHERE room_key = ? AND target_seq = ? AND type = 'message.edited'`,
  requestErasure: `INSERT INTO pending_erasure (one, deletions) VALUES (1, 1)
    ON CONFLICT (one) DO UPDATE SET deletions = deletions + 1`,

  // Mentions and reactions.
  insertMention: 'INSERT INTO mentions (room_key, user_id, seq) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
  deleteMention: 'DELETE FROM mentions WHERE room_key = ? AND user_id = ? AND seq = ?',
  findReaction: `SELECT seq FROM reactions
    WHERE room_key = ? AND message_seq = ? AND emoji = ? AND user_id = ?`,
  findEmoji: 'SELECT first_seq FROM reactions WHERE room_key = ? AND message_seq = ? AND emoji = ? LIMIT 1',
  countEmojis: `SELECT count(*) AS emojis FROM
    (SELECT 1 FROM reactions WHERE room_key = ? AND message_seq = ? GROUP BY emoji) AS found`,
  insertReaction: `INSERT INTO reactions (room_key, message_seq, emoji, user_id, seq, first_seq)
    VALUES (?, ?, ?, ?, ?, ?)`,
  deleteReaction:
    'DELETE FROM reactions WHERE room_key = ? AND message_seq = ? AND emoji = ? AND user_id = ?',
  deleteReactions: 'DELETE FROM reactions WHERE room_key = ? AND message_seq = ?',
} as const;

export type WriteSql = { readonly [K in keyof typeof WRITE_SQL]: string };
