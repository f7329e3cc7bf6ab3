// What is read of people: one by id, those whose name fits, the members of a room.
import type { Member, Role } from '@maru/contract';
import { timestampOf } from './entry-row.ts';
import { foldName, MOST_WORDS } from './name-words.ts';
import { decodePageToken, encodePageToken, requireLimit } from './page-token.ts';
import { row, rows, type Steps } from './steps.ts';
import type { Page, Person } from './store.ts';

export const PEOPLE_SQL = {
  findUser: 'SELECT user_id, name FROM users WHERE user_id = ?',
  findUsers: `SELECT u.user_id, u.name FROM user_words w CROSS JOIN users u ON u.user_id = w.user_id
    WHERE w.word >= ?1 AND w.word < ?2 ORDER BY w.word LIMIT ?3`,
  findRoomKey: 'SELECT room_key FROM rooms WHERE room_id = ? AND deleted_at IS NULL',
  listMembers: `SELECT m.user_id, coalesce(u.name, e.actor_name) AS name, m.role, m.joined_at, m.joined_seq
    FROM members m INDEXED BY members_by_joining
    LEFT JOIN users u ON u.user_id = m.user_id
    LEFT JOIN entries e ON e.room_key = m.room_key AND e.seq = m.joined_seq
    WHERE m.room_key = ? AND m.joined_seq > ? ORDER BY m.joined_seq LIMIT ?`,
} as const;

export type PeopleSql = { readonly [K in keyof typeof PEOPLE_SQL]: string };

type UserRow = { readonly user_id: string; readonly name: string };
type MemberRow = {
  readonly user_id: string;
  readonly name: string;
  readonly role: Role;
  readonly joined_at: number;
  readonly joined_seq: number;
};

export function createPeopleQueries({ findUser, findUsers, findRoomKey, listMembers }: PeopleSql) {
  return {
    *findUser(userId: string): Steps<Person | null> {
      const found = yield* row<UserRow>(findUser, userId);
      return found === undefined ? null : { userId, name: found.name };
    },

    /**
     * Where more fit than `limit`, those whose word comes first are taken. Reads at most as many rows as one person has
     * words for each of them.
     */
    *findUsers(query: string, limit: number): Steps<readonly Person[]> {
      requireLimit(limit);
      const prefix = foldName(query);
      if (prefix === '') return [];
      const found = new Map<string, Person>();
      const most = limit * MOST_WORDS;
      for (const { user_id: userId, name } of yield* rows<UserRow>(
        findUsers,
        prefix,
        prefix + LAST_CHARACTER,
        most,
      )) {
        found.set(userId, { userId, name });
        if (found.size === limit) break;
      }
      return [...found.values()].sort((a, b) => BY_NAME.compare(a.name, b.name));
    },

    *listMembers(roomId: string, cursor: string | undefined, limit: number): Steps<Page<Member>> {
      requireLimit(limit);
      const after = cursor === undefined ? 0 : decodePageToken('members', cursor);
      const roomKey = (yield* row<{ room_key: number }>(findRoomKey, roomId))?.room_key;
      if (roomKey === undefined) return { items: [], nextCursor: null };
      const found = yield* rows<MemberRow>(listMembers, roomKey, after, limit + 1);
      const page = found.slice(0, limit);
      const last = found.length > limit ? page.at(-1) : undefined;
      return {
        items: page.map((member) => ({
          userId: member.user_id,
          name: member.name,
          role: member.role,
          joinedAt: timestampOf(member.joined_at),
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
