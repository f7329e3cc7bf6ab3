// Remembers header lines and their order: frames of one kind repeat most of theirs, and comparing octets is several times
// cheaper than scanning them and making strings of them.

/** Octets of the longest line that is remembered, with its LF; longer ones are rarely the same twice. */
const LINE_OCTETS = 96;
/** Slots that a line may be in: lines of one frame must not drive each other out. */
const WAYS = 4;
const FNV_PRIME = 0x01000193;
/** Where the guess for the first line of a frame is kept, after those of the slots. */
const COMMANDS = 16;

/** No slot: a guess at it never fits. */
export const NOWHERE = -1;

/**
 * A table of fixed size, one line a slot, new ones take the place of old ones; memory is about 128 octets a slot, whatever is sent. Nothing
 * in it depends on a session or a version, so one may serve all decoders of a process. Only lines that read the same in
 * every version may enter (ASCII, no CR, no backslash), and none with a credential.
 */
export class LineMemory {
  readonly #slots: number;
  readonly #octets: Uint8Array;
  readonly #lengths: Uint8Array;
  readonly #names: string[];
  readonly #values: string[];
  readonly #next: Int16Array;
  #turn = 0;

  /** @param slots a power of two, 4 to 4096 */
  constructor(slots = 32) {
    if (slots < WAYS || slots > 4096 || (slots & (slots - 1)) !== 0) {
      throw new RangeError('slots must be a power of two, 4 to 4096');
    }
    this.#slots = slots;
    this.#octets = new Uint8Array(slots * LINE_OCTETS);
    this.#lengths = new Uint8Array(slots);
    this.#names = new Array<string>(slots).fill('');
    this.#values = new Array<string>(slots).fill('');
    this.#next = new Int16Array(slots + COMMANDS).fill(NOWHERE);
  }

  /** The place before the first line of a frame. Commands of one length share it: a wrong guess is only slower. */
  placeOf(command: string): number {
    return this.#slots + (command.length % COMMANDS);
  }

  /** The slot of the line that came after the one at `place` the last time, or NOWHERE. */
  guess(place: number): number {
    return this.#next[place] as number;
  }

  /** Octets of the line in `slot`, with its LF, if just this line stands in `bytes` at `start`; else 0. */
  fits(slot: number, bytes: Uint8Array, start: number, end: number): number {
    if (slot === NOWHERE) return 0;
    const length = this.#lengths[slot] as number;
    if (length === 0 || start + length > end) return 0;
    const octets = this.#octets;
    const first = slot * LINE_OCTETS;
    // Backwards: lines that are not the same mostly differ near their end.
    for (let i = length - 1; i >= 0; i--) {
      if (octets[first + i] !== bytes[start + i]) return 0;
    }
    return length;
  }

  name(slot: number): string {
    return this.#names[slot] as string;
  }

  value(slot: number): string {
    return this.#values[slot] as string;
  }

  /** The slot of the line from `start` to `end`, its LF included; NOWHERE if it is not remembered. */
  find(bytes: Uint8Array, start: number, end: number): number {
    const set = this.#setOf(bytes, start, end);
    for (let slot = set; slot < set + WAYS; slot++) {
      if (this.fits(slot, bytes, start, end) === end - start) return slot;
    }
    return NOWHERE;
  }

  /** Puts a line in that find did not find. @returns its slot, or NOWHERE if it is too long to be remembered */
  remember(bytes: Uint8Array, start: number, end: number, name: string, value: string): number {
    const length = end - start;
    if (length > LINE_OCTETS) return NOWHERE;
    this.#turn = (this.#turn + 1) % WAYS;
    const slot = this.#setOf(bytes, start, end) + this.#turn;
    const first = slot * LINE_OCTETS;
    for (let i = 0; i < length; i++) this.#octets[first + i] = bytes[start + i] as number;
    this.#lengths[slot] = length;
    this.#names[slot] = name;
    this.#values[slot] = value;
    return slot;
  }

  // A few octets tell most lines apart; the others share a set, or take turns in it.
  #setOf(bytes: Uint8Array, start: number, end: number): number {
    let hash = end - start;
    hash = Math.imul(hash ^ (bytes[start] as number), FNV_PRIME);
    hash = Math.imul(hash ^ (bytes[start + ((end - start) >> 1)] as number), FNV_PRIME);
    hash = Math.imul(hash ^ (bytes[end - 3] as number), FNV_PRIME);
    hash = Math.imul(hash ^ (bytes[end - 2] as number), FNV_PRIME);
    return (hash ^ (hash >>> 15)) & (this.#slots - WAYS);
  }

  /** From now on the line in `slot` is the guess after `place`. */
  follow(place: number, slot: number): void {
    this.#next[place] = slot;
  }
}
