// Whether so many connections can be had here at all: said before anything is begun.
import { readFileSync } from 'node:fs';

/** Beside the connections: databases, listeners, the program itself. */
const OTHERS = 500;

/** @throws Error with what to do. Node takes the hard limit as its own. */
export function requireOpenFiles(connections: number): void {
  const most = mostOpenFiles();
  const needed = connections + OTHERS;
  if (most >= needed) return;
  throw new Error(
    `${connections} connections need ${needed} open files in one process, and this shell allows ${most}: ulimit -Hn ${needed}`,
  );
}

function mostOpenFiles(): number {
  if (process.platform !== 'linux') return Number.POSITIVE_INFINITY;
  const [, hard = 'unlimited'] =
    /^Max open files\s+\S+\s+(\S+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
  return hard === 'unlimited' ? Number.POSITIVE_INFINITY : Number(hard);
}
