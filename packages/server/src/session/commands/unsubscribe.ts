// UNSUBSCRIBE: nothing of that subscription is sent after its RECEIPT.
import { MaruError } from '@maru/contract';
import type { ClientFrame, Session } from '../session.ts';
import { type Answer, DONE } from './command.ts';
import { requireAllowed } from './required.ts';
import { subscriptionKey } from './subscribe.ts';

export function unsubscribe(session: Session, frame: ClientFrame): Answer {
  requireAllowed(session, frame);
  const { headers } = frame;
  const destination = headers.get('destination');
  // STOMP 1.0 §UNSUBSCRIBE: by id or by destination.
  if (!headers.has('id') && destination === undefined) {
    throw new MaruError('missing-header', { message: 'UNSUBSCRIBE needs the header id or destination' });
  }
  const key = subscriptionKey(headers.get('id'), destination ?? '');
  const subscription = session.subscriptions.get(key);
  if (subscription === undefined) throw new MaruError('unknown-subscription');
  session.subscriptions.delete(key);
  subscription.live?.unsubscribe();
  return DONE;
}
