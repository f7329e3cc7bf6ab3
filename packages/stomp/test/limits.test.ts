// Limits of the decoder, each at the limit and one past it: rows L of the checklist.
import { describe, expect, test } from 'vitest';
import { DEFAULT_FRAME_LIMITS, SUPPORTED_VERSIONS } from '../src/index.ts';
import { read } from './frames.ts';

const PIECES = [undefined, 1, 7] as const;
const lines = (count: number) => Array.from({ length: count }, (_, n) => `h${n}:x\n`).join('');

describe.each(PIECES)('in pieces of %s octets', (pieces) => {
  const reading = pieces === undefined ? {} : { pieces };

  test('the limits are those that are published', () => {
    expect(DEFAULT_FRAME_LIMITS).toEqual({
      frameOctets: 65536,
      headers: 32,
      headerOctets: 1024,
      authorizationOctets: 4096,
    });
  });

  test('L01: 32 headers are read, the 33rd is refused', () => {
    expect(read(`SEND\n${lines(32)}\n\0`, '1.2', reading).frames[0]?.headers.length).toBe(32);
    expect(read(`SEND\n${lines(33)}\n\0`, '1.2', reading).error).toBe('too-many-headers');
    expect(read(`SEND\n${lines(32)}h`, '1.2', reading).error).toBe('too-many-headers');
  });

  test('L01: repeated headers count', () => {
    expect(read(`SEND\n${'a:b\n'.repeat(33)}`, '1.2', reading).error).toBe('too-many-headers');
  });

  test.each(['\n', '\r\n'])(
    'L02: a header line of 1024 octets is read, a longer one is refused (%j)',
    (eol) => {
      const value = 'v'.repeat(1022);
      expect(read(`SEND\na:${value}${eol}\n\0`, '1.2', reading).frames.length).toBe(1);
      expect(read(`SEND\na:${value}v${eol}\n\0`, '1.2', reading).error).toBe('header-too-long');
      expect(read(`SEND\na:${value}v`, '1.2', reading).error).toBe('header-too-long');
    },
  );

  test('L02: in 1.1 a CR is counted as part of the line', () => {
    expect(read(`SEND\na:${'v'.repeat(1021)}\r\n\n\0`, '1.1', reading).frames.length).toBe(1);
    expect(read(`SEND\na:${'v'.repeat(1022)}\r\n\n\0`, '1.1', reading).error).toBe('header-too-long');
  });

  test('L02: a header name without an end is refused', () => {
    expect(read(`SEND\n${'n'.repeat(1024)}`, '1.2', reading).midFrame).toBe(true);
    expect(read(`SEND\n${'n'.repeat(1025)}`, '1.2', reading).error).toBe('header-too-long');
    expect(read(`SEND\n${'n'.repeat(1023)}:\n\n\0`, '1.2', reading).frames.length).toBe(1);
    expect(read(`SEND\n${'n'.repeat(1024)}:\n\n\0`, '1.2', reading).error).toBe('header-too-long');
    expect(read(`SEND\n${'n'.repeat(1024)}\n`, '1.2', reading).error).toBe('malformed-header');
  });

  test('L02: the length of a line is counted in octets, not characters', () => {
    expect(read(`SEND\na:${'안'.repeat(340)}vv\n\n\0`, '1.2', reading).frames.length).toBe(1);
    expect(read(`SEND\na:${'안'.repeat(340)}vvv\n\n\0`, '1.2', reading).error).toBe('header-too-long');
  });

  test.each(['Authorization', 'authorization', 'AUTHORIZATION'])(
    'L02: a line %s may have 4096 octets',
    (name) => {
      const value = 't'.repeat(4096 - name.length - 1);
      expect(read(`CONNECT\n${name}:${value}\n\n\0`, undefined, reading).frames.length).toBe(1);
      expect(read(`CONNECT\n${name}:${value}t\n\n\0`, undefined, reading).error).toBe('header-too-long');
      expect(read(`CONNECT\nx${name}:${value}\n\n\0`, undefined, reading).error).toBe('header-too-long');
    },
  );

  test('L02: a command line is refused as soon as it is longer than any command', () => {
    expect(read('SENDSENDSENDS', '1.2', reading).error).toBe('unknown-command');
    expect(read('SENDSENDSEND', '1.2', reading).midFrame).toBe(true);
  });

  test('L03: a declared body that makes the frame exactly 64 KiB is read, one octet more is refused unread', () => {
    const head = (body: number) => `SEND\ncontent-length:${body}\n\n`;
    const fits = 65536 - head(65000).length - 1;
    const { frames } = read(`${head(fits)}${'b'.repeat(fits)}\0`, '1.2', reading);
    expect(frames[0]?.body.length).toBe(fits);
    expect(read(head(fits + 1), '1.2', reading).error).toBe('frame-too-large');
  });

  test('L03: an undeclared body is read to 64 KiB and refused without waiting for more', () => {
    const head = 'SEND\n\n';
    const fits = 65536 - head.length - 1;
    expect(read(`${head}${'b'.repeat(fits)}\0`, '1.2', reading).frames[0]?.body.length).toBe(fits);
    expect(read(`${head}${'b'.repeat(fits + 1)}\0`, '1.2', reading).error).toBe('frame-too-large');
    expect(read(`${head}${'b'.repeat(fits)}`, '1.2', reading).midFrame).toBe(true);
    expect(read(`${head}${'b'.repeat(fits + 1)}`, '1.2', reading).error).toBe('frame-too-large');
  });

  test('L03: a body that 1.0 drops is counted all the same', () => {
    expect(read(`SUBSCRIBE\n\n${'b'.repeat(65536)}`, '1.0', reading).error).toBe('frame-too-large');
  });

  test.each(SUPPORTED_VERSIONS)('L07: each frame has the whole limit, however it is cut (%s)', (version) => {
    const frame = 'SEND\na:b\n\nbody\0';
    const limits = { frameOctets: frame.length };
    expect(read(frame.repeat(5), version, { ...reading, limits }).frames.length).toBe(5);
    expect(read(frame, version, { ...reading, limits: { frameOctets: frame.length - 1 } }).error).toBe(
      'frame-too-large',
    );
  });
});

test('L07: ends of line between frames are no frame and have no limit', () => {
  const { heartBeats, error } = read('\n'.repeat(200_000), '1.2', { pieces: 65_536 });
  expect({ heartBeats, error }).toEqual({ heartBeats: 4, error: undefined });
});

test('L07: a line that was remembered under other limits is measured again', () => {
  const frame = `SEND\nlong-name:${'v'.repeat(20)}\n\n\0`;
  expect(read(frame.repeat(3), '1.2', { limits: { headerOctets: 30 } }).frames.length).toBe(3);
});
