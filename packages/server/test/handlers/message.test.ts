// What of a SEND is passed on, and what a handler may publish.
import { FrameHeaders } from '@maru/stomp';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { headerList, messageOf, type Publishable, publicationOf } from '../../src/handlers/message.ts';

const octets = (text: string) => new TextEncoder().encode(text);
/** A publishable as JavaScript, which no compiler looks at, may give it. */
const untyped = (publishable: unknown) => publicationOf(publishable as Publishable);

/** Server-owned on a MESSAGE, or between the client and the server alone. */
const OWN = [
  'destination',
  'content-length',
  'receipt',
  'transaction',
  'subscription',
  'message-id',
  'ack',
  'session',
  'user-name',
  'sender-id',
  'seq',
  'log-epoch',
  'login',
  'passcode',
  'authorization',
  'Authorization',
  'Message-Id',
];

describe('the message of a SEND', () => {
  test('S03 S07 has its user headers in their order, its content type or none, and its very octets', () => {
    const body = Uint8Array.of(0, 255, 10, 0);
    const headers = FrameHeaders.from([
      ['destination', '/pub/echo'],
      ['x-trace', '1'],
      ['이름', '마루 😀:\n\\'],
      ['empty', ''],
    ]);
    expect(messageOf(headers, body)).toEqual({
      headers: [
        ['x-trace', '1'],
        ['이름', '마루 😀:\n\\'],
        ['empty', ''],
      ],
      contentType: undefined,
      body,
    });
    expect(messageOf(headers, body).body).toBe(body);
  });

  test('of a repeated header the first entry counts', () => {
    const headers = FrameHeaders.from([
      ['a', 'first'],
      ['a', 'second'],
      ['content-type', 'text/plain'],
      ['content-type', 'text/html'],
    ]);
    expect(messageOf(headers, octets(''))).toMatchObject({
      headers: [['a', 'first']],
      contentType: 'text/plain',
    });
  });

  test.each(OWN)('S04 AZ07 the header %s is not passed on as the client wrote it', (name) => {
    expect(messageOf(FrameHeaders.from([[name, 'spoofed']]), octets('')).headers).toEqual([]);
  });

  test('whatever came can be published as it is', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((part) => !part.includes('\0'));
    fc.assert(
      fc.property(
        fc.array(
          fc.tuple(
            text.filter((part) => part !== ''),
            text,
          ),
          { maxLength: 6 },
        ),
        fc.uint8Array(),
        (entries, body) => {
          const message = messageOf(FrameHeaders.from(entries), body);
          expect(publicationOf(message)).toEqual(message);
        },
      ),
    );
  });
});

describe('what a handler publishes', () => {
  test('json is JSON, a text is text in UTF-8, octets are what they are said to be or nothing', () => {
    expect(publicationOf({ json: { a: '가' } })).toEqual({
      headers: [],
      contentType: 'application/json',
      body: octets('{"a":"가"}'),
    });
    expect(publicationOf({ body: '가', headers: { 'x-a': '1' } })).toEqual({
      headers: [['x-a', '1']],
      contentType: 'text/plain;charset=utf-8',
      body: octets('가'),
    });
    expect(publicationOf({ body: Uint8Array.of(1) }).contentType).toBeUndefined();
    expect(publicationOf({ body: Uint8Array.of(1), contentType: 'image/png' }).contentType).toBe('image/png');
    expect(publicationOf({ json: null, contentType: 'application/vnd.team+json' })).toMatchObject({
      contentType: 'application/vnd.team+json',
      body: octets('null'),
    });
  });

  test.each(OWN)("the header %s is refused: it is the server's own", (name) => {
    expect(() => publicationOf({ body: '', headers: { [name]: 'x' } })).toThrow(
      `the header ${name} is the server's own`,
    );
  });

  test.each([
    ['a header without a name', { body: '', headers: { '': 'x' } }, 'a header is a name and a text'],
    ['a number for a header', { body: '', headers: { n: 5 } }, 'not n: number'],
    ['a NUL in a value', { body: '', headers: { n: 'a\0' } }, 'cannot hold a NUL'],
    ['a NUL in a name', { body: '', headers: [['n\0', 'a']] }, 'cannot hold a NUL'],
    ['a NUL in the content type', { body: '', contentType: 'a\0' }, 'cannot hold a NUL'],
    ['headers that are a text', { body: '', headers: 'n: 5' }, 'not a string'],
    ['an ArrayBuffer for a body', { body: new ArrayBuffer(1) }, 'a string or a Uint8Array'],
    ['no body at all', {}, 'a string or a Uint8Array'],
    ['a function for JSON', { json: () => 1 }, 'has no JSON'],
  ])('%s is refused in words', (_, publishable, message) => {
    expect(() => untyped(publishable)).toThrow(message);
    expect(() => untyped(publishable)).toThrow(TypeError);
  });

  test('no headers are none', () => {
    expect(headerList()).toEqual([]);
  });
});
