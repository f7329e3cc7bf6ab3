// Who hears what: the broker, the room lists and, with several services, the bus between them; all fed by the store's commits.
import type { Bus } from './broker/bus.ts';
import { LocalBroker } from './broker/local-broker.ts';
import { RoomHeads } from './broker/room-heads.ts';
import { RoomListFeed } from './broker/room-list-feed.ts';
import type { Turn } from './broker/turn.ts';
import type { Config } from './config.ts';
import type { Store } from './store/store.ts';
import type { Counts } from './telemetry/counts.ts';
import type { Logger } from './telemetry/log.ts';
import { SparseLog } from './telemetry/sparse-log.ts';

export type OpenBroker = {
  readonly broker: LocalBroker;
  readonly roomLists: RoomListFeed;
  readonly bus: Bus | undefined;
  /** The bus goes last, by itself: what the store still commits is published. */
  close(): void;
};

export async function openBroker(
  config: Config,
  store: Store,
  turn: Turn,
  { log, counts }: { readonly log: Logger; readonly counts: Counts },
): Promise<OpenBroker> {
  const bus = await openBus(config, log);
  const broker = new LocalBroker(store, turn, counts, {
    messagesAsSignals: config.destinations.legacyRooms,
    bus,
    presenceMs: config.bus.presenceMs,
    onRead: (committed) => roomLists.publish([committed]),
  });
  const roomLists = new RoomListFeed({
    store,
    broker,
    bus,
    onFailure: (error) => log.error({ err: error }, 'a room for a room list could not be read'),
  });
  // Committed first, then published: no entry is heard that could still be lost.
  store.onCommitted((entries) => {
    bus?.publish(entries);
    broker.publish(entries);
    roomLists.publish(entries);
  });
  bus?.listen({
    onEntries(entries) {
      broker.publish(entries);
      roomLists.publish(entries);
    },
    onJoined: (joined) => roomLists.hearJoined(joined),
    onMarked: (marked) => roomLists.hearMarked(marked),
    onSignal: (signal) => broker.hearSignal(signal),
    onPresence: (roomId, word) => broker.hearPresence(roomId, word),
    onNode: (word) => broker.hearNode(word),
  });
  const heads = compareHeads(config, store, broker, log);
  return {
    broker,
    roomLists,
    bus,
    close() {
      heads?.close();
      roomLists.close();
      broker.close();
    },
  };
}

function compareHeads(config: Config, store: Store, { rooms }: LocalBroker, log: Logger): RoomHeads | null {
  // Of the embedded database nobody else writes.
  if (config.database.url === undefined) return null;
  const sparse = new SparseLog({ log, level: 'error' });
  return new RoomHeads({
    store,
    rooms,
    everyMs: config.bus.headMs,
    onFailure: (error) =>
      sparse.tell('heads', { err: error }, 'rooms could not be compared with the database'),
  });
}

async function openBus({ bus }: Config, log: Logger): Promise<Bus | undefined> {
  if (bus.servers.length === 0) return undefined;
  const { NatsBus } = await import('./broker/nats-bus.ts');
  return new NatsBus({ ...bus, log });
}
