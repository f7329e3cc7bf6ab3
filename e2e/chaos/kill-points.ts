// When the server is killed: the first time in a round, and again while it comes back.
import type { Random } from '../../packages/stomp/test/fuzz-random.ts';
import type { Cast } from './cast.ts';
import type { Watch } from './watch.ts';

type Moment = { readonly cast: Cast; readonly watch: Watch; readonly random: Random };

/** The most that a transaction may hold (`chat.transactionFrames`). */
const TRANSACTION = 100;

/** Resolves at the moment to kill. */
type KillPoint = (moment: Moment) => Promise<unknown>;

export const KILL_POINTS = {
  'in full flow': ({ watch, random }) => watch.receipts.more(1 + random.below(1_500)),
  'in a burst': ({ cast, watch, random }) => {
    for (const writer of cast.writers) void writer.burst(100 + random.below(900));
    return watch.receipts.more(1 + random.below(800));
  },
  'in a transaction': ({ cast, watch, random }) => {
    for (const writer of cast.writers) void writer.transact(TRANSACTION);
    return watch.receipts.more(random.below(5));
  },
  'as all reconnect': ({ cast, watch, random }) => {
    const { connections } = cast;
    for (const connection of connections) connection.drop();
    return watch.connects.more(1 + random.below(connections.length));
  },
  'as readers catch up': async ({ cast, watch, random }) => {
    for (const { connection } of cast.readers) connection.drop();
    await watch.connects.more(1 + random.below(cast.readers.length));
    await watch.deliveries.more(1 + random.below(200));
  },
} as const satisfies Record<string, KillPoint>;

export type KillPointName = keyof typeof KILL_POINTS;

type Starting = Moment & {
  /** How long a start takes at most, as it seems. */
  readonly usualMs: number;
};

/** Resolves at the moment to kill what is starting. */
type Aftershock = (starting: Starting) => Promise<unknown>;

export const AFTERSHOCKS = {
  'starting up': ({ random, usualMs }) =>
    new Promise((resolve) => setTimeout(resolve, random.below(usualMs * 1.2))),
  'at a return': ({ cast, watch, random }) => watch.connects.more(1 + random.below(cast.connections.length)),
  'at a repetition': ({ watch, random }) => watch.receipts.more(1 + random.below(30)),
  'catching up': ({ watch, random }) => watch.deliveries.more(1 + random.below(400)),
} as const satisfies Record<string, Aftershock>;

export type AftershockName = keyof typeof AFTERSHOCKS;

export function namesOf<T extends object>(table: T): readonly (keyof T)[] {
  return Object.keys(table) as (keyof T)[];
}
