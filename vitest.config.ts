import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // Unhandled errors fail the run (vitest's default); so does a test file without a test.
    passWithNoTests: false,
    pool: 'forks',
    projects: [
      { test: { name: 'unit', include: ['packages/*/test/**/*.test.ts', 'scripts/test/**/*.test.ts'] } },
      { test: { name: 'e2e', include: ['e2e/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 } },
    ],
  },
});
