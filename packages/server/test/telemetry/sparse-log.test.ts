// A flood is one line a second with a count, the first of it at once.
import { EventEmitter, once } from 'node:events';
import { Writable } from 'node:stream';
import { pino } from 'pino';
import { beforeEach, expect, test } from 'vitest';
import type { Logger } from '../../src/telemetry/log.ts';
import { SparseLog } from '../../src/telemetry/sparse-log.ts';

let lines: Record<string, unknown>[];
let written: EventEmitter;
let log: Logger;
beforeEach(() => {
  lines = [];
  written = new EventEmitter();
  const sink = new Writable({
    write: (chunk, _encoding, done) => {
      lines.push(JSON.parse(String(chunk)));
      written.emit('line');
      done();
    },
  });
  log = pino({ level: 'trace', base: null, timestamp: false }, sink);
});
const flood = (sparse: SparseLog, kind: string, times: number) => {
  for (let n = 0; n < times; n++) sparse.tell(kind, { kind, n }, 'refused');
};
const line = (kind: string, n: number, times?: number) => ({
  level: 40,
  kind,
  n,
  ...(times === undefined ? {} : { times }),
  msg: 'refused',
});

test('the first is told at once, the others together when the window ends, with the last one’s facts', async () => {
  const sparse = new SparseLog({ log, windowMs: 50 });
  flood(sparse, 'a', 1_000);
  expect(lines).toEqual([line('a', 0)]);
  await once(written, 'line');
  expect(lines).toEqual([line('a', 0), line('a', 999, 999)]);
  // A window runs again: what comes right behind is not told at once either.
  flood(sparse, 'a', 10);
  expect(lines).toHaveLength(2);
  await once(written, 'line');
  expect(lines.at(-1)).toEqual(line('a', 9, 10));
});

test('kinds are told apart', () => {
  const sparse = new SparseLog({ log });
  for (const kind of ['a', 'b', 'a', 'b']) flood(sparse, kind, 1);
  expect(lines).toEqual([line('a', 0), line('b', 0)]);
  sparse.flush();
  expect(lines.slice(2)).toEqual([line('a', 0, 1), line('b', 0, 1)]);
});

test('past so many kinds the rest is one, so that nobody fills the log by being somebody new each time', () => {
  const sparse = new SparseLog({ log, maxKinds: 3 });
  for (let n = 0; n < 1_000; n++) flood(sparse, `kind ${n}`, 1);
  expect(lines).toHaveLength(4);
  sparse.flush();
  expect(lines).toHaveLength(5);
  expect(lines.at(-1)).toEqual(line('kind 999', 0, 996));
});

test('after the end nothing is left to say', () => {
  const sparse = new SparseLog({ log });
  flood(sparse, 'a', 1);
  sparse.flush();
  sparse.flush();
  expect(lines).toEqual([line('a', 0)]);
});
