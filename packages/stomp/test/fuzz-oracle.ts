// What must be true of the decoder whatever octets it is given.
import { isDeepStrictEqual } from 'node:util';
import {
  COMMANDS,
  type Command,
  DEFAULT_FRAME_LIMITS,
  encodeFrame,
  FrameDecoder,
  FrameError,
  type FrameLimits,
  LineMemory,
  negotiateVersion,
  type Sender,
  type Version,
} from '../src/index.ts';
import { type Reading, readingOf } from './fuzz-input.ts';
import { Random } from './fuzz-random.ts';

/** Near enough that an input reaches them. */
const SMALL_LIMITS: FrameLimits = {
  frameOctets: 2_000,
  headers: 10,
  headerOctets: 80,
  authorizationOctets: 160,
};
/** Of the processor's time: no input is so long that it takes a decoder longer, however cut. */
const MOST_MS = 1_000;

type Seen = {
  readonly command: Command;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: string;
  /** The rules it was read by. */
  readonly version: Version | undefined;
};
type Outcome = {
  readonly frames: readonly Seen[];
  readonly error: string | undefined;
  readonly mid: boolean;
};

/** Shared by all inputs, as by the sessions of a process: what one has left there must not change another. */
const shared = new LineMemory(4);

/**
 * @returns in a word what became of the input, so that a fuzzer can tell what is new
 * @throws Error with a sentence that says what isn't true
 */
export function checkDecoder(input: Uint8Array): string {
  const reading = readingOf(input);
  const octets = input.subarray(1);
  const began = process.cpuUsage();
  const whole = decode(octets, reading, [], shared);
  const random = new Random(input.length * 31 + (input[0] ?? 0));
  const cuts = Array.from({ length: 1 + random.below(12) }, () => random.below(octets.length + 1));
  same(whole, decode(octets, reading, cuts, shared), 'cut at random');
  same(whole, decode(octets, reading, [...octets.keys()], new LineMemory(4)), 'cut at every octet');
  for (const frame of whole.frames) checkRoundTrip(frame, reading);
  const { user, system } = process.cpuUsage(began);
  const ms = (user + system) / 1_000;
  if (ms > MOST_MS) throw new Error(`it took ${Math.round(ms)} ms`);
  const commands = whole.frames.slice(0, 3).map(({ command, headers }) => `${command} ${headers.length}`);
  return [reading.version, reading.from, reading.small, ...commands, whole.error, whole.mid].join('|');
}

/** What was decoded can be written, and reads the same again; what was written once is written the same. */
function checkRoundTrip(frame: Seen, { from }: Reading): void {
  const { command, version } = frame;
  // A CR is written in no CONNECT, where it may be half an end of line; a second one, in a session of 1.0 or 1.1, has it read.
  if (!COMMANDS[command].escaped && frame.headers.flat().some((text) => text.includes('\r'))) return;
  const body = COMMANDS[command].body ? Buffer.from(frame.body, 'hex') : undefined;
  // 1.0 drops a body where none may be but keeps its length, and `007` is a length that nobody writes.
  const headers = frame.headers.filter(([name]) => name !== 'content-length');
  const written = encodeFrame({ command, headers, body }, version ?? '1.0');
  const again = decode(written, { version, from, small: false }, [], shared);
  const [read] = again.frames;
  if (again.error !== undefined || again.mid || again.frames.length !== 1 || read === undefined) {
    throw new Error(
      `a frame that was decoded and encoded is not one frame any more: ${JSON.stringify(again)}`,
    );
  }
  const without = { ...read, headers: read.headers.filter(([name]) => name !== 'content-length') };
  if (!isDeepStrictEqual(without, { ...frame, headers })) {
    throw new Error(`encoded and decoded again it differs: ${JSON.stringify([frame, read])}`);
  }
  const twice = encodeFrame({ command, headers: read.headers, body }, version ?? '1.0');
  if (Buffer.compare(twice, written) !== 0) throw new Error('encoded twice it differs');
}

function decode(octets: Uint8Array, reading: Reading, cuts: readonly number[], memory: LineMemory): Outcome {
  const frames: Seen[] = [];
  const decoder = new FrameDecoder<Sender>({
    limits: reading.small ? SMALL_LIMITS : DEFAULT_FRAME_LIMITS,
    from: reading.from,
    memory,
    onFrame: ({ command, headers, body }) => {
      const { version } = decoder;
      frames.push({ command, headers: [...headers], body: Buffer.from(body).toString('hex'), version });
      if (frames.length > 1 || version !== undefined) return;
      // As a session does, and a client.
      if (command === 'CONNECT' || command === 'STOMP') {
        decoder.version = negotiateVersion(headers.get('accept-version'));
      } else if (command === 'CONNECTED') {
        decoder.version = negotiateVersion(headers.get('version'));
      }
    },
  });
  decoder.version = reading.version;
  try {
    let at = 0;
    for (const end of [...cuts, octets.length].sort((a, b) => a - b)) {
      decoder.push(octets.slice(at, end));
      at = end;
    }
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    return { frames, error: `${error.code}: ${error.message}`, mid: decoder.midFrame };
  }
  return { frames, error: undefined, mid: decoder.midFrame };
}

function same(whole: Outcome, cut: Outcome, how: string): void {
  if (isDeepStrictEqual(whole, cut)) return;
  throw new Error(`${how} it reads otherwise: ${JSON.stringify(whole)} and ${JSON.stringify(cut)}`);
}

/** The shortest input found that fails likewise, by leaving parts out. */
export function minimised(input: Uint8Array, fails: (input: Uint8Array) => boolean): Uint8Array {
  let least = input;
  for (let size = least.length >> 1; size >= 1; size >>= 1) {
    for (let at = 1; at < least.length; ) {
      const shorter = Uint8Array.from([...least.subarray(0, at), ...least.subarray(at + size)]);
      if (fails(shorter)) least = shorter;
      else at += size;
    }
  }
  return least;
}
