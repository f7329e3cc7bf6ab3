// A program for the crash tests: appends without end, 64 in flight, and prints each acknowledgement when it has it.
import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';

const IN_FLIGHT = 64;
const [folder = ''] = process.argv.slice(2);
const store = await openSqliteStore({ folder });
const sender = { userId: 'alice', name: 'Alice' };
const { roomId } = await store.createRoom({ name: 'x', visibility: 'public', owner: sender });
// Synchronous: a line is with the other process before the next append is acknowledged.
writeSync(1, `${roomId} 1 .\n`);

let count = 0;
async function appendWithoutEnd(): Promise<never> {
  for (;;) {
    count += 1;
    const clientMessageId = `c${count}`;
    const { entry } = await store.appendMessage({
      roomId,
      sender,
      content: `message ${count}`,
      clientMessageId,
    });
    writeSync(1, `${clientMessageId} ${entry.seq} .\n`);
  }
}
await Promise.all(Array.from({ length: IN_FLIGHT }, appendWithoutEnd));
