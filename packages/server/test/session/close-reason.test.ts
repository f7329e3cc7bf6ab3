// The reason in a Close frame: at most 123 octets, never half a character.
import { ERRORS, type ErrorCode, MaruError } from '@maru/contract';
import { describe, expect, test } from 'vitest';
import { closeReason, truncate } from '../../src/session/close-reason.ts';

describe('close reason', () => {
  test('R11 a long Korean text is cut between two syllables', () => {
    const text = '마루에서 사람들이 만납니다. '.repeat(10);
    const cut = truncate(text);
    expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(123);
    expect(text.startsWith(cut)).toBe(true);
    expect(Buffer.byteLength(text.slice(0, cut.length + 1))).toBeGreaterThan(123);
  });

  test.each([
    ['a'.repeat(123), 123],
    ['a'.repeat(124), 123],
    ['가'.repeat(41), 123],
    ['가'.repeat(42), 123],
    [`${'a'.repeat(122)}가`, 122],
    [`${'a'.repeat(120)}😀`, 120],
    [`${'a'.repeat(119)}😀`, 123],
    ['', 0],
  ])('FR08 %s becomes %i octets of valid UTF-8', (text, octets) => {
    const cut = truncate(text);
    expect(Buffer.byteLength(cut)).toBe(octets);
    expect(cut.isWellFormed()).toBe(true);
  });

  test('whoever is sent away for a while is told for how long, all others why', () => {
    for (const code of Object.keys(ERRORS) as ErrorCode[]) {
      const error = new MaruError(code, { message: '비밀'.repeat(100) });
      const away = error.close === 1012 || error.close === 1013;
      expect(closeReason(error, 1_500)).toBe(away ? 'retry-after=1500' : code);
    }
  });
});
