// What the suite says at its end: how each client did, and which could not run here.
import { CLIENTS } from './clients.ts';
import { missingRuntimes, RUNTIMES } from './runtimes.ts';

export type TestResult = { readonly ancestorTitles: readonly string[]; readonly status: string };

/** Prints a line for each client that ran; returns one for each that did not. */
export function reportClients(tests: readonly TestResult[]): string[] {
  const missing = missingRuntimes();
  const here = CLIENTS.filter(({ runtime }) => !missing.includes(runtime));
  for (const { name } of here) {
    const own = tests.filter(({ ancestorTitles }) => ancestorTitles.includes(name));
    const passed = own.filter(({ status }) => status === 'passed').length;
    console.log(`${name}: ${passed} passed, ${own.length - passed} failed`);
  }
  return CLIENTS.filter((client) => !here.includes(client)).map(
    ({ name, runtime }) => `${name}: no ${RUNTIMES[runtime].name} found`,
  );
}
