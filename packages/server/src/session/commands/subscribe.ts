// SUBSCRIBE: to a room's log, for members, live from the head that its RECEIPT names; or to a topic.
import {
  isPattern,
  MaruError,
  roomOfDestination,
  roomOfSignalDestination,
  USER_DESTINATIONS,
} from '@maru/contract';
import { encodeHeaderLine, type FrameHeaders } from '@maru/stomp';
import type { From, Subscriber } from '../../broker/broker.ts';
import { isUserDestination, subjectOf } from '../../handlers/topic-rule.ts';
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
  if (roomId !== undefined) {
    return blocking(subscribeRoom(session, principal, headers, subscription, roomId));
  }
  const signals = roomOfSignalDestination(destination);
  return blocking(
    signals === undefined
      ? subscribeTopic(session, principal, headers, subscription)
      : subscribeSignals(session, principal, headers, subscription, signals),
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
  const live = await session.services.broker.subscribe(
    roomId,
    subscriberOf(session, principal, headers, subscription),
    fromOf(headers),
  );
  enter(session, subscription, live);
  return {
    receipt: [
      ['seq', String(live.head)],
      ['log-epoch', live.epoch],
    ],
  };
}

/** Typing, read markers and presence of a room. */
async function subscribeSignals(
  session: Session,
  principal: Principal,
  headers: FrameHeaders,
  subscription: Subscription,
  roomId: string,
): Promise<Answer> {
  const subscriber = subscriberOf(session, principal, headers, subscription);
  enter(session, subscription, await session.services.broker.subscribeSignals(roomId, subscriber));
  return DONE;
}

/** From where a room's log is to be read; `null`: live from now. @throws MaruError `invalid-header` */
function fromOf(headers: FrameHeaders): From | null {
  const text = headers.get('from-seq');
  const epoch = headers.get('log-epoch');
  if (text === undefined) {
    // An epoch alone asks for nothing; whoever sends it has left out what it was for.
    if (epoch === undefined) return null;
    throw new MaruError('missing-header', {
      message: 'log-epoch says of which log from-seq is: it needs from-seq',
    });
  }
  if (!/^(0|[1-9]\d{0,14})$/.test(text)) {
    throw new MaruError('invalid-header', { message: 'from-seq must be the seq of an entry, or 0 for all' });
  }
  return { seq: Number(text), epoch };
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
  const { item: rule, parameters } = found;
  // A rule that answers nothing keeps everybody out.
  const may =
    !rule.maySubscribe || (await rule.maySubscribe(subjectOf(services, principal, parameters))) === true;
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
