// The octets of a frame that came in pieces: one buffer that grows with what came, never with what was announced.
import { NO_OCTETS } from './frame.ts';

const SMALLEST = 256;

export class HeldOctets {
  bytes: Uint8Array = NO_OCTETS;
  length = 0;
  readonly #limit: number;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Copies octets of `chunk` from `from` on, at most as many as are held already: what is copied in vain, because the
   * frame ends sooner, is then never more than the frame itself. @returns how many
   */
  take(chunk: Uint8Array, from: number): number {
    return this.#append(chunk, from, Math.max(SMALLEST, this.length));
  }

  /** Copies everything from `from` to the end of `chunk`; it must be within the limit. */
  takeRest(chunk: Uint8Array, from: number): void {
    this.#append(chunk, from, chunk.length - from);
  }

  /** Gives the buffer away: bodies may be views of it, so it is never written again. */
  release(): void {
    this.bytes = NO_OCTETS;
    this.length = 0;
  }

  #append(chunk: Uint8Array, from: number, most: number): number {
    const taken = Math.min(chunk.length - from, most, this.#limit - this.length);
    const needed = this.length + taken;
    if (needed > this.bytes.length) {
      // Doubling keeps a frame that drips in octet by octet linear.
      const grown = new Uint8Array(Math.min(this.#limit, Math.max(SMALLEST, needed, this.bytes.length * 2)));
      grown.set(this.bytes.subarray(0, this.length));
      this.bytes = grown;
    }
    this.bytes.set(chunk.subarray(from, from + taken), this.length);
    this.length = needed;
    return taken;
  }
}
