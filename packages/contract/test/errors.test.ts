// The error registry: complete, legal, and without surprises for a client.
import type { FrameErrorCode } from '@maru/stomp';
import { describe, expect, test } from 'vitest';
import { ERRORS, type ErrorCode, isErrorCode, MaruError } from '../src/index.ts';

const codes = Object.keys(ERRORS) as ErrorCode[];

/** Every code of the codec; the compiler holds this list against it. */
const FRAME_ERROR_CODES = Object.keys({
  'malformed-frame': true,
  'malformed-header': true,
  'invalid-escape': true,
  'invalid-utf8': true,
  'invalid-content-length': true,
  'unknown-command': true,
  'body-not-allowed': true,
  'frame-too-large': true,
  'too-many-headers': true,
  'header-too-long': true,
} satisfies Record<FrameErrorCode, true>);

describe('error registry', () => {
  test.each(codes)(
    '%s has a name, a sentence, a status, a close code and advice that fit each other',
    (code) => {
      const { message, status, close, retry } = ERRORS[code];
      expect(code).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
      expect(message).toMatch(/^[A-Z][^\n\r]{5,}[^.\s]$/);
      expect(status).toBeGreaterThanOrEqual(400);
      expect(status).toBeLessThan(600);
      // The close codes of the contract; none of those that may never be written (FR07).
      expect([1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013]).toContain(close);
      expect(['never', 'reauthenticate', 'later']).toContain(retry);
      expect(retry === 'reauthenticate').toBe(status === 401);
      if (close >= 1011) expect(retry).toBe('later');
      if (status >= 500 && code !== 'unsupported-frame') expect(retry).toBe('later');
    },
  );

  test.each(FRAME_ERROR_CODES)(
    'the frame error %s is in the registry and ends the session as unreadable',
    (code) => {
      if (!isErrorCode(code)) throw new Error(`${code} is missing`);
      expect([1002, 1007, 1009]).toContain(ERRORS[code].close);
      expect(ERRORS[code].retry).toBe('never');
    },
  );

  test('what is no code is none, not even a name that every object has', () => {
    for (const name of ['', 'toString', '__proto__', 'constructor', 'Internal'])
      expect(isErrorCode(name)).toBe(false);
  });

  test('an error carries its code, its status and close, its message or the one of the registry, and its cause', () => {
    const cause = new Error('inner');
    const error = new MaruError('too-slow', { cause });
    expect(error).toMatchObject({
      name: 'MaruError',
      code: 'too-slow',
      status: 503,
      close: 1013,
      message: ERRORS['too-slow'].message,
      cause,
    });
    expect(new MaruError('internal', { message: 'other' }).message).toBe('other');
    expect('cause' in new MaruError('internal')).toBe(false);
    expect(error).toBeInstanceOf(Error);
  });
});
