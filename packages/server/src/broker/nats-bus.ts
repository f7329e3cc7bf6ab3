// The bus on NATS core: a subject for each room and each person that somebody here follows.
import type { RoomSignal } from '@maru/contract';
import { connect, type Msg, type NatsConnection, type Subscription } from '@nats-io/transport-node';
import type { Committed } from '../store/store.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Bus, BusListener, Following, MarkedWord, NodeWord, PresenceWord } from './bus.ts';

export type NatsBusOptions = {
  /** `nats://host:port`, any of a cluster; the others are learnt from it. */
  readonly servers: readonly string[];
  /** Begins every subject: one NATS may serve several Marus. */
  readonly prefix: string;
  readonly log: Logger;
};

/** One message of NATS holds at most a megabyte. */
const MOST_OCTETS = 524_288;
const RECONNECT_MS = 200;
const RECONNECT_JITTER_MS = 400;

/** A subject that is followed, how often, and the subscription while there is a connection. */
type Subject = {
  count: number;
  subscription: Subscription | undefined;
  readonly hear: (message: Msg) => void;
};

/**
 * States: *connecting* (also at the start, for as long as it takes) ⇄ *connected*; *closed*. What is followed is subscribed
 * to whenever there is a connection; after a loss the client itself subscribes again. Published while there is none: dropped.
 */
export class NatsBus implements Bus {
  readonly #options: NatsBusOptions;
  readonly #subjects = new Map<string, Subject>();
  #listener: BusListener | undefined;
  #connection: NatsConnection | undefined;
  #isConnected = false;
  #closed = false;
  #flushing: Promise<void> | undefined;
  readonly #opening: Promise<void>;

  constructor(options: NatsBusOptions) {
    this.#options = options;
    this.#follow(this.#nodeSubject, (message) => this.#listener?.onNode(message.json<NodeWord>()));
    this.#opening = this.#open();
  }

  get trouble(): string | null {
    return this.#isConnected
      ? null
      : 'NATS cannot be reached: others are heard of from the database, a second later';
  }

  listen(listener: BusListener): void {
    this.#listener = listener;
  }

