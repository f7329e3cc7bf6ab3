// `npm run check`: format and lint, types, what is unused.
import { commandOf, run } from './command.ts';
import { runParts } from './suites.ts';

const CHECKS = [
  {
    name: 'Biome: format and lint',
    command: () => commandOf('@biomejs/biome', 'biome'),
    args: ['check', '.'],
  },
  { name: 'TypeScript', command: () => commandOf('typescript', 'tsc'), args: ['-p', '.'] },
  { name: 'knip: nothing unused', command: () => commandOf('knip'), args: [] },
  {
    name: 'architecture',
    command: () => commandOf('vitest'),
    args: ['run', '--project', 'architecture', '--reporter=dot'],
  },
];

await runParts(
  CHECKS.map(({ name, command, args }) => ({
    name,
    run: async () =>
      (await run(command(), args)) === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 },
  })),
);
