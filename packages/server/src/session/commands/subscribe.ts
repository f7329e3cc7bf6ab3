// SUBSCRIBE: to a room's log, for members, live from the head that its RECEIPT names; or to a topic.
import { isPattern, MaruError, roomOfDestination, USER_DESTINATIONS } from '@maru/contract';
import { encodeHeaderLine, type FrameHeaders } from '@maru/stomp';
import type { Subscriber } from '../../broker/broker.ts';
import { isUserDestination } from '../../handlers/topic-rule.ts';
import type { Principal } from '../../identity/principal.ts';
import type { ClientFrame, Session, Subscription } from '../session.ts';
import { windowOf } from '../window.ts';
import { type Answer, blocking, DONE, type Pending } from './command.ts';
import { header, requireAllowed } from './required.ts';

export function subscribe(session: Session, frame: ClientFrame): Answer | Pending {
  requireAllowed(session, frame);
  const { subscriptions, services, principal } = session;
  const { headers } = frame;
  const destination = header(frame, 'destination');
  if (isPattern(destination)) throw new MaruError('pattern-not-allowed');
  const id = subscriptionKey(headers.get('id'), destination);
  if (subscriptions.has(id)) throw new MaruError('duplicate-subscription');
  const window = windowOf(session, headers);
  if (subscriptions.size >= services.limits.subscriptions) throw new MaruError('too-many-subscriptions');
  if (principal === null) throw new MaruError('not-connected');

  const subscription: Subscription = { id, destination, window, live: null };
  if (destination === USER_DESTINATIONS.errors) return hearErrors(session, headers, subscription);
  if (destination === USER_DESTINATIONS.rooms) {
    return blocking(subscribeRoomList(session, principal, headers, subscription));
  }
  const roomId = roomOfDestination(destination);
  return blocking(
    roomId === undefined
      ? subscribeTopic(session, principal, headers, subscription)
      : subscribeRoom(session, principal, headers, subscription, roomId),
  );
}

/** A STOMP 1.0 subscription may have no id; its destination then stands for it (STOMP 1.0 §SUBSCRIBE). */
export function subscriptionKey(id: string | undefined, destination: string): string {
  return id === undefined ? `destination:${destination}` : `id:${id}`;
}

async function subscribeRoom(
  session: Session,
  principal: Principal,
  headers: FrameHeaders,
  subscription: Subscription,
  roomId: string,
): Promise<Answer> {
  if (headers.has('from-seq')) {
    // Refused rather than ignored: whoever asks would otherwise miss messages without knowing it.
    throw new MaruError('unsupported-frame', { message: 'This server does not offer from-seq yet' });
  }
  const live = await session.services.broker.subscribe(
    roomId,
    subscriberOf(session, principal, headers, subscription),
  );
  enter(session, subscription, live);
  return {
    receipt: [
      ['seq', String(live.head)],
      ['log-epoch', live.epoch],
    ],
  };
}

async function subscribeTopic(
  session: Session,
  principal: Principal,
  headers: FrameHeaders,
  subscription: Subscription,
): Promise<Answer> {
  const { services } = session;
  const { destination } = subscription;
  const found = services.topics.find(destination);
  if (found === undefined) throw new MaruError('unknown-destination');
  const isMember = (roomId: string) => services.isMember(roomId, principal.userId);
  const { item: rule, parameters } = found;
  // A rule that answers nothing keeps everybody out.
  const may = !rule.maySubscribe || (await rule.maySubscribe({ principal, parameters, isMember })) === true;
  if (!may) throw new MaruError('access-denied');
  const topic = { destination, userId: isUserDestination(destination) ? principal.userId : null };
  const subscriber = subscriberOf(session, principal, headers, subscription);
  enter(session, subscription, services.broker.subscribeTopic(topic, subscriber));
  return DONE;
}

async function subscribeRoomList(
  session: Session,
  principal: Principal,
  headers: FrameHeaders,
  subscription: Subscription,
): Promise<Answer> {
  const { broker, roomLists } = session.services;
  const topic = { destination: USER_DESTINATIONS.rooms, userId: principal.userId };
  const heard = broker.subscribeTopic(topic, subscriberOf(session, principal, headers, subscription));
  try {
    const unwatch = await roomLists.watch(principal.userId);
    enter(session, subscription, {
      resume: heard.resume,
      unsubscribe: () => {
        heard.unsubscribe();
        unwatch();
      },
    });
    return DONE;
  } catch (error) {
    heard.unsubscribe();
    throw error;
  }
}

function hearErrors(session: Session, headers: FrameHeaders, subscription: Subscription): Answer {
  if (subscription.window !== null) {
    // A denial must always arrive, so none may wait for an acknowledgement.
    throw new MaruError('invalid-header', { message: `ack must be auto on ${USER_DESTINATIONS.errors}` });
  }
  const heard = session.errorQueue.subscribe(headers.get('id'));
  enter(session, subscription, { ...heard, resume: () => {} });
  return DONE;
}

function enter(session: Session, subscription: Subscription, live: NonNullable<Subscription['live']>): void {
  // The socket may have gone while the store was read; whoever released the session didn't know of this one.
  if (session.ended) return live.unsubscribe();
  subscription.live = live;
  session.subscriptions.set(subscription.id, subscription);
}

function subscriberOf(
  session: Session,
  { userId }: Principal,
  headers: FrameHeaders,
  subscription: Subscription,
): Subscriber {
  const { version = '1.2' } = session;
  const id = headers.get('id');
  return {
    userId,
    version,
    opcode: session.opcode,
    headLine: id === undefined ? '' : encodeHeaderLine('subscription', id, version),
    outlet: session.outlet,
    window: subscription.window,
    onEnded: () => session.subscriptionEnded(subscription, id),
    onFailed: (error) => session.fail(error),
  };
}
