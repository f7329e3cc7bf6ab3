// A room with members has an owner: rooms that lost theirs get one, and an index that finds it.
import type { Migration } from './migration.ts';

/** As the store does it when an owner leaves: the owner who joined first, else the member who did. */
export const everyRoomOwned: Migration = {
  name: '0002-every-room-owned',
  sql: `
    CREATE INDEX members_owners ON members (room_key, joined_seq) WHERE role = 'owner';

    UPDATE members SET role = 'owner'
      WHERE (room_key, joined_seq) IN
        (SELECT room_key, min(joined_seq) FROM members GROUP BY room_key HAVING max(role = 'owner') = 0);

    UPDATE rooms SET owner_id = heir.user_id
      FROM (SELECT room_key, user_id, min(joined_seq) FROM members WHERE role = 'owner' GROUP BY room_key) AS heir
      WHERE heir.room_key = rooms.room_key AND NOT EXISTS
        (SELECT 1 FROM members m WHERE m.room_key = rooms.room_key AND m.user_id = rooms.owner_id AND m.role = 'owner');
  `,
};
