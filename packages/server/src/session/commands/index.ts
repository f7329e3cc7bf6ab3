// Dispatch: the command of each client frame.
import type { ClientCommand } from '@maru/stomp';
import type { Command } from './command.ts';
import { connect } from './connect.ts';
import { disconnect } from './disconnect.ts';
import { send } from './send.ts';
import { subscribe } from './subscribe.ts';
import { unsubscribe } from './unsubscribe.ts';
import { unsupported } from './unsupported.ts';

export const COMMANDS: Readonly<Record<ClientCommand, Command>> = {
  CONNECT: { run: connect, blocks: true },
  STOMP: { run: connect, blocks: true },
  SEND: { run: send, blocks: false },
  SUBSCRIBE: { run: subscribe, blocks: true },
  UNSUBSCRIBE: { run: unsubscribe, blocks: false },
  DISCONNECT: { run: disconnect, blocks: false },
  ACK: { run: unsupported, blocks: false },
  NACK: { run: unsupported, blocks: false },
  BEGIN: { run: unsupported, blocks: false },
  COMMIT: { run: unsupported, blocks: false },
  ABORT: { run: unsupported, blocks: false },
};
