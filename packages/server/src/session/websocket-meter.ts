// Reads along with ws: of a client's raw octets it sees the frames of RFC 6455, and what ws does not tell of them.
//
// A state machine over the headers; payloads are skipped by their length. It keeps a few numbers and copies nothing.
//
//   first     the octet of FIN and opcode      a Close → closed after this frame
//   second    the octet of MASK and length     7 bits are the length, or say that 2 or 8 octets of it follow
//   length    those octets, the highest first  a length that fits a shorter form → refused (RFC 6455 §5.2: "the minimal
//                                              number of bytes MUST be used"; ws lets it pass)
//   skipping  masking key and payload          ends the frame; one with FIN that is no control frame ends its message
//   closed    behind a Close                   nothing counts any more (§5.5.1)
//   refused   behind a refused length          the same
//
// Bounds: none of its own, for it holds nothing. A length past 2^53 is not exact here; ws refuses it in the same octets,
// as it does reserved bits and opcodes, unmasked frames, control frames that are long or in pieces, and a message past
// its limit. What is said after such a frame means nothing, and nobody asks.

const FIN = 0x80;
const CONTINUATION = 0x0;
const CLOSE = 0x8;
const MASK = 0x80;
const MASKING_KEY_OCTETS = 4;

/** 7 bits that say that the length follows in 2 octets, or in 8; the least lengths that need so many. */
const IN_2_OCTETS = 126;
const IN_8_OCTETS = 127;
const LEAST_IN_2_OCTETS = 126;
const LEAST_IN_8_OCTETS = 65_536;

type State = 'first' | 'second' | 'length' | 'skipping' | 'closed' | 'refused';

export class WebSocketMeter {
  #state: State = 'first';
  #frames = 0;
  #messages = 0;
  #finished = 0;
  #opcode = 0;
  #fin = false;
  #masked = false;
  /** A message was begun in one frame and is to go on in others. */
  #fragmented = false;
  #lengthLeft = 0;
  #length = 0;
  #least = 0;
  #toSkip = 0;

  /** Frames begun, control frames and fragments each for themselves. */
  get frames(): number {
    return this.#frames;
  }

  /** Messages that have come to their end: ws has reported as many, or is about to. */
  get messages(): number {
    return this.#messages;
  }

  /** Messages that have come to their end, and control frames that were not in the middle of one. */
  get finished(): number {
    return this.#finished;
  }

  /** A frame, or a message in several frames, is in hand: the time for its deadline to run. */
  get midMessage(): boolean {
    if (this.#state === 'closed' || this.#state === 'refused') return false;
    return this.#fragmented || this.#state !== 'first';
  }

  /** A length was not in its shortest form. The `messages` before it are good, nothing behind it is. */
  get refused(): boolean {
    return this.#state === 'refused';
  }

  read(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#state === 'skipping') {
        const skipped = Math.min(this.#toSkip, chunk.length - at);
        at += skipped;
        this.#toSkip -= skipped;
        if (this.#toSkip === 0) this.#endFrame();
      } else if (this.#state === 'closed' || this.#state === 'refused') {
        return;
      } else {
        this.#readHeader(chunk[at] as number);
        at += 1;
      }
    }
  }

  #readHeader(octet: number): void {
    if (this.#state === 'first') {
      this.#fin = (octet & FIN) !== 0;
      this.#opcode = octet & 0x0f;
      this.#frames += 1;
      this.#state = 'second';
    } else if (this.#state === 'second') {
      this.#masked = (octet & MASK) !== 0;
      const length = octet & 0x7f;
      if (length < IN_2_OCTETS) return this.#skip(length);
      this.#lengthLeft = length === IN_8_OCTETS ? 8 : 2;
      this.#least = length === IN_8_OCTETS ? LEAST_IN_8_OCTETS : LEAST_IN_2_OCTETS;
      this.#length = 0;
      this.#state = 'length';
    } else {
      this.#length = this.#length * 256 + octet;
      this.#lengthLeft -= 1;
      if (this.#lengthLeft > 0) return;
      if (this.#length < this.#least) this.#state = 'refused';
      else this.#skip(this.#length);
    }
  }

  #skip(length: number): void {
    this.#toSkip = length + (this.#masked ? MASKING_KEY_OCTETS : 0);
    this.#state = 'skipping';
    if (this.#toSkip === 0) this.#endFrame();
  }

  #endFrame(): void {
    const control = this.#opcode >= CLOSE;
    this.#state = this.#opcode === CLOSE ? 'closed' : 'first';
    if (!control) {
      this.#fragmented = !this.#fin && (this.#fragmented || this.#opcode !== CONTINUATION);
      if (this.#fin) this.#messages += 1;
    }
    if (!this.#fragmented) this.#finished += 1;
  }
}
