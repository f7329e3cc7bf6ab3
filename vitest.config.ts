// The suites of `npm test`, a project each. Unhandled errors fail a run; so does a suite without tests.
import { defineConfig } from 'vitest/config';

const unit = (name: string, include: string[]) => ({
  test: { name, include, testTimeout: 30_000, hookTimeout: 30_000 },
});

export default defineConfig({
  test: {
    passWithNoTests: false,
    pool: 'forks',
    projects: [
      unit('architecture', ['scripts/test/**/*.test.ts']),
      unit('stomp', ['packages/stomp/test/**/*.test.ts']),
      unit('contract', ['packages/contract/test/**/*.test.ts']),
      unit('client', ['packages/client/test/**/*.test.ts', 'packages/web/test/**/*.test.ts']),
      unit('server', ['packages/server/test/**/*.test.ts']),
      {
        test: {
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          exclude: ['e2e/interop/**'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Each file runs processes of its own on two cores.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'interop',
          include: ['e2e/interop/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
});
