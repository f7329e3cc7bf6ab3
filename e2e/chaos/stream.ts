// What one subscriber hears of one room, over all connections and crashes: one stream from the log's first entry, without a hole.
import { type RoomEntry, roomDestination } from '@maru/contract';
import type { IMessage } from '@stomp/stompjs';
import type { KeptConnection } from './kept-connection.ts';
import type { Watch } from './watch.ts';

export type Heard = { readonly seq: number; readonly epoch: string; readonly body: string };

/** How it subscribes: as it comes, or acknowledging within a window. */
export type Acknowledging = 'auto' | 'client' | 'client-individual';

/** Messages that may be unacknowledged, where it acknowledges. */
const PREFETCH = 16;

type Waiting = { readonly seq: number; readonly resolve: () => void };

/**
 * States: *silent* (no subscription: not yet, or the connection has gone) → *listening* (`listen`). Each `listen` names the last
 * seq and the log it was of; what comes must be the next seq. What came is kept until it is taken.
 */
export class Stream {
  readonly roomId: string;
  readonly name: string;
  /** The last that has come. */
  seq = 0;
  readonly #watch: Watch;
  readonly #ack: Acknowledging;
  readonly #onHeard: (heard: Heard) => void;
  #epoch: string | undefined;
  #subscriptions = 0;
  /** On which connection, by its number, the last subscription is. */
  #connects = 0;
  #heard: Heard[] = [];
  #waiting: Waiting[] = [];
  #isOver = false;

  constructor(
    options: {
      readonly roomId: string;
      readonly name: string;
      readonly ack: Acknowledging;
      readonly onHeard?: (heard: Heard) => void;
    },
    watch: Watch,
  ) {
    this.roomId = options.roomId;
    this.name = options.name;
    this.#ack = options.ack;
    this.#onHeard = options.onHeard ?? (() => {});
    this.#watch = watch;
  }

  /** Subscribes behind what it has heard, on a connection that is open. */
  listen(connection: KeptConnection): void {
    this.#isOver = false;
    this.#subscriptions += 1;
    this.#connects = connection.connects;
    const id = `${this.roomId}-${this.#subscriptions}`;
    connection.subscribe(
      roomDestination(this.roomId),
      (message) => {
        this.#hear(message, id);
        if (this.#ack !== 'auto') message.ack();
      },
      {
        id,
        ack: this.#ack,
        'from-seq': `${this.seq}`,
        ...(this.#ack === 'auto' ? {} : { prefetch: `${PREFETCH}` }),
        ...(this.#epoch === undefined ? {} : { 'log-epoch': this.#epoch }),
      },
    );
  }

  /** Nothing may come any more until it listens again. */
  end(connection: KeptConnection): void {
    this.#isOver = true;
    // A later connection knows nothing of it.
    const isThere = connection.isConnected && connection.connects === this.#connects;
    if (isThere) connection.unsubscribe(`${this.roomId}-${this.#subscriptions}`);
  }

  /** Resolves when it has heard the log up to that seq. */
  reached(seq: number): Promise<void> {
    if (this.seq >= seq) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ seq, resolve }));
  }

  /** What has come up to that seq and was not taken yet. */
  take(to: number): readonly Heard[] {
    const isLater = this.#heard.findIndex(({ seq }) => seq > to);
    return this.#heard.splice(0, isLater < 0 ? this.#heard.length : isLater);
  }

  get story(): string {
    return `${this.name} has heard ${this.roomId} up to ${this.seq}`;
  }

  #hear({ headers, body }: IMessage, id: string): void {
    this.#watch.deliveries.add();
    const seq = Number(headers.seq);
    const epoch = headers['log-epoch'] ?? '';
    const about = `${this.name}, room ${this.roomId}, subscription ${id}`;
    if (this.#isOver) this.#watch.breach(`${about}: seq ${seq} came after the own member.left`);
    if (headers.subscription !== id) this.#watch.breach(`${about}: came on ${headers.subscription}`);
    if (this.#epoch !== undefined && epoch !== this.#epoch) {
      this.#watch.breach(`${about}: seq ${seq} is of the log ${epoch}, not ${this.#epoch}`);
    }
    if (seq !== this.seq + 1) this.#watch.breach(`${about}: seq ${seq} came after ${this.seq}`);
    this.#epoch = epoch;
    this.seq = seq;
    const heard = { seq, epoch, body };
    this.#heard.push(heard);
    this.#onHeard(heard);
    if (this.#waiting.length === 0) return;
    for (const waiting of this.#waiting) if (waiting.seq <= seq) waiting.resolve();
    this.#waiting = this.#waiting.filter((waiting) => waiting.seq > seq);
  }
}

/** The entry that was heard. */
export function entryOf({ body }: Heard): RoomEntry {
  return JSON.parse(body) as RoomEntry;
}
