// SEND: to the handler of an application destination; answered when what it asked for is durable.
import { MaruError } from '@maru/contract';
import type { ClientFrame, Session } from '../session.ts';
import type { Answer } from './command.ts';
import { header, requireAllowed } from './required.ts';

export function send(session: Session, frame: ClientFrame): Promise<Answer> {
  requireAllowed(session, frame);
  if (session.principal === null) throw new MaruError('not-connected');
  if (frame.headers.has('transaction')) throw new MaruError('unsupported-frame');
  const mapping = session.services.mappings.get(header(frame, 'destination'));
  if (mapping === undefined) throw new MaruError('unknown-destination');
  // The contract's reading of an absent content-type on the built-in destinations: JSON.
  const contentType = frame.headers.get('content-type');
  if (contentType !== undefined && !/^application\/json\s*(;|$)/i.test(contentType)) {
    throw new MaruError('unsupported-content-type');
  }
  return mapping.receive(session.principal, frame.body).then((receipt) => ({ receipt }));
}
