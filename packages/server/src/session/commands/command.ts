// What a command of a client is to the session: a function of the frame, its answer, and whether the mailbox waits for it.
import type { ReceiptHeaders } from '../../handlers/application-handler.ts';
import type { ClientFrame, Session } from '../session.ts';

/** `frame`: what is sent instead of a RECEIPT. `receipt`: headers of the RECEIPT, if one was asked for. */
export type Answer = { readonly frame?: Uint8Array; readonly receipt?: ReceiptHeaders };

export type Command = {
  /** The frames behind it wait until it is answered. */
  readonly blocks: boolean;
  /** Throws or rejects with a MaruError: ERROR, then close. */
  run(session: Session, frame: ClientFrame): Answer | Promise<Answer>;
};

export const DONE: Answer = {};
