// Finds the command that octets spell, without making a string of them.
import { COMMANDS, type Command } from './commands.ts';

const commands = Object.keys(COMMANDS) as Command[];

/** Octets of the longest command name: a longer line is refused before it has ended. */
export const LONGEST_COMMAND = Math.max(...commands.map((command) => command.length));

// Length and first letter tell all commands apart; a test holds every one of them against this.
const shape = (length: number, first: number) => length * 256 + first;
const BY_SHAPE: ReadonlyMap<number, Command> = new Map(
  commands.map((command) => [shape(command.length, command.charCodeAt(0)), command]),
);

/** The command in `bytes` from `start` to `end`; case counts (STOMP 1.2 §Augmented BNF). */
export function commandIn(bytes: Uint8Array, start: number, end: number): Command | undefined {
  const command = BY_SHAPE.get(shape(end - start, bytes[start] ?? 0));
  if (command === undefined) return undefined;
  for (let i = 1; i < command.length; i++) {
    if (bytes[start + i] !== command.charCodeAt(i)) return undefined;
  }
  return command;
}
