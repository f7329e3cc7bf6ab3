// NACK: the message was not consumed. It stays in its room's log, frees its place like an ACK, and is counted.
import type { ClientFrame, Session } from '../session.ts';
import { acknowledge } from './acknowledgement.ts';
import type { Answer } from './command.ts';

export function nack(session: Session, frame: ClientFrame): Answer {
  return acknowledge(session, frame, (messages) => {
    session.services.counts.nacks += messages;
  });
}
