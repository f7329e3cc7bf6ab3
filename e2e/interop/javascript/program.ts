// The frame of a client program in JavaScript: commands from standard input, events to standard output.
import { createInterface } from 'node:readline';
import type { Command, Event } from '../dialogue.ts';

/** What a program does at each command. */
export type Actions = {
  readonly [C in Command as C['do']]: (command: C) => void;
};

export function tell(event: Event): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

/** Ends the program when all it told has been read. */
export function end(): void {
  process.stdout.write(`${JSON.stringify({ event: 'closed' } satisfies Event)}\n`, () => process.exit(0));
}

/** Obeys until the connection has ended, or whoever commands is gone. */
export function obey(actions: Actions): void {
  const lines = createInterface({ input: process.stdin });
  lines.on('line', (line) => {
    const command = JSON.parse(line) as Command;
    // The compiler can't see that a command and its action are of one kind.
    (actions[command.do] as (command: Command) => void)(command);
  });
  lines.on('close', () => process.exit(0));
}
