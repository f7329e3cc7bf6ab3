// The name a person is shown by: what is taken, and in which form it is kept.
import { isPlainText, toPlainText } from '@maru/contract';

export const MAX_DISPLAY_NAME_CHARACTERS = 80;

/** The name as it is kept, or `undefined` when it can't be one. */
export function parseDisplayName(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const name = value.trim();
  if (name === '' || name.length > MAX_DISPLAY_NAME_CHARACTERS || !isPlainText(name)) return undefined;
  return name;
}

/** A foreign issuer's name is cleaned rather than refused: its people can't change it here. */
export function cleanDisplayName(value: unknown): string | undefined {
  if (typeof value !== 'string') return undefined;
  const cleaned = toPlainText(value).trim();
  // The cut may halve a surrogate pair.
  return parseDisplayName(cleaned.slice(0, MAX_DISPLAY_NAME_CHARACTERS).toWellFormed());
}
