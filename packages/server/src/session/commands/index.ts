// Dispatch: the command of each client frame.
import type { ClientCommand } from '@maru/stomp';
import { abort } from './abort.ts';
import { ack } from './ack.ts';
import { begin } from './begin.ts';
import type { Command } from './command.ts';
import { commit } from './commit.ts';
import { connect } from './connect.ts';
import { disconnect } from './disconnect.ts';
import { nack } from './nack.ts';
import { send } from './send.ts';
import { subscribe } from './subscribe.ts';
import { unsubscribe } from './unsubscribe.ts';

export const COMMANDS: Readonly<Record<ClientCommand, Command>> = {
  CONNECT: connect,
  STOMP: connect,
  SEND: send,
  SUBSCRIBE: subscribe,
  UNSUBSCRIBE: unsubscribe,
  DISCONNECT: disconnect,
  ACK: ack,
  NACK: nack,
  BEGIN: begin,
  COMMIT: commit,
  ABORT: abort,
};
