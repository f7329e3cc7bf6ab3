// The question whether a service takes requests: one GET on a connection of its own.
import { request } from 'node:http';
import type { UpstreamTarget } from './upstream-addresses.ts';

/**
 * `null`: it answered, and not with 5xx. A service without such a path answers 404 and is there all the same; a process
 * that hangs takes a connection and never answers.
 */
export function checkHealth(
  target: UpstreamTarget,
  path: string,
  withinMs: number,
  signal: AbortSignal,
): Promise<string | null> {
  return new Promise((resolve) => {
    const asked = request({
      ...target,
      path,
      agent: false,
      headers: { Host: 'localhost', Connection: 'close' },
      signal,
    });
    const timer = setTimeout(() => end(`no answer within ${withinMs} ms`), withinMs);
    const end = (problem: string | null): void => {
      clearTimeout(timer);
      asked.destroy();
      resolve(problem);
    };
    asked.once('response', ({ statusCode = 0 }) =>
      end(statusCode < 500 ? null : `GET ${path}: ${statusCode}`),
    );
    // An error after the end is of the connection that was let go.
    asked.on('error', (error) => end(error.message));
    asked.end();
  });
}
