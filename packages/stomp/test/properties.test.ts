// Properties that hold for all frames and all octets.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  COMMANDS,
  type Command,
  DEFAULT_FRAME_LIMITS,
  encodeFrame,
  FrameDecoder,
  FrameError,
  LineMemory,
  type Sender,
  SUPPORTED_VERSIONS,
  type Version,
} from '../src/index.ts';
import { octets, plain, read } from './frames.ts';

type Written = { command: Command; headers: [string, string][]; body: Uint8Array };

const without = (octetsLeftOut: RegExp) =>
  fc.string({ unit: 'binary', maxLength: 12 }).map((text) => text.replaceAll(octetsLeftOut, ''));
const named = (text: fc.Arbitrary<string>) =>
  text.map((name) => `n${name}`).filter((name) => name !== 'content-length');

/** Names and values that the command can carry in the version. */
function headerOf(command: Command, version: Version): fc.Arbitrary<[string, string]> {
  if (!COMMANDS[command].escaped) {
    const value = without(/[\0\r\n]/g);
    // Without accept-version it would be a 1.0 frame and be trimmed; that is F11's.
    return fc.tuple(
      named(without(/[\0\r\n:]/g)),
      version === '1.0' ? value.map((text) => text.trim()) : value,
    );
  }
  if (version === '1.0') {
    return fc.tuple(
      named(without(/[\0\n:]/g)),
      without(/[\0\n]/g).map((text) => text.trim()),
    );
  }
  return fc.tuple(named(without(/\0/g)), without(/\0/g));
}

function frameOf(version: Version): fc.Arbitrary<Written> {
  const commands = (Object.keys(COMMANDS) as Command[]).filter(
    (command) => COMMANDS[command].required[version] !== null,
  );
  return fc.constantFrom(...commands).chain((command) =>
    fc.record({
      command: fc.constant(command),
      headers: fc.array(headerOf(command, version), { maxLength: 8 }),
      body: COMMANDS[command].body ? fc.uint8Array({ maxLength: 300 }) : fc.constant(new Uint8Array()),
    }),
  );
}

type Heard = { command: Command; headers: [string, string][]; body: number[] };
type Result = { frames: Heard[]; error: string | undefined };

/** Reads `bytes` cut at `cuts`; anything but a FrameError passes through. */
function readCut(
  bytes: Uint8Array,
  cuts: number[],
  version: Version | undefined,
  from: Sender,
  memory: LineMemory,
): Result {
  const frames: Heard[] = [];
  const decoder = new FrameDecoder<Sender>({
    limits: { frameOctets: 2000, headers: 10, headerOctets: 200, authorizationOctets: 400 },
    from,
    memory,
    onFrame: (frame) => frames.push({ ...plain(frame), body: [...frame.body] }),
  });
  decoder.version = version;
  const ends = [...new Set(cuts.map((cut) => cut % (bytes.length + 1))), bytes.length].sort((a, b) => a - b);
  try {
    let at = 0;
    for (const end of ends) {
      decoder.push(bytes.slice(at, end));
      at = end;
    }
  } catch (error) {
    if (!(error instanceof FrameError)) throw error;
    return { frames, error: error.code };
  }
  return { frames, error: undefined };
}

const cutsOf = fc.array(fc.nat(4000), { maxLength: 20 });

describe.each(SUPPORTED_VERSIONS)('STOMP %s', (version) => {
  test('E04, F12: what is encoded is decoded the same', () => {
    const memory = new LineMemory(4);
    fc.assert(
      fc.property(fc.array(frameOf(version), { minLength: 1, maxLength: 4 }), (frames) => {
        for (const frame of frames) {
          const { frames: heard, error } = readCut(
            encodeFrame(frame, version),
            [],
            version,
            COMMANDS[frame.command].sender,
            memory,
          );
          const length: [string, string][] =
            frame.body.length > 0 ? [['content-length', String(frame.body.length)]] : [];
          expect(error).toBeUndefined();
          expect(heard).toEqual([
            { command: frame.command, headers: [...frame.headers, ...length], body: [...frame.body] },
          ]);
        }
      }),
    );
  });

  test('what is decoded is encoded the same, octet by octet', () => {
    fc.assert(
      fc.property(frameOf(version), (frame) => {
        const bytes = encodeFrame(frame, version);
        const again: Uint8Array[] = [];
        const decoder = new FrameDecoder<Sender>({
          limits: DEFAULT_FRAME_LIMITS,
          from: COMMANDS[frame.command].sender,
          onFrame: (read) => again.push(encodeFrame(read, version)),
        });
        decoder.version = version;
        decoder.push(bytes);
        expect(again).toEqual([bytes]);
      }),
    );
  });

  test('F20, L07: frames, and what is wrong with them, are the same however they are cut', () => {
    const memory = new LineMemory(4);
    const stream = fc.array(fc.oneof(frameOf(version), fc.constant('\n'), fc.constant('\r\n')), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(stream, cutsOf, fc.constantFrom<Sender>('client', 'server'), (parts, cuts, from) => {
        const bytes = Uint8Array.from(
          parts.flatMap((part) => [
            ...(typeof part === 'string' ? octets(part) : encodeFrame(part, version)),
          ]),
        );
        const whole = readCut(bytes, [], version, from, memory);
        expect(readCut(bytes, cuts, version, from, memory)).toEqual(whole);
        expect(readCut(bytes, [...bytes.keys()], version, from, new LineMemory(4))).toEqual(whole);
      }),
    );
  });
});

