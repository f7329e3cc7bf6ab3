// Which text may stand in a line of the page, and what becomes of the rest.
import { describe, expect, test } from 'vitest';
import { isPlainText, toPlainText } from '../src/index.ts';

describe('text of one line', () => {
  test.each([
    ['nothing', ''],
    ['letters', 'Maru'],
    ['Hangul, also in single jamo', '마루 \u1106\u1161'],
    ['an emoji', '😀'],
    ['emoji joined by U+200D', '👩‍👩‍👧‍👦'],
    ['a flag of tag characters', '🏴\u{e0067}\u{e0062}\u{e0077}\u{e006c}\u{e0073}\u{e007f}'],
    ['Persian with a zero-width non-joiner', 'می‌خواهم'],
    ['Hebrew with a direction mark', 'שלום\u200f!'],
    ['an unusual space', 'a\u00a0b\u3000c'],
  ])('may hold %s', (_what, text) => {
    expect(isPlainText(text)).toBe(true);
    expect(toPlainText(text)).toBe(text);
  });

  test.each([
    ['a NUL', 'a\0b'],
    ['a tab', 'a\tb'],
    ['a line end', 'a\nb'],
    ['DEL', 'a\x7fb'],
    ['the control character CSI', 'a\x9bb'],
    ['a line separator', 'a\u2028b'],
    ['a paragraph separator', 'a\u2029b'],
    ['an embedding', 'a\u202ab'],
    ['a right-to-left override', 'a\u202eb'],
    ['an isolate', 'a\u2066b'],
    ['the end of an isolate', 'a\u2069b'],
  ])('may not hold %s, which becomes a blank', (_what, text) => {
    expect(isPlainText(text)).toBe(false);
    expect(toPlainText(text)).toBe('a b');
  });

  test('may not hold half a surrogate pair, which becomes the replacement character', () => {
    expect(isPlainText('a\ud800b')).toBe(false);
    expect(toPlainText('a\ud800b')).toBe('a\ufffdb');
  });
});
