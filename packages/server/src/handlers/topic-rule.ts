// Broker destinations of a team's own (`/topic/…`, `/user/queue/…`): who may hear them, and who may SEND to them directly.
import { USER_DESTINATIONS } from '@maru/contract';
import type { Topic } from '../broker/broker.ts';
import type { Principal } from '../identity/principal.ts';
import {
  DestinationTable,
  DestinationTemplate,
  type Parameters,
  type ParametersOf,
} from './destination-template.ts';

/** Who asks for what. */
export type Subject<Destination extends string = string> = {
  readonly principal: Principal;
  readonly parameters: ParametersOf<Destination>;
  isMember(roomId: string): Promise<boolean>;
};

/** What a rule is asked about: this person, for these parameters of its destination. */
export function subjectOf(
  people: { isMember(roomId: string, userId: string): Promise<boolean> },
  principal: Principal,
  parameters: Parameters,
): Subject {
  return { principal, parameters, isMember: (roomId) => people.isMember(roomId, principal.userId) };
}

/**
 * Only the answer `true` lets in. To refuse in words of its own a rule throws or rejects with a MaruError; `refused` takes a
 * message.
 */
export type TopicRule<Destination extends string = string> = {
  readonly destination: Destination;
  /** Asked once, at SUBSCRIBE. Absent: whoever has the general role may. */
  maySubscribe?(subject: Subject<Destination>): boolean | Promise<boolean>;
  /** Asked at each SEND; what it lets through is passed on as it came, with `sender-id`. Absent: only handlers publish there. */
  maySend?(subject: Subject<Destination>): boolean | Promise<boolean>;
};

export type TopicRules = DestinationTable<TopicRule>;

/** Prefixes that the built-in broker destinations have for themselves. */
const RESERVED = ['/topic/chat/', '/topic/rooms/'];

/** A topic of each person's own: it has one set of subscribers a user. */
export function isUserDestination(destination: string): boolean {
  return destination.startsWith('/user/queue/');
}

/** @throws TypeError for a destination outside /topic/ and /user/queue/, one that is built in, or one defined twice. */
export function createTopicRules(rules: readonly TopicRule[]): TopicRules {
  for (const { destination, maySend } of rules) {
    const isUser = isUserDestination(destination);
    if (!isUser && !destination.startsWith('/topic/')) {
      throw new TypeError(
        `${destination} is no broker destination; those begin with /topic/ or /user/queue/`,
      );
    }
    const own = ownDestinationOf(new DestinationTemplate(destination));
    if (own !== undefined) {
      throw new TypeError(`${destination} overlaps with Maru's own ${own}`);
    }
    if (isUser && maySend !== undefined) {
      throw new TypeError(`${destination}: nobody sends to a user destination; a handler publishes there`);
    }
  }
  return new DestinationTable(rules);
}

/** What is built in and would be matched too. */
function ownDestinationOf(template: DestinationTemplate): string | undefined {
  return (
    Object.values(USER_DESTINATIONS).find((own) => template.match(own) !== undefined) ??
    RESERVED.find((prefix) => template.reaches(prefix))
  );
}

/** @throws TypeError if nobody declared the topic, or if it isn't heard by whom the publication is for. */
export function declaredTopic(rules: TopicRules, destination: string, to: string | undefined): Topic {
  if (rules.find(destination) === undefined) {
    throw new TypeError(`${destination} is in no module's topics, so nobody can hear it`);
  }
  if (isUserDestination(destination) !== (to !== undefined)) {
    throw new TypeError(
      to === undefined
        ? `${destination} is each person's own: say whose, by { to: userId }`
        : `${destination} is heard by all its subscribers; { to } is for /user/queue/…`,
    );
  }
  return { destination, userId: to ?? null };
}
