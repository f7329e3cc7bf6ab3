// Escapes, reading and writing: rows E of the checklist.
import { describe, expect, test } from 'vitest';
import { encodeFrame, encodeHeaderLine, FrameError, SUPPORTED_VERSIONS } from '../src/index.ts';
import { read, readOne } from './frames.ts';

const written = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const headersOf = (line: string, version: '1.0' | '1.1' | '1.2') =>
  readOne(`SEND\n${line}\n\n\0`, version).headers;

describe('reading', () => {
  test('E01: 1.2 unescapes CR, LF, colon and backslash in names and values', () => {
    expect(headersOf('k\\cx:a\\nb\\rc\\\\n\\c', '1.2')).toEqual([['k:x', 'a\nb\rc\\n:']]);
  });

  test('E02: 1.1 does not know the escape of CR', () => {
    expect(headersOf('k\\cx:a\\nb\\\\r', '1.1')).toEqual([['k:x', 'a\nb\\r']]);
    expect(read('SEND\na:\\r\n\n\0', '1.1').error).toBe('invalid-escape');
  });

  test.each(['1.1', '1.2'] as const)('E03: any other escape is refused (%s)', (version) => {
    for (const line of ['a:\\t', 'a:x\\', 'a\\:b', 'a:\\N', 'a:\\😀', 'a:\\\\\\', 'a:\\ n']) {
      expect(read(`SEND\n${line}\n\n\0`, version).error, line).toBe('invalid-escape');
    }
  });

  test.each(['CONNECT', 'STOMP'])('E05, E06: %s is never unescaped', (command) => {
    for (const version of [undefined, '1.1', '1.2'] as const) {
      const frame = readOne(`${command}\naccept-version:1.2\npasscode:a\\cb\\\n\n\0`, version);
      expect(frame.headers[1]).toEqual(['passcode', 'a\\cb\\']);
    }
  });

  test('E05: CONNECTED is never unescaped', () => {
    expect(readOne('CONNECTED\nversion:1.2\nx:a\\cb\n\n\0', '1.2', { from: 'server' }).headers[1]).toEqual([
      'x',
      'a\\cb',
    ]);
  });

  test('E07: 1.0 has no escapes', () => {
    expect(headersOf('a:x\\ny\\', '1.0')).toEqual([['a', 'x\\ny\\']]);
  });
});

describe('writing', () => {
  test('E04: the octets that 1.2 escapes come back as they were', () => {
    const value = 'a:b\rc\nd\\e';
    const bytes = encodeFrame({ command: 'MESSAGE', headers: [['k:\n', value]] }, '1.2');
    expect(written(bytes)).toBe('MESSAGE\nk\\c\\n:a\\cb\\rc\\nd\\\\e\n\n\0');
    expect(readOne(written(bytes), '1.2', { from: 'server' }).headers).toEqual([['k:\n', value]]);
  });

  test('E04: 1.1 escapes LF, colon and backslash; a CR is an ordinary octet there', () => {
    expect(encodeHeaderLine('a', ':\r\n\\', '1.1')).toBe('a:\\c\r\\n\\\\\n');
  });

  test.each(['CONNECT', 'STOMP', 'CONNECTED'] as const)('E05: %s is never escaped', (command) => {
    const bytes = encodeFrame({ command, headers: [['passcode', 'a:b\\c']] }, '1.2');
    expect(written(bytes)).toBe(`${command}\npasscode:a:b\\c\n\n\0`);
  });

  test.each(['1.1', '1.2'] as const)('E08: no value makes a second header line or a body (%s)', (version) => {
    for (const value of ['1\nuser:admin', '1\n\nbody', '1\r\nuser:admin', '1\\\n', 'a:b\n:']) {
      const bytes = encodeFrame({ command: 'RECEIPT', headers: [['receipt-id', value]] }, version);
      const frame = readOne(written(bytes), version, { from: 'server' });
      expect(frame).toEqual({ command: 'RECEIPT', headers: [['receipt-id', value]], body: '' });
    }
  });

  test('E08: what cannot be escaped is not written', () => {
    const line = (name: string, value: string, version: '1.0' | '1.1' | '1.2') => () =>
      encodeHeaderLine(name, value, version);
    for (const version of SUPPORTED_VERSIONS) {
      expect(line('a', 'x\0', version)).toThrow(FrameError);
      expect(line('a\0', 'x', version)).toThrow(FrameError);
      expect(line('', 'x', version)).toThrow(FrameError);
    }
    expect(line('a', 'x\ny:z', '1.0')).toThrow(FrameError);
    expect(line('a:b', 'x', '1.0')).toThrow(FrameError);
    expect(line('a', 'x:y\\', '1.0')()).toBe('a:x:y\\\n');
    for (const value of ['x\ny:z', 'x\r', 'x\0']) {
      const connected = () => encodeFrame({ command: 'CONNECTED', headers: [['user-name', value]] }, '1.2');
      expect(connected).toThrow(expect.objectContaining({ code: 'malformed-header' }));
    }
  });
});