/** Octets that look like frames enough to come far. */
const likeness = fc
  .array(
    fc.constantFrom(
      ...[
        'SEND',
        'CONNECT',
        'STOMP',
        'NACK',
        'SUBSCRIBE',
        'MESSAGE',
        'SUBSCRIBEUNSUBSCRIBE',
        '\n',
        '\n',
        '\r\n',
        '\r',
        '\0',
      ],
      ...[
        ':',
        'a',
        'a:b\n',
        'content-length:2\n',
        'content-length: 3\n',
        'content-length:9999\n',
        'authorization:',
        '\\',
      ],
      ...[
        '\\n',
        '\\r',
        '\\c',
        '\\t',
        'é',
        '\n\n',
        '\n\n\0',
        ' ',
        'x'.repeat(90),
        'x'.repeat(200),
        'y'.repeat(1500),
      ],
    ),
    { maxLength: 30 },
  )
  .map((parts) => octets(parts.join('')));

const mutated = fc
  .tuple(frameOf('1.2'), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }))
  .map(([frame, changes]) => {
    const bytes = encodeFrame(frame, '1.2');
    for (const [at, octet] of changes) bytes[at % bytes.length] = octet;
    return bytes;
  });

test.each([
  ['random octets', fc.uint8Array({ maxLength: 500 })],
  ['octets that resemble frames', likeness],
  ['changed frames', mutated],
])('L07: %s throw nothing but FrameErrors, the same ones however they are cut', (_, arbitrary) => {
  const memory = new LineMemory(4);
  const version = fc.constantFrom<Version | undefined>(undefined, ...SUPPORTED_VERSIONS);
  const from = fc.constantFrom<Sender>('client', 'server');
  fc.assert(
    fc.property(arbitrary, cutsOf, version, from, (bytes, cuts, spoken, sender) => {
      const whole = readCut(bytes, [], spoken, sender, memory);
      expect(readCut(bytes, cuts, spoken, sender, memory)).toEqual(whole);
      expect(readCut(bytes, [...bytes.keys()], spoken, sender, new LineMemory(4))).toEqual(whole);
    }),
    { numRuns: 500 },
  );
});

test('L07: 64 KiB octet by octet cost no more as one frame than as sixteen', () => {
  const drip = (frames: number) => {
    const frame = `SEND\ndestination:/a\n\n${'b'.repeat(64_000 / frames)}\0`;
    const input = octets(frame.repeat(frames));
    const start = performance.now();
    expect(read(input, '1.2', { pieces: 1 }).frames.length).toBe(frames);
    return performance.now() - start;
  };
  drip(1);
  // By turns and the best of each: to mislead, a disturbance would have to meet every run of one kind and spare the other.
  const runs = Array.from({ length: 10 }, () => ({ sixteen: drip(16), one: drip(1) }));
  const best = (kind: 'one' | 'sixteen') => Math.min(...runs.map((run) => run[kind]));
  // Linear work makes it 1. Quadratic work would make it 16 times, less what each push costs anyway.
  expect(best('one') / best('sixteen')).toBeLessThan(3);
});

test('F15, L07: memory stays flat for unfinished frames and for announced octets that never come', () => {
  const hold = (input: Uint8Array) => {
    const decoder = new FrameDecoder({ limits: DEFAULT_FRAME_LIMITS, memory, onFrame: () => {} });
    decoder.version = '1.2';
    for (const octet of input) decoder.push(Uint8Array.of(octet));
    expect(decoder.midFrame).toBe(true);
    return decoder;
  };
  const memory = new LineMemory();
  const announced = octets('SEND\ncontent-length:65000\n\n');
  const before = process.memoryUsage().arrayBuffers;
  const decoders = Array.from({ length: 1000 }, () => hold(announced));
  // 1000 × 65000 octets were announced, 1000 × 256 are held.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8_000_000);
  for (const decoder of decoders) decoder.stop();
});
