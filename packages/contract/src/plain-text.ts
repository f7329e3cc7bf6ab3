// Text that stands in one line among other people's words: names of people and rooms.

/** Control characters, line and paragraph separators, and the bidi controls that turn the text around a name. */
const NOT_PLAIN = String.raw`[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]`;
const FIRST = new RegExp(NOT_PLAIN, 'u');
const EVERY = new RegExp(NOT_PLAIN, 'gu');

export const PLAIN_TEXT_RULE = 'must not hold control characters, line breaks or bidirectional controls';

/** Well-formed and without what could break or turn the line. Joiners and direction marks are part of scripts and emoji. */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && !FIRST.test(text);
}

/** The same text made plain: for what cannot be refused. */
export function toPlainText(text: string): string {
  return text.toWellFormed().replace(EVERY, ' ');
}
