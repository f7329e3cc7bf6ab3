// What must be true of every chat.db, as SQL that finds what isn't: the store's promises, recounted from the rows.

/** A row for each thing that is wrong, a line in its column `problem`. Rooms are named by id, entries by their seq. */
export type LogCheck = { readonly name: string; readonly sql: string };

/** A deleted room is on its way out, row by row: only what its rows refer to is still looked at, as a foreign key. */
const LIVE = 'r.deleted_at IS NULL';

/** Each is one pass over its table, in the order of its key; what a row refers to is looked up only where there is something. */
export const LOG_CHECKS: readonly LogCheck[] = [
  {
    name: 'every log has each seq from 1 on, and the messages up to each entry are counted right',
    sql: `SELECT CASE WHEN e.seq <> e.seq_before + 1
        THEN printf('room %s: after entry %d comes %d', r.room_id, e.seq_before, e.seq)
        ELSE printf('room %s: entry %d says %d messages were created up to it, %d were', r.room_id, e.seq, e.created_count,
          e.count_before + (e.type = 'message.created')) END AS problem
      FROM (SELECT room_key, seq, type, created_count, lag(seq, 1, 0) OVER log AS seq_before,
          lag(created_count, 1, 0) OVER log AS count_before
        FROM entries WINDOW log AS (PARTITION BY room_key ORDER BY seq)) e
      CROSS JOIN rooms r ON r.room_key = e.room_key
      WHERE (e.seq <> e.seq_before + 1 OR e.created_count <> e.count_before + (e.type = 'message.created')) AND ${LIVE}`,
  },
  {
    name: 'every head is the last entry of its log',
    sql: `SELECT CASE WHEN e.seq IS NULL
        THEN printf('room %s: its head is %d, and there is no such entry', r.room_id, r.head)
        WHEN EXISTS (SELECT 1 FROM entries x WHERE x.room_key = r.room_key AND x.seq > r.head)
        THEN printf('room %s: its head is %d, and there are entries after it', r.room_id, r.head)
        WHEN r.created_count <> e.created_count
        THEN printf('room %s: it counts %d messages, its last entry %d', r.room_id, r.created_count, e.created_count)
        WHEN r.last_entry_at <> e.created_at
        THEN printf('room %s: it has another time than its last entry', r.room_id) END AS problem
      FROM rooms r LEFT JOIN entries e ON e.room_key = r.room_key AND e.seq = r.head
      WHERE ${LIVE} AND problem IS NOT NULL`,
  },
  {
    name: 'every member is counted, and joined by an entry',
    sql: `SELECT printf('room %s: it counts %d members, there are %d', r.room_id, r.member_count,
          (SELECT count(*) FROM members m WHERE m.room_key = r.room_key)) AS problem
      FROM rooms r WHERE ${LIVE} AND r.member_count <> (SELECT count(*) FROM members m WHERE m.room_key = r.room_key)
      UNION ALL
      SELECT printf('room %s: member %s joined by entry %d, which is not that', r.room_id, m.user_id, m.joined_seq)
      FROM members m CROSS JOIN rooms r ON r.room_key = m.room_key
      LEFT JOIN entries e ON e.room_key = m.room_key AND e.seq = m.joined_seq
      WHERE ${LIVE} AND (e.type IS NOT 'member.joined' OR e.actor_id <> m.user_id)`,
  },
  {
    name: 'every room with members has its owner among them',
    sql: `SELECT printf('room %s: its owner %s is not one of its owners', r.room_id, r.owner_id) AS problem FROM rooms r
      WHERE ${LIVE} AND EXISTS (SELECT 1 FROM members m WHERE m.room_key = r.room_key) AND NOT EXISTS
        (SELECT 1 FROM members m WHERE m.room_key = r.room_key AND m.user_id = r.owner_id AND m.role = 'owner')`,
  },
  {
    name: 'every direct room is of its two people',
    sql: `SELECT printf('room %s: it is direct, and not of its two people alone', r.room_id) AS problem FROM rooms r
      WHERE ${LIVE} AND (r.direct_a IS NOT NULL OR r.direct_b IS NOT NULL) AND (r.direct_a IS NULL OR r.direct_b IS NULL
        OR r.direct_a = r.direct_b OR r.visibility <> 'private' OR 2 <> (SELECT count(*) FILTER
          (WHERE m.role = 'owner' AND m.user_id IN (r.direct_a, r.direct_b)) + 3 * count(*) FILTER
          (WHERE m.user_id NOT IN (r.direct_a, r.direct_b)) FROM members m WHERE m.room_key = r.room_key))`,
  },
  {
    name: 'every read marker is at an entry of its log, and counts what was created up to it',
    sql: `SELECT printf('room %s: the read marker of %s is at %d, counting %d: %s', r.room_id, m.user_id, m.read_seq,
          m.read_count, iif(e.seq IS NULL, 'there is no such entry',
            iif(m.read_seq < m.joined_seq, 'they joined after it', 'that entry counts ' || e.created_count))) AS problem
      FROM members m CROSS JOIN rooms r ON r.room_key = m.room_key
      LEFT JOIN entries e ON e.room_key = m.room_key AND e.seq = m.read_seq
      WHERE ${LIVE} AND (e.seq IS NULL OR m.read_seq < m.joined_seq OR m.read_count <> e.created_count)`,
  },
  {
    name: 'every message has an id and its content, and a deleted one has none',
    sql: `SELECT printf('room %s: message %d %s', r.room_id, e.seq, CASE WHEN e.message_id IS NULL THEN 'has no id'
          WHEN e.deleted_seq IS NULL THEN 'has no content and is not deleted'
          ELSE 'is deleted and still has content or mentions' END) AS problem
      FROM entries e CROSS JOIN rooms r ON r.room_key = e.room_key
      WHERE ${LIVE} AND e.type IN ('message.created', 'message.edited') AND (e.message_id IS NULL
        OR (e.deleted_seq IS NULL) <> (e.content IS NOT NULL) OR (e.deleted_seq IS NOT NULL AND e.mentions IS NOT NULL))`,
  },
  {
    name: 'every edit, deletion and reaction is about a message',
    sql: `SELECT printf('room %s: entry %d is a %s of %s, which is no message', r.room_id, e.seq, e.type,
          coalesce('entry ' || e.target_seq, 'nothing')) AS problem
      FROM entries e CROSS JOIN rooms r ON r.room_key = e.room_key
      LEFT JOIN entries m ON m.room_key = e.room_key AND m.seq = e.target_seq
      WHERE ${LIVE} AND e.type IN ('message.edited', 'message.deleted', 'reaction.added', 'reaction.removed')
        AND (m.type IS NOT 'message.created' OR m.seq >= e.seq OR m.message_id IS NOT e.message_id)
      UNION ALL
      SELECT printf('room %s: edit %d of message %d is deleted by %s, the message by %s', r.room_id, e.seq, m.seq,
          coalesce(e.deleted_seq, 'nothing'), coalesce(m.deleted_seq, 'nothing'))
      FROM entries e INDEXED BY entries_edits CROSS JOIN rooms r ON r.room_key = e.room_key
      CROSS JOIN entries m ON m.room_key = e.room_key AND m.seq = e.target_seq
      WHERE ${LIVE} AND e.type = 'message.edited' AND e.deleted_seq IS NOT m.deleted_seq`,
  },
  {
    name: 'every message knows its last edit and its deletion',
    sql: `SELECT printf('room %s: message %d is %s by entry %d, which is not that', r.room_id, m.seq,
          iif(m.deleted_seq IS NOT NULL AND (d.type IS NOT 'message.deleted' OR d.target_seq <> m.seq), 'deleted', 'edited'),
          iif(m.deleted_seq IS NOT NULL AND (d.type IS NOT 'message.deleted' OR d.target_seq <> m.seq), m.deleted_seq,
            m.edited_seq)) AS problem
      FROM entries m CROSS JOIN rooms r ON r.room_key = m.room_key
      LEFT JOIN entries d ON d.room_key = m.room_key AND d.seq = m.deleted_seq
      LEFT JOIN entries c ON c.room_key = m.room_key AND c.seq = m.edited_seq
      WHERE ${LIVE} AND m.type = 'message.created' AND (m.edited_seq IS NOT NULL OR m.deleted_seq IS NOT NULL) AND (
        (m.deleted_seq IS NOT NULL AND (d.type IS NOT 'message.deleted' OR d.target_seq <> m.seq))
        OR (m.edited_seq IS NOT NULL AND (c.type IS NOT 'message.edited' OR c.target_seq <> m.seq)))
      UNION ALL
      SELECT printf('room %s: message %d has the edit %d, and knows %s as its last', r.room_id, m.seq, max(e.seq),
          coalesce(m.edited_seq, 'none'))
      FROM entries e INDEXED BY entries_edits CROSS JOIN rooms r ON r.room_key = e.room_key
      CROSS JOIN entries m ON m.room_key = e.room_key AND m.seq = e.target_seq
      WHERE ${LIVE} AND e.type = 'message.edited' AND m.type = 'message.created'
      GROUP BY e.room_key, e.target_seq HAVING max(e.seq) IS NOT m.edited_seq`,
  },
  {
    name: 'every reaction is of an entry, to a message that is not deleted',
    sql: `SELECT printf('room %s: %s of %s at message %d: %s', r.room_id, x.emoji, x.user_id, x.message_seq,
          iif(m.type IS NOT 'message.created', 'there is no such message', iif(m.deleted_seq IS NOT NULL,
            'it is deleted', printf('entry %d did not add it, or not first by %d', x.seq, x.first_seq)))) AS problem
      FROM reactions x CROSS JOIN rooms r ON r.room_key = x.room_key
      LEFT JOIN entries m ON m.room_key = x.room_key AND m.seq = x.message_seq
      LEFT JOIN entries e ON e.room_key = x.room_key AND e.seq = x.seq
      WHERE ${LIVE} AND (m.type IS NOT 'message.created' OR m.deleted_seq IS NOT NULL OR e.type IS NOT 'reaction.added'
        OR e.target_seq <> x.message_seq OR e.actor_id <> x.user_id OR e.emoji <> x.emoji OR x.first_seq > x.seq)`,
  },
  {
    name: 'every mention is of a message that is not deleted and names the person',
    sql: `SELECT printf('room %s: a mention of %s by message %d: %s', r.room_id, x.user_id, x.seq,
          iif(m.type IS NOT 'message.created', 'there is no such message',
            iif(m.deleted_seq IS NOT NULL, 'it is deleted', 'it does not name them'))) AS problem
      FROM mentions x CROSS JOIN rooms r ON r.room_key = x.room_key
      LEFT JOIN entries m ON m.room_key = x.room_key AND m.seq = x.seq
      WHERE ${LIVE} AND (m.type IS NOT 'message.created' OR m.deleted_seq IS NOT NULL
        OR NOT EXISTS (SELECT 1 FROM json_each(coalesce(m.mentions, '[]')) WHERE value = x.user_id))`,
  },
  {
    name: 'the search index is not ahead of any log',
    sql: `SELECT printf('room %s: it is searched up to %d, its head is %d', r.room_id, p.seq, r.head) AS problem
      FROM search_positions p CROSS JOIN rooms r ON r.room_key = p.room_key
      WHERE ${LIVE} AND (p.seq > r.head OR p.seq < 0)
      UNION ALL
      SELECT printf('room %s: a change of entry %d waits for the search index, which has no such message', r.room_id, c.seq)
      FROM search_changes c CROSS JOIN rooms r ON r.room_key = c.room_key
      LEFT JOIN entries e ON e.room_key = c.room_key AND e.seq = c.seq
      LEFT JOIN search_positions p ON p.room_key = c.room_key
      WHERE ${LIVE} AND (e.type IS NOT 'message.created' OR c.seq > coalesce(p.seq, 0))`,
  },
  {
    name: 'people are found by their own names only',
    sql: `SELECT printf('user %s: found as %s, and not entered', w.user_id, w.word) AS problem FROM user_words w
      WHERE NOT EXISTS (SELECT 1 FROM users u WHERE u.user_id = w.user_id)`,
  },
];
