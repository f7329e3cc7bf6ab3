// The name a person is shown by: what is taken, and in which form it is kept.

export const MAX_DISPLAY_NAME_CHARACTERS = 80;

/** Control characters, line and paragraph separators, and the bidi controls that turn the text around a name. */
const NOT_IN_A_NAME = /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u;

/** The name as it is kept, or `undefined` when it can't be one. */
export function parseDisplayName(value: unknown): string | undefined {
  if (typeof value !== 'string' || !value.isWellFormed()) return undefined;
  const name = value.trim();
  if (name === '' || name.length > MAX_DISPLAY_NAME_CHARACTERS || NOT_IN_A_NAME.test(name)) return undefined;
  return name;
}

/** A foreign issuer's name is cleaned rather than refused: its people can't change it here. */
export function cleanDisplayName(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const cleaned = value.toWellFormed().replace(new RegExp(NOT_IN_A_NAME, 'gu'), ' ').trim();
  // The cut may halve a surrogate pair.
  return parseDisplayName(cleaned.slice(0, MAX_DISPLAY_NAME_CHARACTERS).toWellFormed());
}
