// What is read of people: one by id, those whose name fits, the members of a room.
import type { DatabaseSync } from 'node:sqlite';
import type { Member, Role } from '@maru/contract';
import { timestampOf } from './entry-row.ts';
import { foldName } from './name-words.ts';
import { decodePageToken, encodePageToken, requireLimit } from './page-token.ts';
import type { Page, Person } from './store.ts';

export const PEOPLE_SQL = {
  findUser: 'SELECT user_id, name FROM users WHERE user_id = ?',
  findUsers: `SELECT u.user_id, u.name FROM user_words w CROSS JOIN users u ON u.user_id = w.user_id
    WHERE w.word >= ?1 AND w.word < ?2 ORDER BY w.word`,
  findRoomKey: 'SELECT room_key FROM rooms WHERE room_id = ? AND deleted_at IS NULL',
  listMembers: `SELECT m.user_id, coalesce(u.name, e.actor_name) AS name, m.role, m.joined_at, m.joined_seq
    FROM members m INDEXED BY members_by_joining
    LEFT JOIN users u ON u.user_id = m.user_id
    LEFT JOIN entries e ON e.room_key = m.room_key AND e.seq = m.joined_seq
    WHERE m.room_key = ? AND m.joined_seq > ? ORDER BY m.joined_seq LIMIT ?`,
} as const;

type MemberRow = {
  readonly user_id: string;
  readonly name: string;
  readonly role: Role;
  readonly joined_at: number;
  readonly joined_seq: number;
};

export function createPeopleQueries(db: DatabaseSync) {
  const findUser = db.prepare(PEOPLE_SQL.findUser);
  const findUsers = db.prepare(PEOPLE_SQL.findUsers);
  const findRoomKey = db.prepare(PEOPLE_SQL.findRoomKey);
  const listMembers = db.prepare(PEOPLE_SQL.listMembers);

  return {
    findUser(userId: string): Person | null {
      const row = findUser.get(userId);
      return row === undefined ? null : { userId, name: String(row.name) };
    },

    /**
     * Where more fit than `limit`, those whose word comes first are taken. Reads at most as many rows as one person has
     * words for each of them.
     */
    findUsers(query: string, limit: number): readonly Person[] {
      requireLimit(limit);
      const prefix = foldName(query);
      if (prefix === '') return [];
      const found = new Map<string, Person>();
      for (const row of findUsers.iterate(prefix, prefix + LAST_CHARACTER)) {
        const userId = String(row.user_id);
        found.set(userId, { userId, name: String(row.name) });
        if (found.size === limit) break;
      }
      return [...found.values()].sort((a, b) => BY_NAME.compare(a.name, b.name));
    },

    listMembers(roomId: string, cursor: string | undefined, limit: number): Page<Member> {
      requireLimit(limit);
      const after = cursor === undefined ? 0 : decodePageToken('members', cursor);
      const roomKey = findRoomKey.get(roomId)?.room_key;
      if (roomKey === undefined) return { items: [], nextCursor: null };
      const rows = listMembers.all(roomKey, after, limit + 1) as MemberRow[];
      const page = rows.slice(0, limit);
      const last = rows.length > limit ? page.at(-1) : undefined;
      return {
        items: page.map((row) => ({
          userId: row.user_id,
          name: row.name,
          role: row.role,
          joinedAt: timestampOf(row.joined_at),
        })),
        nextCursor: last === undefined ? null : encodePageToken('members', last.joined_seq),
      };
    },
  };
}

/** Sorts after whatever else a name could go on with. */
const LAST_CHARACTER = '\u{10FFFF}';

/** Of no language, so that every server sorts alike. */
const BY_NAME = new Intl.Collator('und');
