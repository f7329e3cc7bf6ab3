// Where a page of an SQLite file holds nothing, by the file format: https://www.sqlite.org/fileformat2.html#b_tree_pages

export type Gap = { readonly start: number; readonly end: number };

/** The header of page 1 stands behind that of the file. */
const FILE_HEADER = 100;
/** By the first byte of a b-tree page: the length of its header. Pages of other kinds begin with 0. */
const HEADER_LENGTHS: { readonly [type: number]: number } = { 2: 12, 5: 12, 10: 8, 13: 8 };
const FIRST_FREEBLOCK = 1;
const CELL_COUNT = 3;
const CELLS_START = 5;
const POINTER = 2;

/**
 * The unallocated octets between the pointers and the cells of a b-tree page. `undefined`: the page is of another kind, or
 * isn't what the format says.
 * @param usable octets of a page without those reserved at its end
 */
export function gapOf(page: Uint8Array, pageNumber: number, usable: number): Gap | undefined {
  const header = pageNumber === 1 ? FILE_HEADER : 0;
  const headerLength = HEADER_LENGTHS[page[header] ?? 0];
  if (headerLength === undefined) return undefined;
  const uint16 = (at: number): number => ((page[at] ?? 0) << 8) | (page[at + 1] ?? 0);
  const cells = uint16(header + CELL_COUNT);
  const start = header + headerLength + cells * POINTER;
  // 0 is how 65,536 is written.
  const end = uint16(header + CELLS_START) || 65_536;
  if (start > end || end > usable) return undefined;
  const freeblock = uint16(header + FIRST_FREEBLOCK);
  if (freeblock !== 0 && freeblock < end) return undefined;
  for (let at = header + headerLength; at < start; at += POINTER) {
    if (uint16(at) < end) return undefined;
  }
  return { start, end };
}
