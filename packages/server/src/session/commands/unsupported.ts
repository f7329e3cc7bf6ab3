// ACK, NACK and transactions: refused in words until they come, never swallowed.
import { MaruError } from '@maru/contract';
import type { ClientFrame, Session } from '../session.ts';
import type { Answer } from './command.ts';
import { requireAllowed } from './required.ts';

export function unsupported(session: Session, frame: ClientFrame): Answer {
  requireAllowed(session, frame);
  throw new MaruError('unsupported-frame', { message: `This server does not offer ${frame.command} yet` });
}
