// The listeners of one room's signals: who is there, who types, and the fan-out to them.
import { type MessageCreated, type RoomEntry, type RoomSignal, roomSignalDestination } from '@maru/contract';
import type { Counts } from '../telemetry/counts.ts';
import type { Publication, Subscriber } from './broker.ts';
import { Presence } from './presence.ts';
import { TopicChannel } from './topic-channel.ts';

/** People named in one `presence.list`. */
const LISTED = 1_000;
/** When more come and go at once, all are listed anew instead of being told one by one. */
const TOLD_SINGLY = 16;

const NOBODY: readonly Subscriber[] = [];

/** A subscription to a room's signals. `head` of the log when its membership was read: what is older says nothing of it. */
export type Listening = { readonly subscriber: Subscriber; readonly head: number };

/** Somebody whose membership is being read. What the log says meanwhile counts more than what was read. */
export type SignalArrival = {
  readonly userId: string;
  /** seq of their last `member.left` heard, 0 for none. */
  leftAt: number;
  isRoomGone: boolean;
};

export type SignalRoomOptions = {
  readonly roomId: string;
  readonly counts: Counts;
  readonly typingIntervalMs: number;
  readonly crowd: number;
  readonly nextMessageId: () => string;
  /** Others are there, at this service, than were before. */
  readonly onPeople?: () => void;
};

/**
 * A person: *absent* → *present* (with their first subscription, told to the others) → *absent* (with the last).
 *
 * Bounds: who subscribes; who typed within the interval; `presence.list` names 1,000 people. While more people than `crowd`
 * listen, neither presence nor read markers are told: each of a crowd that comes back would tell all the others.
 */
export class SignalRoom {
  readonly roomId: string;
  readonly #options: SignalRoomOptions;
  readonly #channel: TopicChannel;
  readonly #listening = new Set<Listening>();
  readonly #arrivals = new Set<SignalArrival>();
  /** At this service. */
  readonly #here = new Presence();
  /** At any: one for each service at which they are. */
  readonly #presence = new Presence();
  /** When who typed last; in that order. */
  readonly #typed = new Map<string, number>();

  constructor(options: SignalRoomOptions) {
    this.roomId = options.roomId;
    this.#options = options;
    this.#channel = new TopicChannel(roomSignalDestination(options.roomId), options.counts);
  }

  /** Nobody listens and nobody is about to. */
  get isIdle(): boolean {
    return this.#listening.size === 0 && this.#arrivals.size === 0;
  }

  arrive(userId: string): SignalArrival {
    const arrival = { userId, leftAt: 0, isRoomGone: false };
    this.#arrivals.add(arrival);
    return arrival;
  }

  depart(arrival: SignalArrival): void {
    this.#arrivals.delete(arrival);
  }

  add(subscriber: Subscriber, head: number): Listening {
    const { userId } = subscriber;
    const listening = { subscriber, head };
    // Before it hears anything itself: it is told who is there, itself among them.
    if (this.#here.begin(userId)) {
      if (this.#presence.begin(userId)) this.publish(presenceOf(this.roomId, userId, true));
      this.#options.onPeople?.();
    }
    this.#listening.add(listening);
    this.#channel.add(subscriber);
    this.#channel.tell(subscriber, this.#options.nextMessageId(), publicationOf(this.#list()));
    return listening;
  }

  /** @returns whether it was there. */
  end(listening: Listening): boolean {
    if (!this.#listening.delete(listening)) return false;
    const { subscriber } = listening;
    this.#channel.remove(subscriber);
    const { userId } = subscriber;
    if (this.#here.end(userId)) {
      if (this.#presence.end(userId)) this.publish(presenceOf(this.roomId, userId, false));
      this.#options.onPeople?.();
    }
    return true;
  }

  /** Who listens at this service: `crowd` + 1 of them at most, which is enough to tell that it is a crowd. */
  peopleHere(): string[] {
    return this.#here.list(this.#options.crowd + 1);
  }

  /** At another service these began to listen, and these ended. */
  hearPeople(begun: readonly string[], ended: readonly string[]): void {
    const come = begun.filter((userId) => this.#presence.begin(userId));
    const gone = ended.filter((userId) => this.#presence.end(userId));
    if (come.length + gone.length > TOLD_SINGLY) return this.publish(this.#list());
    for (const userId of come) this.publish(presenceOf(this.roomId, userId, true));
    for (const userId of gone) this.publish(presenceOf(this.roomId, userId, false));
  }

  resume({ subscriber }: Listening): void {
    this.#channel.resume(subscriber);
  }

  publish(signal: RoomSignal): void {
    if (this.#channel.size === 0 || !this.#isTold(signal)) return;
    this.#channel.publish(this.#options.nextMessageId(), publicationOf(signal));
  }

  /** Each counts, none takes the place of another: a slow session misses some. */
  tellMessage(message: MessageCreated): void {
    if (this.#channel.size > 0) this.#channel.publish(this.#options.nextMessageId(), jsonOf(message));
  }

  /** @returns the subscribers whose subscriptions end by it. */
  follow(entry: RoomEntry): readonly Subscriber[] {
    const { type } = entry;
    if (type !== 'member.joined' && type !== 'member.left' && type !== 'room.deleted') return NOBODY;
    for (const arrival of this.#arrivals) {
      if (type === 'room.deleted') arrival.isRoomGone = true;
      else if (arrival.userId === entry.userId) arrival.leftAt = type === 'member.left' ? entry.seq : 0;
    }
    if (type === 'member.joined') return NOBODY;
    const over = [...this.#listening].filter(
      ({ subscriber, head }) =>
        entry.seq > head && (type === 'room.deleted' || subscriber.userId === entry.userId),
    );
    // All at once: none of them hears of the others' going.
    for (const { subscriber } of over) this.#channel.remove(subscriber);
    for (const listening of over) this.end(listening);
    return over.map(({ subscriber }) => subscriber);
  }

  #list(): RoomSignal {
    return { type: 'presence.list', roomId: this.roomId, userIds: this.#presence.list(LISTED) };
  }

  #isTold(signal: RoomSignal): boolean {
    if (signal.type === 'typing') return this.#isNewlyTyping(signal.userId);
    return this.#presence.size <= this.#options.crowd;
  }

  #isNewlyTyping(userId: string): boolean {
    const now = performance.now();
    const since = now - this.#options.typingIntervalMs;
    for (const [each, at] of this.#typed) {
      if (at > since) break;
      this.#typed.delete(each);
    }
    if (this.#typed.has(userId)) return false;
    this.#typed.set(userId, now);
    return true;
  }
}

function presenceOf(roomId: string, userId: string, online: boolean): RoomSignal {
  return { type: 'presence', roomId, userId, online };
}

/** Of each kind the newest of each person is what counts. */
function publicationOf(signal: RoomSignal): Publication {
  const replaces = signal.type === 'presence.list' ? signal.type : `${signal.type} ${signal.userId}`;
  return { ...jsonOf(signal), replaces };
}

function jsonOf(body: RoomSignal | MessageCreated): Publication {
  return { headers: [], contentType: 'application/json', body: Buffer.from(JSON.stringify(body)) };
}
