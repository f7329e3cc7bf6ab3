// What the meter sees of WebSocket frames, however their octets are cut.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { WebSocketMeter } from '../../src/session/websocket-meter.ts';
import { type FrameParts, wireFrame } from './raw-socket.ts';

type Seen = {
  readonly frames: number;
  readonly messages: number;
  readonly finished: number;
  readonly midMessage: boolean;
  readonly refused: boolean;
};

function seenBy({ frames, messages, finished, midMessage, refused }: WebSocketMeter): Seen {
  return { frames, messages, finished, midMessage, refused };
}

function metered(...pieces: readonly Uint8Array[]): Seen {
  const meter = new WebSocketMeter();
  for (const piece of pieces) meter.read(piece);
  return seenBy(meter);
}

/** RFC 6455 §5.2 read off the page: all octets at hand, looked at frame by frame from the first. */
function referenceOf(octets: Buffer): Seen {
  let [frames, messages, finished, fragmented, at] = [0, 0, 0, false, 0];
  const now = (midMessage: boolean, refused = false): Seen => ({
    frames,
    messages,
    finished,
    midMessage,
    refused,
  });
  while (at < octets.length) {
    frames += 1;
    const frame = octets.subarray(at);
    if (frame.length < 2) return now(true);
    const fin = frame.readUInt8(0) >= 128;
    const opcode = frame.readUInt8(0) % 16;
    const masked = frame.readUInt8(1) >= 128;
    const short = frame.readUInt8(1) % 128;
    const form = short === 126 ? 2 : short === 127 ? 8 : 0;
    if (frame.length < 2 + form) return now(true);
    const length =
      form === 0 ? BigInt(short) : form === 2 ? BigInt(frame.readUInt16BE(2)) : frame.readBigUInt64BE(2);
    if (form === 2 && length < 126n) return now(false, true);
    if (form === 8 && length < 65_536n) return now(false, true);
    const end = 2n + BigInt(form) + (masked ? 4n : 0n) + length;
    if (BigInt(frame.length) < end) return now(true);
    if (opcode < 8) {
      if (fin) messages += 1;
      if (fin) fragmented = false;
      else if (opcode > 0) fragmented = true;
    }
    if (!fragmented) finished += 1;
    if (opcode === 8) return now(false);
    at += Number(end);
  }
  return now(fragmented);
}

const opcodes = fc.oneof(
  { weight: 20, arbitrary: fc.constantFrom(0, 1, 2, 9, 10) },
  { weight: 1, arbitrary: fc.constantFrom(3, 8, 15) },
);
const lengths = fc.oneof(fc.nat(20), fc.constantFrom(0, 125, 126, 127, 300, 65_535, 65_536));
const forms = fc.oneof(
  { weight: 15, arbitrary: fc.constant(undefined) },
  { weight: 1, arbitrary: fc.constantFrom<7 | 16 | 64>(16, 64) },
);
const frame = fc
  .record({ opcode: opcodes, fin: fc.boolean(), masked: fc.boolean(), length: lengths, form: forms })
  .map(({ opcode, fin, masked, length, form }) => {
    const parts: FrameParts = { opcode, fin, masked };
    // A length of 65,536 can't be written in two octets.
    if (form === undefined || (form === 16 && length > 65_535)) return wireFrame(Buffer.alloc(length), parts);
    return wireFrame(Buffer.alloc(length), { ...parts, length: { form, value: BigInt(length) } });
  });
const garbage = fc.uint8Array({ maxLength: 30 }).map((octets) => Buffer.from(octets));
const stream = fc
  .array(fc.oneof({ weight: 10, arbitrary: frame }, { weight: 1, arbitrary: garbage }), { maxLength: 12 })
  .map((parts) => Buffer.concat(parts));

describe('the meter', () => {
  test('FR02 sees the same as a decoder that has all octets at hand, at every cut', () => {
    fc.assert(
      fc.property(stream, fc.array(fc.nat(400_000), { maxLength: 30 }), (octets, cuts) => {
        const ends = [...new Set([...cuts.map((cut) => cut % (octets.length + 1)), octets.length])];
        ends.sort((a, b) => a - b);
        const meter = new WebSocketMeter();
        let at = 0;
        for (const end of ends) {
          meter.read(octets.subarray(at, end));
          at = end;
          expect(seenBy(meter)).toEqual(referenceOf(octets.subarray(0, end)));
        }
        expect(metered(octets)).toEqual(seenBy(meter));
      }),
      { numRuns: 1_000 },
    );
  });

  test('FR02 sees the same octet by octet as in one piece', () => {
    fc.assert(
      fc.property(
        stream.filter(({ length }) => length < 3_000),
        (octets) => {
          expect(metered(...[...octets].map((octet) => Uint8Array.of(octet)))).toEqual(metered(octets));
        },
      ),
      { numRuns: 500 },
    );
  });

  test.each([
    [16, 125n, true],
    [16, 126n, false],
    [16, 0n, true],
    [64, 125n, true],
    [64, 65_535n, true],
    [64, 65_536n, false],
    [64, 2n ** 63n, false],
  ] as const)('FR02 a length in %i bits of %i: refused is %s', (form, value, refused) => {
    expect(metered(wireFrame('', { length: { form, value } })).refused).toBe(refused);
  });

  test('FR02 of a refused frame and what is behind it nothing counts', () => {
    const good = wireFrame('good');
    const bad = wireFrame('bad', { length: { form: 16, value: 3n } });
    expect(metered(Buffer.concat([good, bad, good, good]))).toEqual({
      frames: 2,
      messages: 1,
      finished: 1,
      midMessage: false,
      refused: true,
    });
  });

  test('FR06 behind a Close nothing counts', () => {
    const seen = metered(Buffer.concat([wireFrame('', { opcode: 8 }), wireFrame('x'), Buffer.from([0x81])]));
    expect(seen).toEqual({ frames: 1, messages: 0, finished: 1, midMessage: false, refused: false });
  });

  test('FR03 a Ping between fragments finishes nothing; the last fragment finishes the message', () => {
    const meter = new WebSocketMeter();
    meter.read(wireFrame('a', { fin: false }));
    expect(seenBy(meter)).toMatchObject({ frames: 1, messages: 0, finished: 0, midMessage: true });
    meter.read(wireFrame('', { opcode: 9 }));
    expect(seenBy(meter)).toMatchObject({ frames: 2, messages: 0, finished: 0, midMessage: true });
    meter.read(wireFrame('b', { opcode: 0 }));
    expect(seenBy(meter)).toMatchObject({ frames: 3, messages: 1, finished: 1, midMessage: false });
  });
});
