// Remembered header lines never change what is read.
import { expect, test } from 'vitest';
import { DEFAULT_FRAME_LIMITS, FrameDecoder, FrameError, LineMemory, type Version } from '../src/index.ts';
import { NOWHERE } from '../src/line-memory.ts';
import { octets, plain } from './frames.ts';

function session(memory: LineMemory, version: Version, limits = DEFAULT_FRAME_LIMITS) {
  const frames: ReturnType<typeof plain>[] = [];
  const decoder = new FrameDecoder({ limits, memory, onFrame: (frame) => frames.push(plain(frame)) });
  decoder.version = version;
  return { decoder, frames };
}

test('sessions of different versions share a memory and each reads by its own rules', () => {
  const memory = new LineMemory();
  const frame = octets('SEND\na: b \nc:d\\n\ne:f\n\n\0');
  const read = () =>
    (['1.0', '1.1', '1.2'] as const).map((version) => {
      const { decoder, frames } = session(memory, version);
      decoder.push(frame);
      return frames[0]?.headers.map(([, value]) => value);
    });
  const expected = [
    ['b', 'd\\n', 'f'],
    [' b ', 'd\n', 'f'],
    [' b ', 'd\n', 'f'],
  ];
  expect(read()).toEqual(expected);
  expect(read()).toEqual(expected);
});

test('a line with a CR is read by the rules of the version, also when another version read it before', () => {
  const memory = new LineMemory();
  const frame = octets('SEND\na:b\r\n\n\0');
  for (const [version, value] of [
    ['1.1', 'b\r'],
    ['1.2', 'b'],
    ['1.1', 'b\r'],
    ['1.2', 'b'],
  ] as const) {
    const { decoder, frames } = session(memory, version);
    decoder.push(frame);
    expect(frames[0]?.headers).toEqual([['a', value]]);
  }
});

test('a remembered line is held against the limits of the session that reads it', () => {
  const memory = new LineMemory();
  const frame = octets(`SEND\na:${'v'.repeat(40)}\n\n\0`);
  session(memory, '1.2').decoder.push(frame);
  const { decoder } = session(memory, '1.2', { ...DEFAULT_FRAME_LIMITS, headerOctets: 41 });
  expect(() => decoder.push(frame)).toThrow(FrameError);
});

test('a line with a token is not remembered', () => {
  const memory = new LineMemory();
  const frame = octets(`SEND\nauthorization:${'t'.repeat(40)}\n\n\0`);
  session(memory, '1.2').decoder.push(frame);
  // Were it remembered, it would not be seen any more that this is the line of which less is read here.
  const { decoder } = session(memory, '1.2', { ...DEFAULT_FRAME_LIMITS, authorizationOctets: 53 });
  expect(() => decoder.push(frame)).toThrow(FrameError);
});

test('lines past the number of slots, and of 95, 96 and 97 octets, are read right again and again', () => {
  const memory = new LineMemory(4);
  const values = Array.from({ length: 40 }, (_, n) => `${n}-${'x'.repeat(n % 3)}`);
  values.push('v'.repeat(92), 'v'.repeat(93), 'v'.repeat(94), 'v'.repeat(95), '', '');
  const { decoder, frames } = session(memory, '1.2');
  for (let round = 0; round < 3; round++) {
    for (const value of values) decoder.push(octets(`SEND\nk:${value}\nz:${value}\n\n\0`));
  }
  expect(frames.map(({ headers }) => headers)).toEqual(
    [...values, ...values, ...values].map((value) => [
      ['k', value],
      ['z', value],
    ]),
  );
});

test('lines that differ in their first octets only are told apart', () => {
  const { decoder, frames } = session(new LineMemory(4), '1.2');
  const lines = ['xab:1234567890', 'xbb:1234567890', 'xcb:1234567890'];
  for (const line of [...lines, ...lines]) decoder.push(octets(`SEND\n${line}\n\n\0`));
  expect(frames.map(({ headers }) => headers[0]?.join(':'))).toEqual([...lines, ...lines]);
});

test('the number of slots is a power of two', () => {
  for (const slots of [0, 2, 3, 48, 8192]) expect(() => new LineMemory(slots)).toThrow(RangeError);
});

test('nothing of CONNECT is remembered: it holds the passcode', () => {
  const memory = new LineMemory();
  const line = octets('passcode:secret\n');
  const { decoder } = session(memory, '1.2');
  decoder.push(octets('CONNECT\npasscode:secret\n\n\0'));
  expect(memory.find(line, 0, line.length)).toBe(NOWHERE);
  decoder.push(octets('SEND\npasscode:secret\n\n\0'));
  expect(memory.find(line, 0, line.length)).not.toBe(NOWHERE);
});

test('a line of 96 octets is remembered, a longer one is not', () => {
  const memory = new LineMemory(4);
  const line = (length: number) => octets(`a:${'v'.repeat(length - 3)}\n`);
  expect(memory.remember(line(96), 0, 96, 'a', 'v')).not.toBe(NOWHERE);
  expect(memory.remember(line(97), 0, 97, 'a', 'v')).toBe(NOWHERE);
});

test('a line fits only where the whole of it is there', () => {
  const memory = new LineMemory(4);
  const line = octets('a:b\n');
  const slot = memory.remember(line, 0, 4, 'a', 'b');
  expect(memory.fits(slot, line, 0, 4)).toBe(4);
  expect(memory.fits(slot, line, 0, 3)).toBe(0);
});
