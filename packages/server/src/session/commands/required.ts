// What every frame but CONNECT must have before it is looked at further.
import { MaruError } from '@maru/contract';
import { missingHeader } from '@maru/stomp';
import { authorize } from '../../authorization/access-rules.ts';
import type { ClientFrame, Session } from '../session.ts';

/**
 * The headers its command needs in the session's version, then the access rules, on the first `destination` header:
 * the very string that is routed afterwards (AZ08).
 */
export function requireAllowed(session: Session, frame: ClientFrame): void {
  const missing = missingHeader(frame.command, frame.headers, session.version ?? '1.2');
  if (missing !== undefined) {
    throw new MaruError('missing-header', { message: `${frame.command} needs the header ${missing}` });
  }
  // On any other command a destination header is a user header and means nothing.
  const addressed = frame.command === 'SEND' || frame.command === 'SUBSCRIBE';
  const destination = addressed ? frame.headers.get('destination') : undefined;
  const { topics } = session.services;
  authorize(
    frame.command,
    destination,
    session.principal,
    (own) => topics.find(own)?.item.maySend !== undefined,
  );
}

/** A header of the frame that `requireAllowed` has found to be there. */
export function header(frame: ClientFrame, name: string): string {
  return frame.headers.get(name) ?? '';
}