  followRoom(roomId: string): Following {
    const end = this.#follow(this.#roomSubject(roomId), (message) => {
      this.#listener?.onEntries(message.json<Committed[]>());
    });
    return { ready: this.#flushed(), end };
  }

  followSignals(roomId: string): Following {
    const signals = this.#follow(this.#signalSubject(roomId), (message) => {
      this.#listener?.onSignal(message.json<RoomSignal>());
    });
    const presence = this.#follow(this.#presenceSubject(roomId), (message) => {
      this.#listener?.onPresence(roomId, message.json<PresenceWord>());
    });
    return {
      ready: this.#flushed(),
      end: () => {
        signals();
        presence();
      },
    };
  }

  followUser(userId: string): Following {
    const joined = this.#follow(this.#joinedSubject(userId), (message) => {
      this.#listener?.onJoined(message.json<Committed>());
    });
    const marked = this.#follow(this.#markedSubject(userId), (message) => {
      this.#listener?.onMarked(message.json<MarkedWord>());
    });
    return {
      ready: this.#flushed(),
      end: () => {
        joined();
        marked();
      },
    };
  }

  publish(entries: readonly Committed[]): void {
    for (const [roomId, ofRoom] of Map.groupBy(entries, ({ entry }) => entry.roomId)) {
      for (const part of partsOf(ofRoom)) this.#send(this.#roomSubject(roomId), part);
    }
    for (const committed of entries) {
      const { entry } = committed;
      if (entry.type === 'member.joined')
        this.#send(this.#joinedSubject(entry.userId), JSON.stringify(committed));
    }
  }

  publishSignal(signal: RoomSignal): void {
    this.#send(this.#signalSubject(signal.roomId), JSON.stringify(signal));
  }

  publishMarked(marked: MarkedWord): void {
    this.#send(this.#markedSubject(marked.userId), JSON.stringify(marked));
  }

  publishPresence(roomId: string, word: PresenceWord): void {
    this.#send(this.#presenceSubject(roomId), JSON.stringify(word));
  }

  publishNode(word: NodeWord): void {
    this.#send(this.#nodeSubject, JSON.stringify(word));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#isConnected = false;
    // What was published before is to get out. While it is still connecting there is nothing to close.
    if (this.#connection !== undefined) await this.#connection.drain();
    else void this.#opening.then(() => this.#connection?.close());
  }

  async #open(): Promise<void> {
    const { servers, log } = this.#options;
    const connection = await connect({
      servers: [...servers],
      name: 'maru',
      noEcho: true,
      waitOnFirstConnect: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RECONNECT_MS,
      reconnectJitter: RECONNECT_JITTER_MS,
      pingInterval: 2_000,
      maxPingOut: 2,
    }).catch((error: unknown) => {
      log.error({ err: error }, 'NATS refuses the connection');
    });
    if (connection === undefined) return;
    this.#connection = connection;
    if (this.#closed) return;
    this.#isConnected = true;
    for (const [name, subject] of this.#subjects) this.#subscribe(name, subject);
    void this.#watch(connection);
  }

  async #watch(connection: NatsConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      const isConnected = { disconnect: false, reconnect: true }[type as string];
      if (isConnected === undefined || isConnected === this.#isConnected) continue;
      this.#isConnected = isConnected && !this.#closed;
      if (isConnected) this.#options.log.info('NATS is reached again');
      else if (!this.#closed) this.#options.log.error('NATS cannot be reached');
    }
  }

  #follow(name: string, hear: (message: Msg) => void): () => void {
    let subject = this.#subjects.get(name);
    if (subject === undefined) {
      subject = { count: 0, subscription: undefined, hear };
      this.#subjects.set(name, subject);
      this.#subscribe(name, subject);
    }
    const followed = subject;
    followed.count += 1;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      followed.count -= 1;
      if (followed.count > 0) return;
      this.#subjects.delete(name);
      followed.subscription?.unsubscribe();
    };
  }

  #subscribe(name: string, subject: Subject): void {
    subject.subscription = this.#connection?.subscribe(name, {
      callback: (error, message) => {
        if (error === null) this.#hear(subject, message);
        else this.#options.log.error({ err: error }, 'NATS refuses a subscription');
      },
    });
  }

  /** Whoever else writes to these subjects must not end the service. */
  #hear(subject: Subject, message: Msg): void {
    try {
      subject.hear(message);
    } catch (error) {
      this.#options.log.error(
        { err: error, subject: message.subject },
        'a message of NATS could not be read',
      );
    }
  }

  #send(subject: string, text: string): void {
    if (this.#isConnected) this.#connection?.publish(subject, text);
  }

  /** One round trip for all who ask in the same turn. */
  #flushed(): Promise<void> {
    if (!this.#isConnected) return Promise.resolve();
    this.#flushing ??= Promise.resolve().then(async () => {
      this.#flushing = undefined;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, FLUSH_MS);
      });
      // A connection that is lost meanwhile has heard nothing either: the heads of rooms are compared anyway.
      await Promise.race([this.#connection?.flush().catch(() => {}), late]);
      clearTimeout(timer);
    });
    return this.#flushing;
  }

  #roomSubject(roomId: string): string {
    return `${this.#options.prefix}.room.${tokenOf(roomId)}`;
  }

  #signalSubject(roomId: string): string {
    return `${this.#options.prefix}.signal.${tokenOf(roomId)}`;
  }

  #presenceSubject(roomId: string): string {
    return `${this.#options.prefix}.presence.${tokenOf(roomId)}`;
  }

  #joinedSubject(userId: string): string {
    return `${this.#options.prefix}.joined.${tokenOf(userId)}`;
  }

  #markedSubject(userId: string): string {
    return `${this.#options.prefix}.marked.${tokenOf(userId)}`;
  }

  get #nodeSubject(): string {
    return `${this.#options.prefix}.node`;
  }
}

/** Longest wait for NATS to say that it has heard of a subscription. */
const FLUSH_MS = 1_000;

/** A token of a subject may not hold dots, spaces or wildcards. */
function tokenOf(id: string): string {
  return /^[\w-]+$/.test(id) ? id : `=${Buffer.from(id).toString('base64url')}`;
}

/** JSON arrays of entries, none longer than a message may be. */
function partsOf(entries: readonly Committed[]): readonly string[] {
  const parts: string[] = [];
  let texts: string[] = [];
  let octets = 0;
  for (const committed of entries) {
    const text = JSON.stringify(committed);
    const length = Buffer.byteLength(text);
    if (texts.length > 0 && octets + length > MOST_OCTETS) {
      parts.push(`[${texts.join(',')}]`);
      texts = [];
      octets = 0;
    }
    texts.push(text);
    octets += length;
  }
  parts.push(`[${texts.join(',')}]`);
  return parts;
}
