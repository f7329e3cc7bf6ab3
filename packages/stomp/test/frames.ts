// Frames as text, for the tests of the decoder.
import {
  type Command,
  DEFAULT_FRAME_LIMITS,
  type Frame,
  FrameDecoder,
  FrameError,
  type FrameErrorCode,
  type FrameLimits,
  type Sender,
  type Version,
} from '../src/index.ts';

export const octets = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (body: Uint8Array): string => new TextDecoder('utf-8', { ignoreBOM: true }).decode(body);

/** A frame in a form that is easily compared. */
export type Plain = { command: Command; headers: [string, string][]; body: string };

export function plain(frame: Frame): Plain {
  const headers = [...frame.headers].map(([name, value]): [string, string] => [name, value]);
  return { command: frame.command, headers, body: text(frame.body) };
}

export type Reading = {
  from?: Sender;
  limits?: Partial<FrameLimits>;
  /** Octets a push gets; all at once if absent. */
  pieces?: number;
};

export type Outcome = {
  frames: Plain[];
  error: FrameErrorCode | undefined;
  heartBeats: number;
  midFrame: boolean;
};

/** Reads it all, as a session of `version`, or, with `undefined`, as one that has not begun. */
export function read(
  input: string | Uint8Array,
  version: Version | undefined,
  reading: Reading = {},
): Outcome {
  const bytes = typeof input === 'string' ? octets(input) : input;
  const outcome: Outcome = { frames: [], error: undefined, heartBeats: 0, midFrame: false };
  const decoder = new FrameDecoder<Sender>({
    limits: { ...DEFAULT_FRAME_LIMITS, ...reading.limits },
    from: reading.from,
    onFrame: (frame) => outcome.frames.push(plain(frame)),
    onHeartBeat: () => outcome.heartBeats++,
  });
  decoder.version = version;
  const size = reading.pieces ?? Math.max(1, bytes.length);
  try {
    for (let at = 0; at < bytes.length; at += size) decoder.push(bytes.slice(at, at + size));
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    outcome.error = error.code;
  }
  outcome.midFrame = decoder.midFrame;
  return outcome;
}

/** The one frame that the text is. */
export function readOne(input: string, version: Version | undefined, reading: Reading = {}): Plain {
  const { frames, error, midFrame } = read(input, version, reading);
  const [frame] = frames;
  if (frame === undefined || frames.length !== 1 || error !== undefined || midFrame) {
    throw new Error(`not one frame but ${frames.length}, error ${error}, unfinished ${midFrame}`);
  }
  return frame;
}
