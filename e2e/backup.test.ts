// Backed up while people write, restored elsewhere, started: what was receipted is there, and old places in logs are refused.
import { join } from 'node:path';
import type { MessageCreated, Room } from '@maru/contract';
import { describe, expect, it } from 'vitest';
import { type Exit, MaruProcess } from './maru-process.ts';
import { call, createRoom, signUp, wholeHistory } from './people.ts';
import { RawStomp } from './raw-stomp.ts';
import { StompClient } from './stomp-client.ts';
import { useMaru } from './topology.ts';

const IN_FLIGHT = 16;
const RECEIPTS_BEFORE = 300;

describe('a backup', () => {
  const maru = useMaru('together');

  const run = async (...command: string[]): Promise<Exit & { out: string; err: string }> => {
    const ran = new MaruProcess(command, { folder: maru.folder });
    ran.ready().catch(() => undefined);
    const exit = await ran.exited;
    return { ...exit, out: ran.stdout, err: ran.stderr };
  };

  it('taken under writes has every receipted message; restored, its logs have another epoch', async () => {
    const ann = await signUp(maru, 'Ann');
    const roomId = await createRoom(maru, ann);
    const before = await call<Room>(maru, ann, `GET /api/rooms/${roomId}`);
    const client = await StompClient.connect(maru.chatUrl, ann.token);
    const receipted = new Map<string, number>();
    const enough = Promise.withResolvers<void>();
    let isOver = false;
    const lanes = Array.from({ length: IN_FLIGHT }, async (_, lane) => {
      for (let n = 0; !isOver; n += 1) {
        const clientMessageId = `${lane}-${n}`;
        const { seq } = await client.send(roomId, `message ${clientMessageId}`, { clientMessageId });
        receipted.set(clientMessageId, Number(seq));
        if (receipted.size >= RECEIPTS_BEFORE) enough.resolve();
      }
    });
    await enough.promise;
    const known = new Map(receipted);
    const backup = join(maru.folder, 'backup');
    const [dataDir, restoredDir] = [maru.dataDir, join(maru.folder, 'restored')];
    const backedUp = await run('backup', backup, '--set', `dataDir=${dataDir}`);
    isOver = true;
    await Promise.all(lanes);
    await client.disconnect();
    expect(backedUp).toMatchObject({ code: 0, err: '' });
    expect(backedUp.out).toContain(`Backed up ${dataDir} to ${backup}.`);
    expect(receipted.size).toBeGreaterThan(known.size);
    expect(await run('verify', '--set', `dataDir=${dataDir}`)).toMatchObject({ code: 0, err: '' });

    const inUse = await run('restore', backup, '--set', `dataDir=${dataDir}`);
    expect(inUse).toMatchObject({ code: 1, out: '' });
    expect(inUse.err).toMatch(/^maru: another Maru process \(pid \d+\) is using .*\n$/);
    const restored = await run('restore', backup, '--set', `dataDir=${restoredDir}`);
    expect(restored).toMatchObject({ code: 0, err: '' });
    expect(restored.out).toContain('reset-required');
    const verified = await run('verify', '--json', '--set', `dataDir=${restoredDir}`);
    expect(verified).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(verified.out)).toMatchObject({ problems: [], rooms: 1 });

    await maru.end('chat', 'SIGTERM');
    maru.use({ dataDir: restoredDir });
    await maru.restart();
    // The session and the token of before: accounts and keys are restored as well.
    const after = await call<Room>(maru, ann, `GET /api/rooms/${roomId}`);
    expect(after.logEpoch).not.toBe(before.logEpoch);
    const messages: readonly MessageCreated[] = await wholeHistory(maru, ann, roomId);
    const stored = new Map(messages.map(({ clientMessageId, seq }) => [clientMessageId ?? '', seq]));
    for (const [clientMessageId, seq] of known) expect(stored.get(clientMessageId)).toBe(seq);
    for (const [clientMessageId, seq] of stored) expect(receipted.get(clientMessageId)).toBe(seq);
    expect(messages.map(({ seq }) => seq)).toEqual(messages.map((_, index) => index + 2));

    const stomp = await RawStomp.connect(maru.chatUrl, ann.token);
    stomp.write('SUBSCRIBE', { id: 'errors', destination: '/user/queue/errors' });
    const subscribe = async (headers: Record<string, string>) => {
      stomp.write('SUBSCRIBE', {
        id: 'a',
        destination: `/topic/chat/room/${roomId}`,
        receipt: 'r',
        ...headers,
      });
      return stomp.frame();
    };
    const refusal = await subscribe({ 'from-seq': '5', 'log-epoch': before.logEpoch });
    expect(refusal).toMatchObject({ command: 'MESSAGE', headers: { subscription: 'errors' } });
    expect(JSON.parse(refusal.body)).toMatchObject({ code: 'reset-required' });
    const head = String(after.head);
    expect(await subscribe({ 'from-seq': head, 'log-epoch': after.logEpoch })).toMatchObject({
      command: 'RECEIPT',
      headers: { seq: head, 'log-epoch': after.logEpoch },
    });
  });
});
