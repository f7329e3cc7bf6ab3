// Who hears what: the broker, the room lists and, with several services, the bus between them; all fed by the store's commits.
import type { Bus } from './broker/bus.ts';
import { HeardRooms } from './broker/heard-rooms.ts';
import { LocalBroker } from './broker/local-broker.ts';
import { RoomHeads } from './broker/room-heads.ts';
import { RoomListFeed } from './broker/room-list-feed.ts';
import type { Turn } from './broker/turn.ts';
import type { Config } from './config.ts';
import type { Committed, Store } from './store/store.ts';
import type { Counts } from './telemetry/counts.ts';
import type { Logger } from './telemetry/log.ts';
import { SparseLog } from './telemetry/sparse-log.ts';

/** Rooms of lists and of signals are many more, and may be so many times later. */
const LISTED_TIMES = 5;

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
  const sparse = new SparseLog({ log, level: 'error' });
  const onFailure = (error: unknown) =>
    sparse.tell('heads', { err: error }, 'rooms could not be compared with the database');
  // To the embedded database nobody else writes.
  const heard =
    config.database.url === undefined
      ? undefined
      : new HeardRooms({
          store,
          bus,
          tell: (committed) => {
            broker.hearInOrder(committed);
            roomLists.publish([committed]);
          },
          onFailure,
        });
  const broker = new LocalBroker(store, turn, counts, {
    messagesAsSignals: config.destinations.legacyRooms,
    bus,
    heard,
    presenceMs: config.bus.presenceMs,
    onRead: (committed) => hearEntries([committed]),
  });
  const roomLists = new RoomListFeed({
    store,
    broker,
    bus,
    heard,
    onFailure: (error) => log.error({ err: error }, 'a room for a room list could not be read'),
  });
  const hearEntries = (entries: readonly Committed[]): void => {
    if (heard === undefined) return roomLists.publish(entries);
    for (const committed of entries)
      if (committed.entry.type === 'member.joined') roomLists.hearJoined(committed);
    heard.publish(entries);
  };
  // Committed first, then published: no entry is heard that could still be lost.
  store.onCommitted((entries) => {
    bus?.publish(entries);
    broker.publish(entries);
    hearEntries(entries);
  });
  bus?.listen({
    onEntries(entries) {
      broker.publish(entries);
      hearEntries(entries);
    },
    onJoined: (joined) => roomLists.hearJoined(joined),
    onMarked: (marked) => roomLists.hearMarked(marked),
    onSignal: (signal) => broker.hearSignal(signal),
    onPresence: (roomId, word) => broker.hearPresence(roomId, word),
    onNode: (word) => broker.hearNode(word),
  });
  const { headMs } = config.bus;
  const compared =
    heard === undefined
      ? []
      : [
          new RoomHeads({ store, rooms: broker.rooms, everyMs: headMs, onFailure }),
          new RoomHeads({ store, rooms: heard.rooms, everyMs: LISTED_TIMES * headMs, onFailure }),
        ];
  return {
    broker,
    roomLists,
    bus,
    close() {
      for (const heads of compared) heads.close();
      roomLists.close();
      broker.close();
    },
  };
}

async function openBus({ bus }: Config, log: Logger): Promise<Bus | undefined> {
  if (bus.servers.length === 0) return undefined;
  const { NatsBus } = await import('./broker/nats-bus.ts');
  return new NatsBus({ ...bus, log });
}
