// The version of this package, and the Node it needs.
import { readFileSync } from 'node:fs';

export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
).version;

const LEAST_NODE = 26;

/** @returns what is wrong with the running Node, or `null`. */
export function nodeProblem(version = process.versions.node): string | null {
  if (Number.parseInt(version, 10) >= LEAST_NODE) return null;
  return `Maru needs Node ${LEAST_NODE} or newer and this is ${version}; in a checkout \`npm start\` brings its own`;
}
