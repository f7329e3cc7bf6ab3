// A frame as it was read.
import type { Command } from './commands.ts';
import type { FrameHeaders } from './headers.ts';

export type Frame<C extends Command = Command> = {
  readonly command: C;
  readonly headers: FrameHeaders;
  /** Octets, never interpreted; of length 0 if there is none. */
  readonly body: Uint8Array;
};

export const NO_OCTETS: Uint8Array = new Uint8Array(0);
