// Room lists and signals at one service, of what is written at another, without a bus between them.

import { type RoomListEvent, roomListEventSchema } from '@maru/contract';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Turn } from '../../src/broker/turn.ts';
import { readConfig } from '../../src/config.ts';
import { openBroker } from '../../src/open-broker.ts';
import { openPostgresStore } from '../../src/store/postgres/postgres-store.ts';
import { Counts } from '../../src/telemetry/counts.ts';
import { createLog } from '../../src/telemetry/log.ts';
import { type Postgres, startPostgres } from '../engines/postgres.ts';
import { Listener } from './listener.ts';

const ANN = { userId: 'ann', name: 'Ann' };
const BOB = { userId: 'bob', name: 'Bob' };
/** Lists are compared five times as rarely. */
const HEAD_MS = 100;

let postgres: Postgres;
beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);
afterAll(() => postgres?.stop());

/** Without any bus: all that one hears of the other is found in the database. */
async function openService(url: string) {
  const config = readConfig({ settings: { database: { url }, bus: { headMs: HEAD_MS } } });
  const store = await openPostgresStore({ url });
  const opened = await openBroker(config, store, new Turn(), {
    log: createLog('error'),
    counts: new Counts(),
  });
  return {
    ...opened,
    store,
    close: async () => {
      opened.close();
      await store.close();
    },
  };
}

test('without a bus: a list shows messages of the other service, and who was removed there hears no more signals', {
  timeout: 60_000,
}, async () => {
  const url = await postgres.newDatabase();
  const [one, two] = [await openService(url), await openService(url)];
  const { roomId } = await one.store.createRoom({ name: 'x', visibility: 'public', owner: ANN });
  await one.store.join(roomId, BOB, 'member');

  const list = new Listener();
  two.broker.subscribeTopic({ destination: '/user/queue/rooms', userId: 'bob' }, list.as('bob', 'l'));
  const end = await two.roomLists.watch('bob');
  const signals = new Listener();
  await two.broker.subscribeSignals(roomId, signals.as('bob', 's'));
  const eventOf = async (isIt: (event: RoomListEvent) => boolean) => {
    for (;;) {
      const events = list.messages.map(({ body }) =>
        roomListEventSchema.parse(JSON.parse(Buffer.from(body).toString())),
      );
      const found = events.find(isIt);
      if (found !== undefined) return found;
      await list.heard();
    }
  };

  await one.store.appendMessage({ roomId, sender: ANN, content: 'hello' });
  expect(await eventOf(({ type }) => type === 'room.updated')).toMatchObject({
    unread: 1,
    lastMessage: { content: 'hello' },
  });
  await one.store.leave(roomId, 'bob');
  expect(await eventOf(({ type }) => type === 'room.removed')).toMatchObject({ roomId });
  // In the same round, for the room is heard once for both.
  expect(signals.ended).toBe(1);
  end();
  await Promise.all([one.close(), two.close()]);
});
