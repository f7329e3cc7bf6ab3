// What ACK and NACK have in common: which message of which subscription, now or at COMMIT (STOMP 1.2 §ACK, §NACK).
import { MaruError } from '@maru/contract';
import type { ClientFrame, Session, Subscription } from '../session.ts';
import { readAck, type Unacknowledged } from '../unacknowledged.ts';
import { type Answer, DONE } from './command.ts';
import { header, requireAllowed } from './required.ts';
import { subscriptionKey } from './subscribe.ts';

type Acknowledged = {
  readonly subscription: Subscription;
  readonly window: Unacknowledged;
  readonly messageId: string;
};

/** @param onSettled told how many messages it was, once it takes effect. */
export function acknowledge(
  session: Session,
  frame: ClientFrame,
  onSettled: (messages: number) => void,
): Answer {
  requireAllowed(session, frame);
  const found = findAcknowledged(session, frame);
  if (found.length === 0) throw new MaruError('unknown-ack');
  const settle = (): void => {
    for (const { subscription, window, messageId } of found) {
      onSettled(window.settle(messageId));
      subscription.live?.resume();
    }
  };
  const transaction = frame.headers.get('transaction');
  if (transaction === undefined) {
    settle();
    return DONE;
  }
  const covers = (window: Unacknowledged, messageId: string): boolean =>
    found.some((each) => each.window === window && window.covers(each.messageId, messageId));
  session.transactions.get(transaction).add({ settle, covers }, 0);
  return DONE;
}

/** 1.2 names the message by the `ack` header of its MESSAGE, 1.1 by subscription and message-id, 1.0 by message-id alone. */
function findAcknowledged(session: Session, frame: ClientFrame): readonly Acknowledged[] {
  const { headers } = frame;
  const all = [...session.subscriptions.values()];
  if (session.version === '1.2') {
    const ack = readAck(header(frame, 'id'));
    if (ack === undefined) return [];
    const subscription = all.find(({ window }) => window?.number === ack.number);
    return waiting(session, subscription, ack.messageId);
  }
  const messageId = header(frame, 'message-id');
  if (headers.has('subscription')) {
    const id = subscriptionKey(header(frame, 'subscription'), '');
    return waiting(session, session.subscriptions.get(id), messageId);
  }
  return all.flatMap((subscription) => waiting(session, subscription, messageId));
}

function waiting(
  session: Session,
  subscription: Subscription | undefined,
  messageId: string,
): readonly Acknowledged[] {
  const window = subscription?.window;
  if (subscription === undefined || !window?.has(messageId)) return [];
  if (session.transactions.covers(window, messageId)) return [];
  return [{ subscription, window, messageId }];
}
