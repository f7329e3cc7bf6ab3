// The commands of STOMP: who sends each, whether it may have a body, which headers it needs in each version.
import type { Version } from './version.ts';

export type Sender = 'client' | 'server';

type CommandFacts = {
  readonly sender: Sender;
  /** STOMP 1.2 §Body: only SEND, MESSAGE and ERROR frames may have one. */
  readonly body: boolean;
  /** STOMP 1.2 §Value Encoding: CONNECT and CONNECTED neither escape nor unescape, as 1.0 knows no escapes. */
  readonly escaped: boolean;
  /** Headers that must be there; `null`: the version has no such command. */
  readonly required: Readonly<Record<Version, readonly string[] | null>>;
};

const always = (...names: string[]) => ({ '1.0': names, '1.1': names, '1.2': names });

export const COMMANDS = {
  CONNECT: { sender: 'client', body: false, escaped: false, required: always() },
  // Spelled STOMP, read as CONNECT: a 1.0 client may not send it, but the version is not known when it comes.
  STOMP: { sender: 'client', body: false, escaped: false, required: always() },
  SEND: { sender: 'client', body: true, escaped: true, required: always('destination') },
  SUBSCRIBE: {
    sender: 'client',
    body: false,
    escaped: true,
    required: { '1.0': ['destination'], '1.1': ['destination', 'id'], '1.2': ['destination', 'id'] },
  },
  // 1.0 unsubscribes by destination or by id: neither alone is required.
  UNSUBSCRIBE: {
    sender: 'client',
    body: false,
    escaped: true,
    required: { '1.0': [], '1.1': ['id'], '1.2': ['id'] },
  },
  ACK: {
    sender: 'client',
    body: false,
    escaped: true,
    required: { '1.0': ['message-id'], '1.1': ['message-id', 'subscription'], '1.2': ['id'] },
  },
  NACK: {
    sender: 'client',
    body: false,
    escaped: true,
    required: { '1.0': null, '1.1': ['message-id', 'subscription'], '1.2': ['id'] },
  },
  BEGIN: { sender: 'client', body: false, escaped: true, required: always('transaction') },
  COMMIT: { sender: 'client', body: false, escaped: true, required: always('transaction') },
  ABORT: { sender: 'client', body: false, escaped: true, required: always('transaction') },
  DISCONNECT: { sender: 'client', body: false, escaped: true, required: always() },
  CONNECTED: {
    sender: 'server',
    body: false,
    escaped: false,
    required: { '1.0': ['session'], '1.1': ['version'], '1.2': ['version'] },
  },
  MESSAGE: {
    sender: 'server',
    body: true,
    escaped: true,
    required: {
      '1.0': ['destination', 'message-id'],
      '1.1': ['destination', 'message-id', 'subscription'],
      '1.2': ['destination', 'message-id', 'subscription'],
    },
  },
  RECEIPT: { sender: 'server', body: false, escaped: true, required: always('receipt-id') },
  ERROR: { sender: 'server', body: true, escaped: true, required: always() },
} as const satisfies Record<string, CommandFacts>;

export type Command = keyof typeof COMMANDS;

/** The commands that a sender sends. */
export type CommandOf<S extends Sender> = {
  [C in Command]: (typeof COMMANDS)[C]['sender'] extends S ? C : never;
}[Command];
export type ClientCommand = CommandOf<'client'>;
export type ServerCommand = CommandOf<'server'>;

/** The facts of one command, widened so that they can be asked about any command alike. */
export function factsOf(command: Command): CommandFacts {
  return COMMANDS[command];
}

/** The first header that `command` needs in `version` and that is not there. */
export function missingHeader(
  command: Command,
  headers: { get(name: string): string | undefined },
  version: Version,
): string | undefined {
  return factsOf(command).required[version]?.find((name) => headers.get(name) === undefined);
}
