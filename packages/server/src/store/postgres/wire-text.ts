// Text on its way into PostgreSQL and out: it takes every character but NUL, which a message may have.

/** U+FDD0 and U+FDD1 are noncharacters: for use within a program, never exchanged (Unicode §23.7). */
const ESCAPE = '\uFDD0';
const ESCAPED_NUL = `${ESCAPE}0`;
const ESCAPED_ESCAPE = `${ESCAPE}1`;

/** A lone surrogate becomes U+FFFD, as in every UTF-8. */
export function writeText(text: string): string {
  if (!text.includes('\0') && !text.includes(ESCAPE)) return text;
  return text.replaceAll(ESCAPE, ESCAPED_ESCAPE).replaceAll('\0', ESCAPED_NUL);
}

export function readText(text: string): string {
  if (!text.includes(ESCAPE)) return text;
  return text.replaceAll(ESCAPED_NUL, '\0').replaceAll(ESCAPED_ESCAPE, ESCAPE);
}
