// BEGIN: frames that name this transaction take effect at its COMMIT, all of them or none (STOMP 1.2 §BEGIN).
import type { ClientFrame, Session } from '../session.ts';
import { type Answer, DONE } from './command.ts';
import { header, requireAllowed } from './required.ts';

export function begin(session: Session, frame: ClientFrame): Answer {
  requireAllowed(session, frame);
  session.transactions.begin(header(frame, 'transaction'));
  return DONE;
}
