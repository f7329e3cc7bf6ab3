// A program for the crash tests: appends without end, 64 in flight, and prints each acknowledgement when it has it.
import { openSqliteStore } from '../../src/store/sqlite-store.ts';

const IN_FLIGHT = 64;
const [folder = ''] = process.argv.slice(2);

/**
 * Resolves when the line is with the other process. Not fs.writeSync: a Worker makes this process's standard output
 * non-blocking, so against a slow reader that throws EAGAIN, and the program would end by itself.
 */
const print = (line: string) =>
  new Promise<void>((resolve, reject) =>
    process.stdout.write(`${line} .\n`, (error) => (error ? reject(error) : resolve())),
  );

const store = await openSqliteStore({ folder });
const sender = { userId: 'alice', name: 'Alice' };
const { roomId } = await store.createRoom({ name: 'x', visibility: 'public', owner: sender });
await print(`${roomId} 1`);

let count = 0;
async function appendWithoutEnd(): Promise<never> {
  for (;;) {
    count += 1;
    const clientMessageId = `c${count}`;
    const content = `message ${count}`;
    const { entry } = await store.appendMessage({ roomId, sender, content, clientMessageId });
    await print(`${clientMessageId} ${entry.seq}`);
  }
}
await Promise.all(Array.from({ length: IN_FLIGHT }, appendWithoutEnd));
