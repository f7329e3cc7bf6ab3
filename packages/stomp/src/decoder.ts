// Reads frames from octets that come in pieces of any size.
//
// A state machine. The first state is here, the others are in frame-reader.ts, one function each, which takes what is
// there and says whether it got on to another state. What a state reads and what bounds it:
//
//   between-frames   ends of line, skipped (heart-beats)            a CR without LF → malformed-frame
//   command          the command line                               LONGEST_COMMAND and CR LF → unknown-command
//   header-line      a name, a colon, a value; or the blank line    limits.headers → too-many-headers
//                                                                   limits.headerOctets, for Authorization
//                                                                   limits.authorizationOctets → header-too-long
//   no-body          the NUL of a frame that may have no body       any other octet → body-not-allowed
//   counted-body     content-length octets and a NUL                at the blank line already → frame-too-large
//   delimited-body   everything before the first NUL                limits.frameOctets → frame-too-large
//
// limits.frameOctets bounds all states of a frame: no state sees an octet past it. Each decision depends on the octets
// up to where it is made and on nothing else, so it is the same however they were cut.
//
// A frame that lies in one chunk is read from there and nothing is copied. Otherwise its octets are held in a buffer
// that is never larger than twice what came, nor than limits.frameOctets; positions survive between chunks, so no octet
// is looked at twice.
import type { CommandOf, Sender } from './commands.ts';
import { FrameError } from './errors.ts';
import type { Frame } from './frame.ts';
import { FrameReader } from './frame-reader.ts';
import { CR, LF } from './head-octets.ts';
import { HeldOctets } from './held-octets.ts';
import type { FrameLimits } from './limits.ts';
import { LineMemory } from './line-memory.ts';
import type { Version } from './version.ts';

export type FrameDecoderOptions<From extends Sender = 'client'> = {
  readonly limits: FrameLimits;
  /**
   * Gets each frame as soon as its NUL was read. The body is a view: of the chunk if the frame lay in one, else of memory
   * of its own. So whoever reuses the memory of chunks has to copy bodies that are kept; ws never reuses it.
   */
  readonly onFrame: (frame: Frame<CommandOf<From>>) => void;
  /** At most once a push, at the first end of line between frames; the one that many clients put after a NUL counts. */
  readonly onHeartBeat?: (() => void) | undefined;
  /** Whose frames these are; a command of the other side is unknown. */
  readonly from?: From | undefined;
  /** Better shared by all decoders of a process: saves 4 KiB a decoder. Nothing of CONNECT, nor a token, enters it. */
  readonly memory?: LineMemory | undefined;
};

export class FrameDecoder<From extends Sender = 'client'> {
  /**
   * The rules that the next frame is read by; `undefined` until CONNECT (for a server's frames: CONNECTED) was seen. The
   * owner sets it inside onFrame, so that the frames behind it in the same chunk are read by that version already.
   */
  version: Version | undefined = undefined;

  readonly #onFrame: (frame: Frame<CommandOf<From>>) => void;
  readonly #onHeartBeat: (() => void) | undefined;
  readonly #reader: FrameReader;
  readonly #held: HeldOctets;
  #afterCr = false;
  #heartBeatSeen = false;
  #stopped = false;
  #failure: { readonly error: unknown } | undefined = undefined;

  constructor(options: FrameDecoderOptions<From>) {
    this.#onFrame = options.onFrame;
    this.#onHeartBeat = options.onHeartBeat;
    this.#reader = new FrameReader(
      options.limits,
      options.from ?? 'client',
      options.memory ?? new LineMemory(),
    );
    this.#held = new HeldOctets(options.limits.frameOctets);
  }

  /** An unfinished frame is in hand: the time for its deadline to run. */
  get midFrame(): boolean {
    return this.#reader.midFrame || this.#afterCr;
  }

  /**
   * Reads a chunk; calls onFrame for each frame that it ends. Not to be called from within onFrame.
   * @throws FrameError for what is not a frame; there is no way to find the next one, so each later push throws the same.
   * What onFrame throws comes out here too and ends the decoder likewise.
   */
  push(chunk: Uint8Array): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#heartBeatSeen = false;
    try {
      this.#read(chunk);
    } catch (error) {
      this.#failure = { error };
      this.stop();
      throw error;
    }
    // An idle session keeps no chunk alive.
    if (!this.#reader.midFrame) this.#reader.drop();
  }

  /** Nothing is reported from here on, not even what is left of the current chunk; later pushes are ignored. */
  stop(): void {
    this.#stopped = true;
    this.#afterCr = false;
    this.#reader.drop();
    this.#held.release();
  }

  #read(chunk: Uint8Array): void {
    let at = 0;
    while (at < chunk.length && !this.#stopped) {
      at = this.#reader.midFrame ? this.#readHeld(chunk, at) : this.#readFrom(chunk, at);
    }
  }

  // Each of these returns how far the chunk is read.

  #readFrom(chunk: Uint8Array, from: number): number {
    const at = this.#skipEndsOfLine(chunk, from);
    if (at === chunk.length || this.#stopped) return at;
    this.#reader.begin(at, this.version);
    const frame = this.#reader.read(chunk, chunk.length);
    if (frame === undefined) {
      this.#held.takeRest(chunk, at);
      this.#reader.rebase();
      return chunk.length;
    }
    const end = this.#reader.at;
    this.#deliver(frame);
    return end;
  }

  #readHeld(chunk: Uint8Array, from: number): number {
    const held = this.#held;
    const at = from + held.take(chunk, from);
    const frame = this.#reader.read(held.bytes, held.length);
    if (frame === undefined) return at;
    // What was held past the end of the frame is read from the chunk again.
    const end = at - (held.length - this.#reader.at);
    held.release();
    this.#deliver(frame);
    return end;
  }

  #deliver(frame: Frame): void {
    // The reader refuses the other side's commands, which the compiler cannot know.
    this.#onFrame(frame as Frame<CommandOf<From>>);
  }

  #skipEndsOfLine(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const octet = chunk[at];
      if (octet === CR && !this.#afterCr) {
        // CR LF between frames is let pass in 1.0 and 1.1 too: it may follow a CONNECT that was written with CR LF.
        this.#afterCr = true;
      } else if (octet === LF) {
        this.#afterCr = false;
        this.#heard();
        if (this.#stopped) return at;
      } else if (this.#afterCr) {
        throw new FrameError('malformed-frame', 'A CR between frames is not followed by LF');
      } else {
        return at;
      }
    }
    return chunk.length;
  }

  #heard(): void {
    if (this.#heartBeatSeen) return;
    this.#heartBeatSeen = true;
    this.#onHeartBeat?.();
  }
}
