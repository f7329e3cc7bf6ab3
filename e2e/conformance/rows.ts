// The rows of the checklist, so that none is forgotten: 109 in ten sections.

const SECTIONS = { F: 21, E: 8, C: 15, H: 9, S: 8, U: 14, A: 8, T: 8, R: 11, L: 7 } as const;

export const ROWS: readonly string[] = Object.entries(SECTIONS).flatMap(([section, count]) =>
  Array.from({ length: count }, (_, index) => `${section}${String(index + 1).padStart(2, '0')}`),
);

/** Rows that ask for something which no client can see, and what proves them instead. */
export const NOT_FROM_OUTSIDE: Readonly<Record<string, string>> = {
  T08: 'a note on what documentation has to say; T03 sees whether transactions are there',
  L06: 'published numbers: a test compares docs/limits.md with the code; L01–L04 see that they hold',
};
