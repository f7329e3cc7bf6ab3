// How fast one session may send: what is past it isn't refused, the socket is just not read for a while.

export type InboundRateLimits = {
  /** STOMP frames, and WebSocket frames that end none: pings, fragments, a heart-beat. */
  readonly framesPerSecond: number;
  /** Of the connection, WebSocket's own included. */
  readonly octetsPerSecond: number;
};

/**
 * Two token buckets, frames and octets, each holding one second's worth; the poorer one decides.
 *
 * | state | `spend` | `refill` |
 * |---|---|---|
 * | *flowing* (no bucket below zero) | below zero → *spent* | – |
 * | *spent* (one is in debt: read no further) | – | both at zero or above → *flowing* |
 *
 * Counted when it has come, so a bucket can fall into debt: by what one chunk of the socket and one WebSocket message
 * hold, no more, since nothing is read while it is. The debt is paid before the next octet is read.
 */
export class InboundRate {
  readonly #limits: InboundRateLimits;
  #frames: number;
  #octets: number;
  #at: number;

  constructor(limits: InboundRateLimits, now: number) {
    this.#limits = limits;
    this.#frames = limits.framesPerSecond;
    this.#octets = limits.octetsPerSecond;
    this.#at = now;
  }

  get spent(): boolean {
    return this.#frames < 0 || this.#octets < 0;
  }

  spend(frames: number, octets: number): void {
    this.#frames -= frames;
    this.#octets -= octets;
  }

  /** @param now of the same clock as before */
  refill(now: number): void {
    const seconds = (now - this.#at) / 1000;
    const { framesPerSecond, octetsPerSecond } = this.#limits;
    this.#at = now;
    this.#frames = Math.min(framesPerSecond, this.#frames + seconds * framesPerSecond);
    this.#octets = Math.min(octetsPerSecond, this.#octets + seconds * octetsPerSecond);
  }
}
