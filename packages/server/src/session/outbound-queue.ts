// What one session still has to write: whole WebSocket frames, gathered during a turn, one write to its socket.
import type { Duplex } from 'node:stream';
import type { WebSocket } from 'ws';
import type { Outlet } from '../broker/broker.ts';
import type { Flushable, Turn } from '../broker/turn.ts';

/** Past this many octets several buffers are handed to the kernel as they are instead of being copied into one. */
const COPY_LIMIT = 32 * 1024;

/**
 * States: *open* → *shut* (after `shut()`, an overflow, or when the WebSocket has begun to close). Bound: `limit` octets
 * waiting here and in the socket together; past it they are offered to the socket before the turn ends. If it still has
 * some from before, what waits here is dropped, the queue is shut and `onOverflow` called; a reader that has taken all so
 * far isn't slow, however much one turn brings.
 *
 * Frames go to the socket that the upgrade gave us, beside ws's own sender: order holds because pending frames are
 * flushed before ws writes a Close or a Ping, and nothing is written once a Close went either way.
 */
export class OutboundQueue implements Outlet, Flushable {
  readonly #socket: Duplex;
  readonly #webSocket: WebSocket;
  readonly #turn: Turn;
  readonly #limit: number;
  readonly #onOverflow: () => void;
  #waiting: Buffer[] = [];
  #waitingOctets = 0;
  #scheduled = false;
  #open = true;

  constructor(options: {
    socket: Duplex;
    webSocket: WebSocket;
    turn: Turn;
    limit: number;
    onOverflow: () => void;
  }) {
    this.#socket = options.socket;
    this.#webSocket = options.webSocket;
    this.#turn = options.turn;
    this.#limit = options.limit;
    this.#onOverflow = options.onOverflow;
  }

  /** Octets accepted and not yet taken by the kernel. */
  get octets(): number {
    return this.#waitingOctets + this.#socket.writableLength;
  }

  enqueue(frames: Buffer): void {
    if (!this.#open) return;
    this.#waiting.push(frames);
    this.#waitingOctets += frames.length;
    if (this.octets > this.#limit) return this.#write();
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#turn.addQueue(this);
  }

  flush(): void {
    this.#scheduled = false;
    this.#write();
  }

  /** Writes the last frames whatever the bound, and takes no more: an ERROR reaches also the slowest client's socket. */
  finish(last: Buffer | null): void {
    if (last !== null && this.#webSocket.readyState === this.#webSocket.OPEN) {
      if (this.#open) this.flush();
      this.#socket.write(last);
    } else if (this.#open) {
      this.flush();
    }
    this.shut();
  }

  /** Drops what waits and takes no more. */
  shut(): void {
    this.#open = false;
    this.#waiting = [];
    this.#waitingOctets = 0;
  }

  #write(): void {
    if (this.#waitingOctets === 0) return;
    if (this.#webSocket.readyState !== this.#webSocket.OPEN || !this.#open) return this.shut();
    if (this.octets > this.#limit && this.#socket.writableLength > 0) {
      this.shut();
      this.#onOverflow();
      return;
    }
    const waiting = this.#waiting;
    const octets = this.#waitingOctets;
    this.#waiting = [];
    this.#waitingOctets = 0;
    if (waiting.length === 1) {
      this.#socket.write(waiting[0]);
    } else if (octets <= COPY_LIMIT) {
      this.#socket.write(Buffer.concat(waiting, octets));
    } else {
      this.#socket.cork();
      for (const frames of waiting) this.#socket.write(frames);
      this.#socket.uncork();
    }
  }
}
