// Whether a session's socket is read: not while its mailbox has no room, it has sent more than its rate allows, or its
// client doesn't read what it is sent.
import type { WebSocket } from 'ws';
import type { Counts, PauseReason } from '../telemetry/counts.ts';
import { InboundRate, type InboundRateLimits } from './inbound-rate.ts';

/**
 * States: *reading* → *paused* for one reason or more → *reading* when none is left: the mailbox and the outbound queue say
 * so themselves, the rate is looked at once a tick → *free* (after `free()`: the session has ended, and is read for its Close whatever comes).
 */
export class Reading {
  readonly #webSocket: WebSocket;
  readonly #counts: Counts;
  readonly #rate: InboundRate;
  #mailboxHasRoom = true;
  #outboundHasRoom = true;
  #isFree = false;

  constructor(webSocket: WebSocket, limits: InboundRateLimits, counts: Counts, now: number) {
    this.#webSocket = webSocket;
    this.#counts = counts;
    this.#rate = new InboundRate(limits, now);
  }

  /** What has come. */
  spend(frames: number, octets: number): void {
    const was = this.#rate.spent;
    this.#rate.spend(frames, octets);
    if (!was && this.#rate.spent) this.#paused('rate');
  }

  tick(now: number): void {
    const was = this.#rate.spent;
    this.#rate.refill(now);
    if (was && !this.#rate.spent) this.#settle();
  }

  /** The mailbox can take what comes, or not. @param isFull because of `limits.inFlight`; else because one frame holds up the others */
  mailboxHasRoom(has: boolean, isFull: boolean): void {
    if (has === this.#mailboxHasRoom) return;
    this.#mailboxHasRoom = has;
    if (!has && isFull) this.#paused('in-flight');
    else this.#settle();
  }

  /** Else whoever sends and doesn't read would heap up answers. */
  outboundHasRoom(has: boolean): void {
    this.#outboundHasRoom = has;
    if (has) this.#settle();
    else this.#paused('outbound');
  }

  free(): void {
    this.#isFree = true;
    this.#settle();
  }

  #paused(reason: PauseReason): void {
    this.#counts.readsPaused[reason] += 1;
    this.#settle();
  }

  #settle(): void {
    const reads = this.#isFree || (this.#mailboxHasRoom && this.#outboundHasRoom && !this.#rate.spent);
    if (!reads) this.#webSocket.pause();
    else if (this.#webSocket.isPaused) this.#webSocket.resume();
  }
}
