// What handlers asked for, carried out: all of it or nothing, appends first, publications in the order of the frames.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { LocalBroker } from '../../src/broker/local-broker.ts';
import { Turn } from '../../src/broker/turn.ts';
import { publicationOf } from '../../src/handlers/message.ts';
import { Effects, UnitOfWork } from '../../src/handlers/unit-of-work.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { Listener } from '../broker/listener.ts';

const TOPIC = { destination: '/topic/test', userId: null };
const ANN = { userId: 'ann', name: 'Ann' };

describe('effects of a session', () => {
  let folder: string;
  let store: Store;
  let broker: LocalBroker;
  let roomId: string;
  let listener: Listener;
  let effects: Effects;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'maru-effects-'));
    store = await openSqliteStore({ folder });
    ({ roomId } = await store.createRoom({ name: 'Room', visibility: 'public', owner: ANN }));
  });
  beforeEach(() => {
    broker = new LocalBroker(store, new Turn());
    listener = new Listener();
    broker.subscribeTopic(TOPIC, listener.as('ann', '0'));
    effects = new Effects({ store, broker });
  });
  afterAll(async () => {
    await store.close();
    await rm(folder, { recursive: true });
  });

  /** A unit that publishes `text`, after appending it if a room is named. */
  const unit = (text: string | null, rooms: readonly string[] = []): UnitOfWork => {
    const work = new UnitOfWork();
    for (const room of rooms) {
      work.appends.push({ kind: 'message', roomId: room, content: text ?? 'kept', sender: ANN });
    }
    if (text !== null) work.publications.push({ topic: TOPIC, publication: publicationOf({ body: text }) });
    return work;
  };
  const heard = () => listener.messages.map(({ body }) => Buffer.from(body).toString());

  test('what only publishes has done so when it returns', () => {
    expect(effects.carryOut(unit('at once'))).toEqual([]);
    expect(heard()).toEqual(['at once']);
  });

  test('what is published with an append comes when that is durable', async () => {
    const carried = effects.carryOut(unit('after', [roomId]));
    expect(heard()).toEqual([]);
    const [appended] = await carried;
    expect(heard()).toEqual(['after']);
    expect(appended?.entry).toMatchObject({ roomId, content: 'after', senderId: 'ann' });
  });

  test('several appends come back in their order, with the seqs of one commit', async () => {
    const appended = await effects.carryOut(unit(null, [roomId, roomId, roomId]));
    const seqs = appended.map(({ entry }) => entry?.seq);
    expect(seqs).toEqual([seqs[0], Number(seqs[0]) + 1, Number(seqs[0]) + 2]);
  });

  test.each([[['nowhere']], [[0, 'nowhere']], [['nowhere', 0]]])(
    'with an append that is refused (%j) nothing is published and nothing is appended',
    async (rooms) => {
      const before = await store.findStanding(roomId, 'ann');
      const work = unit(
        'never',
        rooms.map((room) => (room === 0 ? roomId : String(room))),
      );
      await expect(effects.carryOut(work)).rejects.toMatchObject({ code: 'room-not-found' });
      expect(heard()).toEqual([]);
      expect((await store.findStanding(roomId, 'ann'))?.head).toBe(before?.head);
    },
  );

  test('what is published later comes later, also when what was before waits for the store', async () => {
    const all = [
      effects.carryOut(unit('1', [roomId])),
      effects.carryOut(unit('2')),
      effects.carryOut(unit('3', [roomId])),
      effects.carryOut(unit('4')),
    ];
    expect(heard()).toEqual([]);
    await all[1];
    expect(heard().slice(0, 2)).toEqual(['1', '2']);
    await Promise.all(all);
    expect(heard()).toEqual(['1', '2', '3', '4']);
    effects.carryOut(unit('5'));
    expect(heard()).toEqual(['1', '2', '3', '4', '5']);
  });

  test('one that fails in the middle leaves the order of the others as it was', async () => {
    const slow = effects.carryOut(unit('1', [roomId]));
    const failing = effects.carryOut(unit('2', ['nowhere']));
    const last = effects.carryOut(unit('3'));
    await Promise.allSettled([failing, slow, last]);
    expect(heard()).toEqual(['1', '3']);
  });

  test('what another session publishes does not wait', () => {
    const waiting = effects.carryOut(unit('mine', [roomId]));
    new Effects({ store, broker }).carryOut(unit('theirs'));
    expect(heard()).toEqual(['theirs']);
    return waiting;
  });

  test('what only appends waits for nobody, and nobody for it', async () => {
    const kept = effects.carryOut(unit(null, [roomId]));
    effects.carryOut(unit('at once'));
    expect(heard()).toEqual(['at once']);
    await kept;
  });

  test('entries of every kind are one commit, in their order; what changes nothing has the entry that made it so', async () => {
    const work = new UnitOfWork();
    const { entry } = await store.appendMessage({ roomId, content: 'first', sender: ANN });
    const about = { roomId, messageId: entry.messageId, sender: ANN };
    work.appends.push(
      { kind: 'edit', ...about, content: 'second' },
      { kind: 'react', ...about, emoji: '👍', remove: false },
      { kind: 'edit', ...about, content: 'second' },
      { kind: 'react', ...about, emoji: '🎂', remove: true },
      { kind: 'delete', ...about },
    );
    const appended = await effects.carryOut(work);
    expect(appended.map(({ entry: made, duplicate }) => [made?.type, made?.seq, duplicate])).toEqual([
      ['message.edited', entry.seq + 1, false],
      ['reaction.added', entry.seq + 2, false],
      ['message.edited', entry.seq + 1, true],
      [undefined, undefined, true],
      ['message.deleted', entry.seq + 3, false],
    ]);
  });

  test('one change alone that is refused keeps its publication back', async () => {
    const work = unit('never');
    work.appends.push({ kind: 'delete', roomId, messageId: 'none', sender: ANN });
    await expect(effects.carryOut(work)).rejects.toMatchObject({ code: 'message-not-found' });
    expect(heard()).toEqual([]);
  });

  test('signals come in their turn with what is published, before and after an append', async () => {
    const signals = new Listener();
    await broker.subscribeSignals(roomId, signals.as('ann', 's'));
    const read = (userId: string) => ({ type: 'read', roomId, userId, seq: 1 }) as const;
    const kept = unit(null, [roomId]);
    kept.publications.push({ signal: read('1') });
    const first = effects.carryOut(kept);
    const work = new UnitOfWork();
    work.publications.push({ signal: read('2') }, { signal: read('3') });
    effects.carryOut(work);
    const moved = () =>
      signals.messages
        .map(({ body }) => JSON.parse(Buffer.from(body).toString()))
        .filter(({ type }) => type === 'read')
        .map(({ userId }) => userId);
    expect(moved()).toEqual([]);
    await first;
    while (moved().length < 3) await signals.heard();
    expect(moved()).toEqual(['1', '2', '3']);
  });
});
