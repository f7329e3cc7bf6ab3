// Text as the search compares it: what is the same to a reader is the same here.

/**
 * Case is dropped, and canonically equal text becomes equal (Hangul typed on a Mac comes as single jamo). The index holds
 * folded text and queries are folded, so one question holds wherever a message is looked for: is the one a substring of
 * the other. A final sigma is a sigma, or a word would not be found inside a longer one; NUL would end a string in FTS5.
 */
export function foldText(text: string): string {
  return text.toWellFormed().toLowerCase().normalize('NFC').replaceAll('ς', 'σ').replaceAll('\0', '\uFFFD');
}

/** Each costs a look-up per segment of the index; the more there are, the fewer messages have all of them by chance. */
const MOST_TRIGRAMS = 10;

/**
 * The condition of FTS5 that every message with this folded text meets, and few others; `null` for a text of less than
 * three characters, which the index knows nothing of. Whatever is in the text, it is quoted: it has no syntax.
 */
export function matchExpression(text: string): string | null {
  const characters = [...text];
  const last = characters.length - 3;
  if (last < 0) return null;
  const count = Math.min(last + 1, MOST_TRIGRAMS);
  const trigrams = new Set<string>();
  for (let index = 0; index < count; index += 1) {
    const start = count === 1 ? 0 : Math.round((index * last) / (count - 1));
    trigrams.add(characters.slice(start, start + 3).join(''));
  }
  return [...trigrams].map((trigram) => `"${trigram.replaceAll('"', '""')}"`).join(' AND ');
}

/** Of a `message.created` row called m, in SQL. A deleted message has none, and then no edit is looked up. */
export const CURRENT_CONTENT = `CASE WHEN m.edited_seq IS NULL OR m.deleted_seq IS NOT NULL THEN m.content ELSE
  (SELECT e.content FROM entries e WHERE e.room_key = m.room_key AND e.seq = m.edited_seq) END`;
