// The database of a Maru that has ended: every room's seq counted, and no content in it that was deleted.
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Watch } from './watch.ts';

const FILE = 'chat.db';
/** More than a clientMessageId and the start of its content, so that none is missed between two chunks. */
const OVERLAP = 100;

type RoomRow = Readonly<
  Record<'head' | 'entries' | 'first' | 'last' | 'created' | 'createdCount', number> & { roomId: string }
>;

/** @returns how many entries it has */
export function examineDatabase(dataDir: string, watch: Watch): number {
  const db = new DatabaseSync(join(dataDir, FILE), { readOnly: true });
  try {
    const rooms = db
      .prepare(
        `SELECT r.room_id AS roomId, r.head, r.created_count AS createdCount, count(*) AS entries, min(e.seq) AS first,
           max(e.seq) AS last, sum(e.type = 'message.created') AS created
         FROM rooms r JOIN entries e USING (room_key) GROUP BY r.room_key`,
      )
      .all() as unknown as readonly RoomRow[];
    for (const room of rooms) {
      const { head, entries, first, last, created, createdCount } = room;
      if (first !== 1 || last !== entries || head !== entries || created !== createdCount) {
        watch.breach(`the database has a room ${JSON.stringify(room)}`);
      }
    }
    const doubles = db
      .prepare(
        `SELECT client_message_id AS id, count(*) AS times FROM entries WHERE client_message_id IS NOT NULL
         GROUP BY room_key, actor_id, client_message_id HAVING count(*) > 1 LIMIT 5`,
      )
      .all();
    for (const double of doubles) watch.breach(`the database has ${JSON.stringify(double)}`);
    for (const pragma of ['integrity_check', 'foreign_key_check']) {
      const rows = db.prepare(`PRAGMA ${pragma}`).all();
      const isGood = rows.length === 0 || (rows.length === 1 && rows[0]?.[pragma] === 'ok');
      if (!isGood) watch.breach(`${pragma}: ${JSON.stringify(rows.slice(0, 5))}`);
    }
    return rooms.reduce((sum, { entries }) => sum + entries, 0);
  } finally {
    db.close();
  }
}

/** Looks into every file of the database for what was deleted, whatever crash came between the deletion and its end. */
export async function findDeleted(dataDir: string, deleted: readonly string[], watch: Watch): Promise<void> {
  const gone = new Set(deleted);
  const files = (await readdir(dataDir)).filter((name) => name.startsWith(FILE));
  for (const file of files) {
    let end = '';
    for await (const chunk of createReadStream(join(dataDir, file), { encoding: 'latin1' })) {
      const text = end + chunk;
      // A content begins with its clientMessageId; the id alone may stay.
      for (const [, id = ''] of text.matchAll(/(changer\.\d+) (?:The floor|\(edit)/g)) {
        if (gone.delete(id)) watch.breach(`${file} still has what ${id} said before it was deleted`);
      }
      end = text.slice(-OVERLAP);
    }
  }
}
