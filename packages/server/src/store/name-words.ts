// The keys a person is found by: the name as a whole and each word of it, whatever the case.

/** Queries are no longer than this; of a longer name only the beginning counts. */
const MAX_LENGTH = 80;
const MAX_WORDS = 20;
/** Keys of one name. */
export const MOST_WORDS = MAX_WORDS + 1;

/**
 * One spelling for all that look the same: compatibility forms (full width, decomposed Hangul), case and white space. Upper
 * case, for it has one form where lower case may have two (σ and ς, ss and ß). No language's own rules beyond that: `é` is
 * not `e`.
 */
export function foldName(text: string): string {
  return text
    .normalize('NFKC')
    .toUpperCase()
    .normalize('NFKC')
    .replaceAll(/\s+/g, ' ')
    .trim()
    .slice(0, MAX_LENGTH);
}

/** Distinct, the whole name first; at most 21. */
export function wordsOfName(name: string): string[] {
  const folded = foldName(name);
  const words = folded.split(/[^\p{L}\p{M}\p{N}]+/u).slice(0, MAX_WORDS);
  return [...new Set([folded, ...words])].filter((word) => word !== '');
}
