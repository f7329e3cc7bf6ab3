// A program for the tests of backups: makes accounts and, after each, its person in a room, until it is killed.
// Run: node write-both.ts folder
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { openWriting } from './store/writing.ts';

const [folder = ''] = process.argv.slice(2);
const identity = new DatabaseSync(join(folder, 'identity.db'));
identity.exec('PRAGMA journal_mode = wal; CREATE TABLE IF NOT EXISTS accounts (id TEXT)');
const insert = identity.prepare('INSERT INTO accounts VALUES (?)');
const writing = openWriting(folder);
const owner = { userId: 'ann', name: 'Ann' };
const { roomId } = writing.write({ name: 'createRoom', input: { name: 'x', visibility: 'public', owner } });

for (let count = 1; ; count += 1) {
  const userId = `user-${count}`;
  insert.run(userId);
  const person = { userId, name: userId };
  writing.write({ name: 'enterUser', input: { ...person, issuer: 'here', subject: userId } });
  writing.write({ name: 'join', input: { roomId, person, role: 'member' } });
  // What was printed was committed before.
  process.stdout.write(`${count}\n`);
}
