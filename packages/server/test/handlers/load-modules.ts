// Loads the handler modules it is told to, by Node itself, and prints what came of each: a child of the tests beside it.
import { loadHandlerModule } from '../../src/handlers/handler-module.ts';

/** `isPlain`: of the problems that the command line shows without a stack. */
export type Outcome = {
  readonly destinations?: readonly string[];
  readonly problem?: string;
  readonly isPlain?: boolean;
};

const outcomes: Record<string, Outcome> = {};
for (const file of process.argv.slice(2)) {
  outcomes[file] = await loadHandlerModule(file).then(
    ({ destinations = [], topics = [] }) => ({
      destinations: [...destinations, ...topics].map(({ destination }) => destination),
    }),
    (error: Error) => ({
      problem: error.message,
      isPlain: error.constructor === Error && !('code' in error),
    }),
  );
}
console.log(JSON.stringify(outcomes));
