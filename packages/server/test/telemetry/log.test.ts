// The log of a process: JSON lines on standard error, without secrets.
import { execFile } from 'node:child_process';
import { expect, test } from 'vitest';

/** What a process of its own writes when its log is given this. */
const logged = (level: string, calls: string) =>
  new Promise<{ out: string; lines: Record<string, unknown>[] }>((resolve, reject) => {
    const module = JSON.stringify(new URL('../../src/telemetry/log.ts', import.meta.url).href);
    const program = `const { createLog } = await import(${module}); const log = createLog(${JSON.stringify(level)}); ${calls}; log.flush?.();`;
    execFile(process.execPath, ['--input-type=module', '--eval', program], (error, out, err) => {
      if (error !== null) return reject(error);
      resolve({
        out,
        lines: err
          .trim()
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line)),
      });
    });
  });

test('lines are JSON with a time, on standard error; what is below the level is left out', async () => {
  const { out, lines } = await logged(
    'warn',
    'log.info("quiet"); log.warn({ a: 1 }, "loud"); log.error("louder")',
  );
  expect(out).toBe('');
  expect(lines).toEqual([
    { level: 40, time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/), a: 1, msg: 'loud' },
    { level: 50, time: expect.any(String), msg: 'louder' },
  ]);
});

test('silent is silent', async () => {
  expect((await logged('silent', 'log.fatal("x")')).lines).toEqual([]);
});

test('TK20 headers that carry secrets are censored wherever they stand', async () => {
  const { lines } = await logged(
    'trace',
    `const headers = { authorization: 'Bearer hidden-1', cookie: 'hidden-2', 'sec-websocket-protocol': 'v12.stomp, bearer.hidden-3' };
     log.trace({ headers }); log.trace({ req: headers }); log.trace({ authorization: 'Bearer hidden-4' });
     log.child({ headers }).trace('child'); log.trace({ req: { headers } })`,
  );
  expect(lines.length).toBe(5);
  expect(JSON.stringify(lines)).not.toContain('hidden');
});
