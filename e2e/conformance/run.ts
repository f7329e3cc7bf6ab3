// Runs checks against a target: each with connections and destinations of its own, so that several may run at a time.
import type { Check } from './check.ts';
import { Peer } from './peer.ts';
import type { Result, Verdict } from './result.ts';
import type { Version } from './stomp-frame.ts';
import type { Target } from './target.ts';
import { Unmet, Unseen } from './unmet.ts';

export type Run = Result & {
  /** What went over the connections, for whoever looks for the reason. */
  readonly transcript: readonly string[];
  /** How refusals fell short of an ERROR and then a close. */
  readonly shortcomings: readonly string[];
};

/** A check in one version. */
export type Case = { readonly check: Check; readonly version: Version };

export function casesOf(checks: readonly Check[]): Case[] {
  return checks.flatMap((check) => check.versions.map((version) => ({ check, version })));
}

export function caseName({ check: { row, requirement }, version }: Case): string {
  return `${row} ${version}: ${requirement}`;
}

async function runCase({ check, version }: Case, target: Target): Promise<Run> {
  const peer = new Peer(target);
  const { row, requirement, level, ours = false } = check;
  const judged = (verdict: Verdict, seen: string): Run => ({
    row,
    requirement,
    version,
    level,
    ours,
    verdict,
    seen: withoutChance(seen),
    transcript: peer.transcript,
    shortcomings: peer.shortcomings,
  });
  try {
    const seen = (await check.run(peer, version)) ?? '';
    return judged('pass', [...(seen === '' ? [] : [seen]), ...peer.shortcomings].join('; '));
  } catch (error) {
    if (error instanceof Unseen) return judged('unseen', error.message);
    // Anything else is a fault of the suite, and must not pass for one of the server.
    if (error instanceof Unmet) return judged('fail', error.message);
    throw error;
  } finally {
    peer.end();
  }
}

/** Results stay the same from run to run: names that the suite or the server made up are left out. */
function withoutChance(seen: string): string {
  return seen
    .replaceAll(/\bc[0-9a-f]{12}\b/gi, '…')
    .replaceAll(/\bsession-[\w-]{22}/g, 'session-…')
    .replaceAll(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, '…');
}

/**
 * All of them: first those that mostly wait, all at once, so that nothing disturbs their clocks; then the others.
 * The promises are there at once, in the order of the cases.
 */
export function runAll(
  cases: readonly Case[],
  target: Target,
  options: { readonly atATime: number },
): readonly { readonly one: Case; readonly run: Promise<Run> }[] {
  const started = cases.map((one) => ({ one, ...Promise.withResolvers<Run>() }));
  const work = async (mine: Iterator<(typeof started)[number]>): Promise<void> => {
    for (let next = mine.next(); next.done !== true; next = mine.next()) {
      const { one, resolve, reject } = next.value;
      await runCase(one, target).then(resolve, reject);
    }
  };
  const waiting = started.filter(({ one }) => one.check.waits === true);
  const busy = started.filter(({ one }) => one.check.waits !== true);
  void Promise.all(waiting.map((one) => work([one].values()))).then(() => {
    const shared = busy.values();
    return Promise.all(Array.from({ length: options.atATime }, () => work(shared)));
  });
  return started.map(({ one, promise }) => ({ one, run: promise }));
}
