// DISCONNECT: what came before it is answered, what comes after it is not acted on, then close 1000.
import type { ClientFrame, Session } from '../session.ts';
import { type Answer, DONE } from './command.ts';
import { requireAllowed } from './required.ts';

export function disconnect(session: Session, frame: ClientFrame): Answer {
  requireAllowed(session, frame);
  session.leave();
  return DONE;
}
