// What one session still has to write: whole WebSocket frames, gathered during a turn, one write to its socket.
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Outlet } from '../broker/broker.ts';
import type { CatchUpTurns } from '../broker/catch-up-turns.ts';
import type { Flushable, Turn } from '../broker/turn.ts';
import type { Counts } from '../telemetry/counts.ts';
import { LatestFrames } from './latest-frames.ts';

/** Past this many octets several buffers are handed to the kernel as they are instead of being copied into one. */
const COPY_LIMIT = 32 * 1024;

const NOTHING = Buffer.alloc(0);

export type OutboundQueueOptions = {
  readonly socket: Duplex;
  readonly webSocket: WebSocket;
  readonly turn: Turn;
  /** The subscriptions whose rest waits in the log while this is full. */
  readonly turns: CatchUpTurns;
  readonly counts: Counts;
  /** Octets that may wait here and in the socket together. */
  readonly limit: number;
  /** Something should no longer be done that makes more of them, or may be again. */
  readonly onRoom: (hasRoom: boolean) => void;
};

/**
 * States: *flowing* → *full* (after a write more than `limit` octets wait: a reader that takes all at once isn't slow,
 * however much one turn brings) → *flowing* when the kernel has taken all → *shut* (after `shut()`, or when the WebSocket
 * has begun to close). From the moment more than `limit` octets wait, also within a turn, nothing is to be read that asks
 * for more.
 *
 * Bound: while it is full the rooms' entries wait in their logs and of what may be lost only the newest is kept, so past
 * `limit` there is what one turn of the event loop brought, a page of a log, and answers to frames that were read before.
 *
 * Frames go to the socket that the upgrade gave us, beside ws's own sender: order holds because pending frames are
 * flushed before ws writes a Close or a Ping, and nothing is written once a Close went either way.
 */
export class OutboundQueue implements Outlet, Flushable {
  readonly #options: OutboundQueueOptions;
  readonly #latest: LatestFrames;
  #waiting: Buffer[] = [];
  #waitingOctets = 0;
  #scheduled = false;
  #state: 'flowing' | 'full' | 'shut' = 'flowing';
  /** Past the bound within this turn or longer: somebody may have found no room, and waits to hear of some. */
  #pressed = false;

  constructor(options: OutboundQueueOptions) {
    this.#options = options;
    this.#latest = new LatestFrames(options.counts);
  }

  get turns(): CatchUpTurns {
    return this.#options.turns;
  }

  /** Octets accepted and not yet taken by the kernel. */
  get octets(): number {
    return this.#waitingOctets + this.#options.socket.writableLength;
  }

  get isFull(): boolean {
    return this.#state === 'full' || this.octets > this.#options.limit;
  }

  enqueue(frames: Buffer): void {
    if (this.#state === 'shut') return;
    this.#waiting.push(frames);
    this.#waitingOctets += frames.length;
    if (!this.#pressed && this.octets > this.#options.limit) this.#press();
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.turn.addQueue(this);
  }

  offer(frames: Buffer, replaces: string | undefined): void {
    if (this.isFull) this.#latest.keep(frames, replaces);
    else this.enqueue(frames);
  }

  flush(): void {
    this.#scheduled = false;
    this.#write();
    if (this.#state !== 'flowing') return;
    if (this.octets > this.#options.limit) this.#fill();
    else if (this.#pressed) this.#makeRoom();
  }

  /** Writes the last frames whatever the bound, and takes no more: an ERROR reaches also the slowest client's socket. */
  finish(last: Buffer | null): void {
    const { socket, webSocket } = this.#options;
    this.#write();
    if (last !== null && this.#state !== 'shut' && webSocket.readyState === webSocket.OPEN)
      socket.write(last);
    this.shut();
  }

  /** Drops what waits and takes no more. */
  shut(): void {
    this.#state = 'shut';
    this.#waiting = [];
    this.#waitingOctets = 0;
    this.#latest.clear();
  }

  /** Also in the middle of a turn: one read of the socket may bring thousands of frames that are to be answered. */
  #press(): void {
    this.#pressed = true;
    this.#options.onRoom(false);
  }

  #fill(): void {
    const { socket, turns } = this.#options;
    this.#state = 'full';
    if (!this.#pressed) this.#press();
    // Called back when all before it is with the kernel, or never can be; `drain` is only for who went past another bound.
    socket.write(NOTHING, () => {
      if (this.#state === 'full') this.#makeRoom();
    });
    turns.full();
  }

  #makeRoom(): void {
    this.#state = 'flowing';
    this.#pressed = false;
    for (const frames of this.#latest.take()) this.enqueue(frames);
    this.#options.turns.resume();
    // What was kept may have filled it again.
    if (!this.#pressed) this.#options.onRoom(true);
  }

  #write(): void {
    const { socket, webSocket } = this.#options;
    if (this.#waitingOctets === 0) return;
    if (webSocket.readyState !== webSocket.OPEN || this.#state === 'shut') return this.shut();
    const waiting = this.#waiting;
    const octets = this.#waitingOctets;
    this.#waiting = [];
    this.#waitingOctets = 0;
    if (waiting.length === 1) {
      socket.write(waiting[0]);
    } else if (octets <= COPY_LIMIT) {
      socket.write(Buffer.concat(waiting, octets));
    } else {
      socket.cork();
      for (const frames of waiting) socket.write(frames);
      socket.uncork();
    }
  }
}
