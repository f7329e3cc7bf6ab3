// Damage for the tests of failures: bytes of one page of a database that nobody has open, overwritten.
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

const PAGE_OCTETS = 4_096;

type Page = { readonly number: number; readonly octets: Buffer };

/** The leaf pages of a table or index, in the order of its key. `path`: /000/, /001/ … from the root. */
export function leavesOf(path: string, name: string): readonly Page[] {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    const pages = db
      .prepare("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path")
      .all(name);
    return pages.map(({ pageno }) => ({ number: Number(pageno), octets: readPage(path, Number(pageno)) }));
  } finally {
    db.close();
  }
}

/** The page is no page any more: SQLite finds that out when it next reads it. */
export function wreckPage(path: string, page: Page): void {
  writePage(path, { ...page, octets: Buffer.alloc(PAGE_OCTETS, 0xa5) });
}

/** One text in a page becomes another of its length: the page stays whole, what it says is wrong. */
export function falsify(path: string, pages: readonly Page[], text: string, other: string): void {
  const page = pages.find(({ octets }) => octets.includes(text));
  if (page === undefined) throw new Error(`no page has ${text}`);
  const octets = Buffer.from(page.octets);
  octets.write(other, octets.indexOf(text));
  writePage(path, { ...page, octets });
}

function readPage(path: string, number: number): Buffer {
  const octets = Buffer.alloc(PAGE_OCTETS);
  const file = openSync(path, 'r');
  readSync(file, octets, 0, PAGE_OCTETS, (number - 1) * PAGE_OCTETS);
  closeSync(file);
  return octets;
}

function writePage(path: string, { number, octets }: Page): void {
  const file = openSync(path, 'r+');
  writeSync(file, octets, 0, PAGE_OCTETS, (number - 1) * PAGE_OCTETS);
  closeSync(file);
}
