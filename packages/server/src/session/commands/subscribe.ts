// SUBSCRIBE: to a room's log, for members; live from the head that its RECEIPT names.
import { isPattern, MaruError, roomOfDestination } from '@maru/contract';
import { encodeHeaderLine, type FrameHeaders } from '@maru/stomp';
import type { ClientFrame, Session, Subscription } from '../session.ts';
import type { Answer } from './command.ts';
import { header, requireAllowed } from './required.ts';

export async function subscribe(session: Session, frame: ClientFrame): Promise<Answer> {
  requireAllowed(session, frame);
  const destination = header(frame, 'destination');
  if (isPattern(destination)) throw new MaruError('pattern-not-allowed');
  checkOptions(frame.headers);
  const id = subscriptionKey(frame.headers, destination);
  const { subscriptions, services, principal } = session;
  if (subscriptions.has(id)) throw new MaruError('duplicate-subscription');
  if (subscriptions.size >= services.limits.subscriptions) throw new MaruError('too-many-subscriptions');
  const roomId = roomOfDestination(destination);
  if (roomId === undefined || principal === null) throw new MaruError('unknown-destination');

  const subscription: Subscription = { id, destination, live: null };
  const live = await services.broker.subscribe(roomId, {
    userId: principal.userId,
    headLine: headLine(session, frame.headers.get('id')),
    outlet: session.outlet,
    onEnded: () => {
      subscription.live = null;
    },
  });
  // The socket may have gone while the store was read; whoever released the session didn't know of this one.
  if (session.ended) {
    live.unsubscribe();
    return {};
  }
  subscription.live = live;
  subscriptions.set(id, subscription);
  return {
    receipt: [
      ['seq', String(live.head)],
      ['log-epoch', live.epoch],
    ],
  };
}

/** A STOMP 1.0 subscription may have no id; its destination then stands for it (STOMP 1.0 §SUBSCRIBE). */
export function subscriptionKey(headers: FrameHeaders, destination: string): string {
  const id = headers.get('id');
  return id === undefined ? `destination:${destination}` : `id:${id}`;
}

/** Refused rather than ignored: whoever asks for these would otherwise lose messages without knowing it. */
function checkOptions(headers: FrameHeaders): void {
  const ack = headers.get('ack');
  if (ack !== undefined && !['auto', 'client', 'client-individual'].includes(ack)) {
    throw new MaruError('invalid-header', { message: 'ack must be auto, client or client-individual' });
  }
  if (ack !== undefined && ack !== 'auto') {
    throw new MaruError('unsupported-frame', {
      message: 'This server does not offer ack modes but auto yet',
    });
  }
  if (headers.has('from-seq')) {
    throw new MaruError('unsupported-frame', { message: 'This server does not offer from-seq yet' });
  }
}

function headLine(session: Session, id: string | undefined): string {
  return id === undefined ? '' : encodeHeaderLine('subscription', id, session.version ?? '1.2');
}
