// A run: everybody connected, everybody dropped at once, by the network and by kill -9, and how they all came back.
import { Maru, type Role } from '../topology.ts';
import { Crowd, openCrowdIssuer, type Return } from './crowd.ts';
import { requireOpenFiles } from './open-files.ts';

export type StormOptions = {
  readonly topology: 'together' | 'apart';
  readonly many: number;
  readonly perRoom: number;
  readonly admittedPerSecond: number;
  /** A line for each part. */
  readonly tell: (line: string) => void;
};

export type Storm = Return & { readonly cause: Cause; readonly boundMs: number };

/** What drops them: their network, or the end of the process that all connections go to. */
type Cause = 'cut' | 'killed';

/** Whose end takes all connections along. */
const DOORS = { together: 'chat', apart: 'gateway' } as const satisfies Record<string, Role>;

/**
 * Twice what the door needs for all of them, and what comes on top: the start of a process, a client's own waits, which double
 * with each try, and a machine that runs both sides.
 */
const SLACK_MS = 20_000;

export async function runStorm(options: StormOptions): Promise<readonly Storm[]> {
  const { topology, many, perRoom, admittedPerSecond, tell } = options;
  // The gateway has two for each.
  requireOpenFiles(topology === 'apart' ? 2 * many : many);
  const issuer = await openCrowdIssuer();
  const maru = new Maru(topology, {
    ...issuer.settings,
    'chat.admittedPerSecond': admittedPerSecond,
    // All come from a few addresses.
    'chat.connectsPerSecond': 100_000,
    'log.level': 'warn',
  });
  let crowd: Crowd | undefined;
  try {
    await maru.start();
    const began = performance.now();
    crowd = await Crowd.gather(maru, issuer, { many, perRoom });
    await crowd.enter();
    tell(`${topology}: ${many} are in after ${seconds(performance.now() - began)} of making them`);
    const boundMs = SLACK_MS + (2_000 * many) / admittedPerSecond;
    const storms: Storm[] = [];
    const { visitors } = crowd;
    const drops: Record<Cause, () => unknown> = {
      cut: () => {
        for (const visitor of visitors) visitor.drop();
      },
      killed: async () => {
        await maru.end(DOORS[topology], 'SIGKILL');
        await maru.restart();
      },
    };
    for (const [cause, drop] of Object.entries(drops) as [Cause, () => unknown][]) {
      const returned = await crowd.storm(drop, boundMs);
      storms.push({ ...returned, cause, boundMs });
      tell(`${topology}: ${tellStorm({ ...returned, cause, boundMs })}`);
      await crowd.write(`after ${cause}`);
      await crowd.heardAll();
    }
    if (crowd.breaches.length > 0) throw new Error(crowd.breaches.slice(0, 5).join('\n'));
    tell(`${topology}: everybody has heard all of their room, each entry once`);
    return storms;
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${maru.output.slice(-4_000)}`, { cause: error });
  } finally {
    crowd?.leave();
    await maru.stop();
    await issuer.close();
  }
}

function tellStorm({ cause, times, tries, told, peak, boundMs }: Storm): string {
  const at = (share: number) => seconds(quantile(times, share));
  return (
    `${cause}: all back; p50 ${at(0.5)}, p99 ${at(0.99)}, the last ${at(1)} (bound ${seconds(boundMs)}); ` +
    `${told} were told to come later, tries p50 ${quantile(tries, 0.5)}, at most ${quantile(tries, 1)}; ` +
    `at most ${peak} CONNECTED in a second`
  );
}

export function quantile(ascending: readonly number[], share: number): number {
  return ascending[Math.ceil(share * ascending.length) - 1] ?? Number.NaN;
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
