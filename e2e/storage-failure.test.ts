// The disk or the file fails under a Maru that runs, as clients and operators see it: refused softly, told, and well again by itself where it can be.
import { statSync } from 'node:fs';
import { join } from 'node:path';
import type { MessageCreated } from '@maru/contract';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { leavesOf, wreckPage } from '../packages/server/test/store/damage.ts';
import { limitFiles } from '../packages/server/test/store/file-limit.ts';
import { ask, createRoom, type Person, postMessage, signUp, wholeHistory } from './people.ts';
import { RawStomp } from './raw-stomp.ts';
import { useMaru } from './topology.ts';

describe('a disk that is full', () => {
  // Its chat service is a process of its own: the limit meets chat.db and nothing else.
  const maru = useMaru('apart');
  let ann: Person;
  let roomId: string;
  let lift = () => {};
  beforeAll(async () => {
    ann = await signUp(maru, 'Ann');
    roomId = await createRoom(maru, ann);
  });
  afterEach(() => lift());

  const fill = async () => {
    const log = join(maru.dataDir, 'chat.db-wal');
    lift = limitFiles(maru.pidOf('chat'), statSync(log).size);
  };
  const readiness = async () => {
    const response = await fetch(`${maru.operationsUrl('chat')}/readyz`);
    return { status: response.status, body: await response.json() };
  };
  const RED = {
    status: 503,
    body: { status: 'failed', checks: { store: expect.stringMatching(/^the disk /) } },
  };
  const GREEN = { status: 200, body: { status: 'ready', checks: { store: 'ok' } } };

  it('refuses each SEND softly, without a RECEIPT; readiness is red; all is well again when there is room', async () => {
    const stomp = await RawStomp.connect(maru.chatUrl, ann.token);
    stomp.write('SUBSCRIBE', { id: 'errors', destination: '/user/queue/errors' });
    stomp.write('SUBSCRIBE', {
      id: 'room',
      destination: `/topic/chat/room/${roomId}`,
      receipt: 'subscribed',
    });
    expect(await stomp.frame()).toMatchObject({ command: 'RECEIPT' });
    let sent = 0;
    const receipted = new Map<string, number>();
    const heard: number[] = [];
    /** SENDs of which each is answered; @returns the code of each that was refused. */
    const send = async (count: number): Promise<string[]> => {
      const codes: string[] = [];
      for (const _ of Array(count)) {
        sent += 1;
        const body = JSON.stringify({ roomId, content: `message ${sent}`, clientMessageId: `c${sent}` });
        stomp.write('SEND', { destination: '/pub/send/message', receipt: `c${sent}` }, body);
      }
      let answered = 0;
      while (answered < count) {
        const { headers, body, command } = await stomp.frame();
        if (command === 'MESSAGE' && headers.subscription === 'room') {
          heard.push(Number(headers.seq));
          continue;
        }
        answered += 1;
        if (command === 'RECEIPT') receipted.set(headers['receipt-id'] ?? '', Number(headers.seq));
        else codes.push(JSON.parse(body).code);
      }
      return codes;
    };

    expect(await send(50)).toEqual([]);
    expect(await readiness()).toEqual(GREEN);
    await fill();
    expect(await send(200)).toEqual(Array(200).fill('storage-unavailable'));
    expect(receipted.size).toBe(50);
    expect(await readiness()).toEqual(RED);
    const post = await ask(maru, `POST /api/rooms/${roomId}/messages`, {
      token: ann.token,
      body: { content: 'over HTTP' },
    });
    expect([post.status, post.headers.get('retry-after')]).toEqual([503, '1']);
    expect(JSON.parse(post.text)).toMatchObject({ code: 'storage-unavailable' });
    // What is there can be read meanwhile.
    expect(await wholeHistory(maru, ann, roomId)).toHaveLength(50);

    lift();
    await expect.poll(readiness, { interval: 50, timeout: 10_000 }).toEqual(GREEN);
    expect(await send(50)).toEqual([]);
    const messages: readonly MessageCreated[] = await wholeHistory(maru, ann, roomId);
    const stored = new Map(messages.map(({ clientMessageId, seq }) => [clientMessageId ?? '', seq]));
    expect(stored).toEqual(receipted);
    // Behind the entry of who owns the room.
    expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, index) => index + 2));
    while (heard.length < messages.length) {
      const { headers } = await stomp.frame();
      heard.push(Number(headers.seq));
    }
    expect(heard).toEqual(messages.map(({ seq }) => seq));
    expect(maru.output.match(/the storage fails/g)).toHaveLength(1);
    expect(maru.output.match(/the storage works again/g)).toHaveLength(1);
  });
});

describe('a damaged page', () => {
  const maru = useMaru('together');

  it('refuses softly who needs it; the other rooms go on; readiness is red and says what to run', async () => {
    const ann = await signUp(maru, 'Ann');
    const rooms = [await createRoom(maru, ann), await createRoom(maru, ann)] as const;
    for (const roomId of rooms) {
      for (let n = 1; n <= 20; n += 1) await postMessage(maru, ann, roomId, `${n} ${'x'.repeat(1_000)}`);
    }
    await maru.end('chat', 'SIGTERM');
    const database = join(maru.dataDir, 'chat.db');
    const last = leavesOf(database, 'entries').at(-1);
    if (last === undefined) throw new Error('the log has no pages');
    wreckPage(database, last);
    await maru.restart();
    const [sound, damaged] = rooms;

    const stomp = await RawStomp.connect(maru.chatUrl, ann.token);
    stomp.write('SUBSCRIBE', { id: 'errors', destination: '/user/queue/errors' });
    const send = async (roomId: string) => {
      const body = JSON.stringify({ roomId, content: 'more' });
      stomp.write('SEND', { destination: '/pub/send/message', receipt: roomId }, body);
      return stomp.frame();
    };
    expect(await send(sound)).toMatchObject({ command: 'RECEIPT', headers: { seq: '22' } });
    const refusal = await send(damaged);
    expect(refusal).toMatchObject({ command: 'MESSAGE', headers: { subscription: 'errors' } });
    expect(JSON.parse(refusal.body)).toMatchObject({
      code: 'storage-unavailable',
      receiptId: damaged,
    });
    expect(await send(sound)).toMatchObject({ command: 'RECEIPT', headers: { seq: '23' } });
    const read = (roomId: string) =>
      ask(maru, `GET /api/rooms/${roomId}/messages`, { token: ann.token }).then(({ status }) => status);
    expect([await read(sound), await read(damaged)]).toEqual([200, 503]);

    const readiness = await fetch(`${maru.operationsUrl('chat')}/readyz`);
    expect([readiness.status, await readiness.json()]).toEqual([
      503,
      { status: 'failed', checks: { store: 'the database is damaged: run maru verify' } },
    ]);
    expect(maru.output).toContain('the storage fails: the database is damaged');
  });
});
