// ABORT: nothing of the transaction takes effect (STOMP 1.2 §ABORT).
import type { ClientFrame, Session } from '../session.ts';
import { type Answer, DONE } from './command.ts';
import { header, requireAllowed } from './required.ts';

export function abort(session: Session, frame: ClientFrame): Answer {
  requireAllowed(session, frame);
  session.transactions.end(header(frame, 'transaction'));
  return DONE;
}
