// Whether a session is alive and moving: its deadlines and its heart-beats, both ways (STOMP 1.2 §Heart-beating).
import type { ErrorCode } from '@maru/contract';
import type { HeartBeatPeriods } from '@maru/stomp';

export type Timing = {
  /** From the 101 to CONNECT accepted. */
  readonly connectMs: number;
  /** From the first octet of a STOMP frame to its NUL, and likewise of a WebSocket message to its last octet. */
  readonly unfinishedFrameMs: number;
  /** From when a frame was begun to its answer: of a handler that never ends, or a database that doesn't. */
  readonly answerMs: number;
  /** How much longer than its token a session lives: time to renew it. */
  readonly tokenGraceMs: number;
  /** How often the server can beat, and how often it wants to hear. */
  readonly heartBeatMs: number;
  /** A client is dead after this many of its periods of silence. */
  readonly heartBeatTolerance: number;
  /** Octets wait and none leaves for so long: the client has stopped reading. */
  readonly noProgressMs: number;
  /** How long a Close waits for the client's Close: time for a slow reader to come as far as the ERROR and the Close. */
  readonly closeMs: number;
  /** The same when the server itself ends. */
  readonly drainMs: number;
  readonly tickMs: number;
};

/** What of a socket is looked at: any octet counts as life (H05), so the counters of the socket itself are asked. */
export type Counters = {
  readonly bytesRead: number;
  readonly bytesWritten: number;
  readonly writableLength: number;
};

export type Verdict = ErrorCode | 'beat' | null;

/**
 * States: *waiting for CONNECT* → *connected*. Looked at once a tick; `judge` says what is due then: the code that ends
 * the session, `beat` for an EOL to send, or nothing. At most one tick late, heart-beats up to one early instead.
 */
export class Liveness {
  readonly #timing: Timing;
  readonly #openedAt: number;
  #connected = false;
  #periods: HeartBeatPeriods = { clientToServer: 0, serverToClient: 0 };
  #readAt: number;
  #wroteAt: number;
  #bytesRead = 0;
  #left = 0;
  #waiting = 0;
  #progressAt: number;
  readonly #frame = new Unfinished();
  readonly #message = new Unfinished();

  constructor(timing: Timing, now: number) {
    this.#timing = timing;
    this.#openedAt = now;
    this.#readAt = now;
    this.#wroteAt = now;
    this.#progressAt = now;
  }

  connected(periods: HeartBeatPeriods, now: number): void {
    this.#connected = true;
    this.#periods = periods;
    this.#readAt = now;
    this.#wroteAt = now;
  }

  /** After each piece of input: is there an unfinished STOMP frame in hand, and was one finished meanwhile? */
  heard(midFrame: boolean, finishedOne: boolean, now: number): void {
    this.#frame.heard(midFrame, finishedOne, now);
  }

  /** The same of WebSocket messages, whose octets no STOMP frame has yet. */
  heardMessage(midMessage: boolean, finishedOne: boolean, now: number): void {
    this.#message.heard(midMessage, finishedOne, now);
  }

  /** @param reading false while we ourselves have stopped reading: silence is then no sign of death. */
  judge(counters: Counters, reading: boolean, now: number): Verdict {
    if (counters.bytesRead !== this.#bytesRead || !reading) {
      this.#bytesRead = counters.bytesRead;
      this.#readAt = now;
    }
    // What we don't read can't be finished.
    if (!reading) {
      this.#frame.postpone(now);
      this.#message.postpone(now);
    }
    // `bytesWritten` counts what waits too: what is heaped up before a client that takes nothing is no progress.
    const left = counters.bytesWritten - counters.writableLength;
    if (left !== this.#left) {
      this.#left = left;
      this.#wroteAt = now;
      this.#progressAt = now;
    }
    this.#waiting = counters.writableLength;
    if (this.#waiting === 0) this.#progressAt = now;
    return this.#overdue(reading, now);
  }

  #overdue(reading: boolean, now: number): Verdict {
    const { connectMs, unfinishedFrameMs, heartBeatTolerance, noProgressMs, tickMs } = this.#timing;
    if (!this.#connected && now - this.#openedAt > connectMs) return 'connect-timeout';
    if (reading && Math.max(this.#frame.age(now), this.#message.age(now)) > unfinishedFrameMs) {
      return 'frame-timeout';
    }
    if (now - this.#progressAt > noProgressMs) return 'too-slow';
    const { clientToServer, serverToClient } = this.#periods;
    if (clientToServer > 0 && now - this.#readAt > clientToServer * heartBeatTolerance) {
      return 'heart-beat-timeout';
    }
    // Two ticks early: what was written is noticed up to one late, and the next look is one away.
    if (serverToClient > 0 && now - this.#wroteAt >= serverToClient - 2 * tickMs && this.#waiting === 0) {
      return 'beat';
    }
    return null;
  }
}

/** Since when there is something that was begun and not finished. */
class Unfinished {
  #begunAt: number | null = null;

  heard(midway: boolean, finishedOne: boolean, now: number): void {
    if (!midway) this.#begunAt = null;
    else if (finishedOne || this.#begunAt === null) this.#begunAt = now;
  }

  postpone(now: number): void {
    if (this.#begunAt !== null) this.#begunAt = now;
  }

  age(now: number): number {
    return this.#begunAt === null ? 0 : now - this.#begunAt;
  }
}
