// A full disk, made for one process: a real limit on how long its files may get, set from outside while it runs.
import { execFileSync } from 'node:child_process';

/**
 * Past `octets` the operating system refuses to write (setrlimit(2), RLIMIT_FSIZE); nothing else of the process changes.
 * Needs prlimit of util-linux, throws without it. @returns what lifts the limit again
 */
export function limitFiles(pid: number, octets: number): () => void {
  const prlimit = (...args: readonly string[]) =>
    execFileSync('prlimit', ['--pid', String(pid), ...args], { encoding: 'utf8' }).trim();
  const before = prlimit('--fsize', '--output=SOFT', '--noheadings');
  // The soft limit alone: the hard one could not be raised again.
  prlimit(`--fsize=${octets}:`);
  return () => void prlimit(`--fsize=${before}:`);
}
