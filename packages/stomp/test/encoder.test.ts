// Frames as the encoder writes them.
import { expect, test } from 'vitest';
import { encodeFrame, FrameHeaders, HEART_BEAT, SUPPORTED_VERSIONS } from '../src/index.ts';
import { octets, readOne } from './frames.ts';

const written = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const headers: [string, string][] = [['destination', '/a']];

test.each(['SEND', 'MESSAGE', 'ERROR'] as const)(
  'S05: %s with a body gets a content-length in octets',
  (command) => {
    const bytes = encodeFrame({ command, headers, body: octets('안녕\0') }, '1.2');
    expect(written(bytes)).toBe(`${command}\ndestination:/a\ncontent-length:7\n\n안녕\0\0`);
  },
);

test('S05: a content-length that is there is not written twice', () => {
  const bytes = encodeFrame(
    { command: 'SEND', headers: [['content-length', '2']], body: octets('hi') },
    '1.2',
  );
  expect(written(bytes)).toBe('SEND\ncontent-length:2\n\nhi\0');
});

test('a content-length that is not the length of the body is refused', () => {
  for (const length of ['1', '3', '02', ' 2', '']) {
    const encode = () =>
      encodeFrame({ command: 'SEND', headers: [['content-length', length]], body: octets('hi') }, '1.2');
    expect(encode, length).toThrow(expect.objectContaining({ code: 'invalid-content-length' }));
  }
});

test('a body on a frame that may have none is refused', () => {
  const encode = () => encodeFrame({ command: 'RECEIPT', headers, body: octets('x') }, '1.2');
  expect(encode).toThrow(expect.objectContaining({ code: 'body-not-allowed' }));
});

test.each(SUPPORTED_VERSIONS)('a frame without headers and body is its command (%s)', (version) => {
  expect(written(encodeFrame({ command: 'DISCONNECT', headers: [] }, version))).toBe('DISCONNECT\n\n\0');
});

test('F07: headers are written as UTF-8', () => {
  const bytes = encodeFrame({ command: 'MESSAGE', headers: [['이름', '마루 😀']] }, '1.2');
  expect(readOne(written(bytes), '1.2', { from: 'server' }).headers).toEqual([['이름', '마루 😀']]);
});

test('the headers of a frame that was read can be written as they are', () => {
  const list = FrameHeaders.from([
    ['a', '1'],
    ['a', '2'],
  ]);
  expect(written(encodeFrame({ command: 'ABORT', headers: list }, '1.2'))).toBe('ABORT\na:1\na:2\n\n\0');
});

test('H04: a heart-beat is one LF', () => {
  expect([...HEART_BEAT]).toEqual([10]);
});
