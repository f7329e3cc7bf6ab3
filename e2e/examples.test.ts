// The examples and the lines of the README do what they say, as they are, against a running Maru.
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { MessagePage } from '@maru/contract';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createRoom, history, postMessage, signUp } from './people.ts';
import { type Topology, useMaru } from './topology.ts';

const example = (name: string) => fileURLToPath(new URL(`../examples/${name}`, import.meta.url));

describe.each(['together', 'apart'] satisfies Topology[])('examples, %s', (topology) => {
  const maru = useMaru(topology);

  it('chat.mjs connects, subscribes, sends and receives', async () => {
    const ann = await signUp(maru, 'Ann');
    const roomId = await createRoom(maru, ann);
    const variables = { TOKEN: ann.token, ROOM: roomId, CHAT_URL: maru.chatUrl };
    const child = spawn(process.execPath, [example('chat.mjs'), 'Good evening'], {
      env: { ...process.env, ...variables },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    // Also when the time for the test is over.
    onTestFinished(() => void child.kill());
    const printed = readerOf(child);
    expect(await printed(/content: 'Good evening'/)).toContain("senderName: 'Ann'");
    await postMessage(maru, ann, roomId, 'Good night');
    await printed(/content: 'Good night'/);
    expect((await history(maru, ann, roomId)).messages).toMatchObject([
      { content: 'Good evening' },
      { content: 'Good night' },
    ]);
  });
});

describe('what is to be pasted', () => {
  const maru = useMaru('together');

  it.each(['README.md', 'README.ko.md'])(
    'the curl lines of %s work as pasted, also again',
    async (readme) => {
      const text = await readFile(new URL(`../${readme}`, import.meta.url), 'utf8');
      const block =
        [...text.matchAll(/```sh\n(.*?)```/gs)].find(([, lines]) => lines?.includes('curl'))?.[1] ?? '';
      const lines = block.replace('http://localhost:19091', maru.url);
      for (const paste of ['first', 'second']) {
        // Whoever pastes does so at a time of their own; here all happens within a second.
        const moment = `date() { echo "$(command date "$@")-${readme}-${paste}"; }`;
        const { stdout } = await promisify(execFile)('sh', ['-euc', `${moment}\n${lines}`]);
        const [, page = ''] = /(\{"messages".*)$/.exec(stdout) ?? [];
        expect(JSON.parse(page) as MessagePage).toMatchObject({
          messages: [{ type: 'message.created', senderName: expect.any(String), seq: 2 }],
          hasMore: false,
        });
      }
    },
  );
});

/** Resolves with all that the child has printed so far, once it matches. */
function readerOf(child: ChildProcess): (pattern: RegExp) => Promise<string> {
  let printed = '';
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    printed += text;
  });
  return async (pattern) => {
    while (!pattern.test(printed)) {
      if (child.exitCode !== null) throw new Error(`The example ended: ${printed}`);
      await Promise.race([once(child.stdout ?? child, 'data'), once(child, 'exit')]);
    }
    return printed;
  };
}
