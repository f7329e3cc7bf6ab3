// Maru keeps every requirement of the suite, in every topology: those of STOMP and those of its own contract.
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { signUp } from '../people.ts';
import { describeTopologies } from '../topology.ts';
import { CHECKS } from './checks/index.ts';
import { caseName, casesOf, type Run, runAll } from './run.ts';
import { DEFAULTS } from './target.ts';

/** Deadlines that a test can wait for. */
const SETTINGS = {
  handlers: join(import.meta.dirname, 'handlers.ts'),
  'chat.connectMs': 2_000,
  'chat.unfinishedFrameMs': 2_000,
  'chat.heartBeatMs': 500,
  'chat.tickMs': 50,
} as const;

const CASES = casesOf(CHECKS);

describeTopologies((maru) => {
  const runs = new Map<string, Promise<Run>>();

  // They run side by side, and each test waits for its own.
  beforeAll(async () => {
    const { token } = await signUp(maru, 'Conformance');
    const target = {
      ...DEFAULTS,
      url: maru.chatUrl,
      origin: maru.pageUrl,
      token,
      // A machine that does more than this test must not look like a server that does not answer.
      timeoutMs: 15_000,
    };
    for (const { one, run } of runAll(CASES, target, { atATime: 6 })) runs.set(caseName(one), run);
  });

  test.each(CASES.map(caseName))('%s', async (name) => {
    const run = await runs.get(name);
    expect({ verdict: run?.verdict, seen: run?.seen }, run?.transcript.join('\n')).toMatchObject({
      verdict: 'pass',
    });
    // Of Maru we ask that every refusal is an ERROR, and then a close.
    expect(run?.shortcomings).toEqual([]);
  });
}, SETTINGS);
