// ACK: the message was consumed; its place is free for the next one.
import type { ClientFrame, Session } from '../session.ts';
import { acknowledge } from './acknowledgement.ts';
import type { Answer } from './command.ts';

export function ack(session: Session, frame: ClientFrame): Answer {
  return acknowledge(session, frame, () => {});
}
