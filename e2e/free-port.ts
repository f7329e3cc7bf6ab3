// Ports that nobody listens on, on either loopback address.
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below the range from which the system takes the near ends of outgoing connections: what is free stays free. */
const FIRST = 20_000;
const COUNT = 12_000;

export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + randomInt(COUNT);
    if ((await isFree('127.0.0.1', port)) && (await isFree('::1', port))) return port;
  }
}

/** Different ones. */
export async function freePorts(count: number): Promise<readonly number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    // A machine without IPv6 has no ::1, so nobody is on it.
    server.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code !== 'EADDRINUSE'));
    server.listen({ host, port }, () => server.close(() => resolve(true)));
  });
}
