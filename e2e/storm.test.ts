// A short run of `npm run storm`: all who were connected are dropped at once, and come back at the rate of the door.
import { expect, it } from 'vitest';
import { quantile, runStorm, type StormOptions } from './storm/storm.ts';

const STORMS = {
  together: { many: 1_000, admittedPerSecond: 200 },
  apart: { many: 500, admittedPerSecond: 100 },
} as const satisfies Record<StormOptions['topology'], Pick<StormOptions, 'many' | 'admittedPerSecond'>>;

it.each(Object.entries(STORMS) as [StormOptions['topology'], (typeof STORMS)['together']][])(
  '%s: all of them are back in time, by few tries, none before the door takes them, and none has missed a message',
  async (topology, { many, admittedPerSecond }) => {
    const story: string[] = [];
    const storms = await runStorm({
      topology,
      many,
      perRoom: 50,
      admittedPerSecond,
      tell: (line) => story.push(line),
    });
    expect(storms.map(({ cause }) => cause)).toEqual(['cut', 'killed']);
    for (const { cause, times, tries, told } of storms) {
      expect(times, story.join('\n')).toHaveLength(many);
      expect(quantile(tries, 1), story.join('\n')).toBeLessThanOrEqual(8);
      // A second's worth may come in at once, the rest at the rate: however slow the machine is, nobody is back before that.
      const early = times.filter((ms, n) => ms < ((n + 1) / admittedPerSecond - 1) * 1_000);
      expect(early, story.join('\n')).toEqual([]);
      // Else the door had nothing to do.
      if (cause === 'cut') expect(told, story.join('\n')).toBeGreaterThan(0);
    }
  },
  120_000,
);
