// A program for the crash tests: appends without end, 64 calls in flight, and prints each acknowledgement when it has it.
// Run: node append-until-killed.ts folder [how many messages each call appends as one]
import { openSqliteStore } from '../../src/store/sqlite-store.ts';

const IN_FLIGHT = 64;
const [folder = '', together = '1'] = process.argv.slice(2);

/**
 * Resolves when the line is with the other process. Not fs.writeSync: a Worker makes this process's standard output
 * non-blocking, so against a slow reader that throws EAGAIN, and the program would end by itself.
 */
const print = (line: string) =>
  new Promise<void>((resolve, reject) =>
    process.stdout.write(`${line} .\n`, (error) => (error ? reject(error) : resolve())),
  );

const store = await openSqliteStore({ folder, queueLimit: IN_FLIGHT * Number(together) });
const sender = { userId: 'alice', name: 'Alice' };
const { roomId } = await store.createRoom({ name: 'x', visibility: 'public', owner: sender });
await print(`${roomId} 1`);

let count = 0;
async function appendWithoutEnd(): Promise<never> {
  for (;;) {
    count += 1;
    const call = count;
    if (together === '1') {
      const clientMessageId = `c${call}`;
      const content = `message ${call}`;
      const { entry } = await store.appendMessage({ roomId, sender, content, clientMessageId });
      await print(`${clientMessageId} ${entry.seq}`);
      continue;
    }
    const appended = await store.append(
      Array.from({ length: Number(together) }, (_, index) => ({
        kind: 'message' as const,
        roomId,
        sender,
        content: `message ${call}`,
        clientMessageId: `c${call}.${index}`,
      })),
    );
    for (const [index, { entry }] of appended.entries()) await print(`c${call}.${index} ${entry?.seq}`);
  }
}
await Promise.all(Array.from({ length: IN_FLIGHT }, appendWithoutEnd));
