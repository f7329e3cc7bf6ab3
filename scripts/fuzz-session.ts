// Fuzzes whole sessions: scenarios that a seed makes, several at a time, against a chat service in this process.

import { randomScenario, type Scenario } from '../packages/server/test/session/fuzz-scenario.ts';
import { FuzzGround } from '../packages/server/test/session/fuzz-session.ts';
import { Random } from '../packages/stomp/test/fuzz-random.ts';
import { FuzzFiles } from './fuzz-files.ts';
import type { FuzzRun, FuzzVerdict } from './fuzz-run.ts';

const LANES = 8;
/** A ground is left for a new one now and then: what accumulates would hide in hours. */
const GROUND_MS = 60_000;

export async function fuzzSessions(run: FuzzRun): Promise<FuzzVerdict> {
  const endings = new Map<string, number>();
  let runs = 0;
  let failed: { readonly wrong: string; readonly scenario?: Scenario } | undefined;
  const lanes = Array.from({ length: LANES }, (_, number) => new Random(run.seed + number));

  while (run.goesOn() && failed === undefined) {
    const ground = await FuzzGround.open();
    const until = performance.now() + GROUND_MS;
    const lane = async (random: Random, number: number) => {
      while (failed === undefined && run.goesOn() && performance.now() < until) {
        const scenario = randomScenario(random);
        try {
          const ending = await ground.run(scenario, number);
          endings.set(ending, (endings.get(ending) ?? 0) + 1);
        } catch (error) {
          failed ??= { wrong: String(error), scenario };
        }
        runs += 1;
        await run.tell(() => `${runs} sessions, ${endings.size} kinds of ending`);
      }
    };
    await Promise.all(lanes.map(lane));
    await ground.close().catch((error: unknown) => {
      failed ??= { wrong: String(error) };
    });
  }
  const kinds = [...endings].sort(([, a], [, b]) => b - a).map(([ending, count]) => `${count} ${ending}`);
  console.log(`${run.name}: ${kinds.join(', ')}`);
  if (failed === undefined) return { runs };
  const { wrong, scenario } = failed;
  if (scenario === undefined) return { runs, wrong };
  const least = await minimisedScenario(scenario);
  const text = JSON.stringify(least, undefined, 1);
  return { runs, wrong, shown: text, again: new FuzzFiles('session').fail(Buffer.from(text)) };
}

/** Rejects with what is wrong. */
export async function runScenario(input: Uint8Array): Promise<void> {
  const ground = await FuzzGround.open();
  try {
    console.log(await ground.run(JSON.parse(Buffer.from(input).toString()) as Scenario));
  } finally {
    await ground.close();
  }
}

/** Without the steps that it fails without. */
async function minimisedScenario(scenario: Scenario): Promise<Scenario> {
  const ground = await FuzzGround.open();
  const fails = (shorter: Scenario) =>
    ground.run(shorter).then(
      () => false,
      () => true,
    );
  let least = scenario;
  for (let at = least.steps.length - 1; at >= 0; at--) {
    const shorter = { ...least, steps: least.steps.toSpliced(at, 1) };
    if (await fails(shorter)) least = shorter;
  }
  // It failed before; what the bystanders say of it now is nothing new.
  await ground.close().catch((error: unknown) => console.log(`the least one, too: ${error}`));
  return least;
}
