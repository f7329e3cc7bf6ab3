// Listening sockets: opened with an error a person can act on, closed with all their connections.
import { lstat, rm } from 'node:fs/promises';
import type { Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

/** A port or a path could not be listened on; the message says which setting to change. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/**
 * Connections that wait to be accepted; the system's own bound counts if it is less. One that finds no room knocks again after
 * 1 s, 3 s and 7 s, and nobody knows why it is late.
 */
const BACKLOG = 4_096;

const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: 'is in use by another process',
  EACCES: 'may not be used by this user',
  EADDRNOTAVAIL: 'is not an address of this machine',
};

/**
 * Listens on the first address with `create()`, on each further one with another server, all on one port.
 * A machine without IPv6 has no ::1: that address is left out.
 * @param port 0 takes a free one, the same for all addresses.
 * @returns the servers and the port. Rejects with ListenError; nothing is left listening then.
 */
export async function listenAll(
  role: string,
  hosts: readonly string[],
  port: number,
  create: () => Server,
): Promise<{ servers: Server[]; port: number }> {
  const servers: Server[] = [];
  let bound = port;
  for (const host of hosts) {
    if (host.startsWith('unix:')) await removeStale(host.slice(5));
    const server = create();
    try {
      bound = await listen(server, host, bound);
      servers.push(server);
    } catch (error) {
      const { code = '', message } = error as NodeJS.ErrnoException;
      if (host === '::1' && servers.length > 0 && ['EADDRNOTAVAIL', 'EAFNOSUPPORT'].includes(code)) continue;
      await closeAll(servers);
      const where = host.startsWith('unix:') ? host.slice(5) : `port ${bound} on ${host}`;
      throw new ListenError(
        `${role}: ${where} ${REASONS[code] ?? message}; set ${role}.port or ${role}.host (MARU_${role.toUpperCase()}_PORT=…), or stop the other process`,
        { cause: error },
      );
    }
  }
  return { servers, port: bound };
}

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const onListening = (): void => {
      server.off('error', reject);
      const address = server.address();
      resolve(typeof address === 'object' ? (address as AddressInfo).port : port);
    };
    if (host.startsWith('unix:')) server.listen({ path: host.slice(5), backlog: BACKLOG }, onListening);
    else server.listen({ host, port, ipv6Only: host.includes(':'), backlog: BACKLOG }, onListening);
  });
}

/** Accepts nothing more, cuts what is open. */
export async function closeAll(servers: readonly Server[]): Promise<void> {
  await Promise.all(
    servers.map(
      (server) =>
        new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        }),
    ),
  );
}

/** A process that was killed leaves its socket file behind; one at which nobody answers is nobody's. */
async function removeStale(path: string): Promise<void> {
  // A file that is no socket is somebody's, and refuses connections just the same.
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw new ListenError(`cannot listen on ${path}: ${error.message}`, { cause: error });
  });
  if (!found?.isSocket()) return;
  const isStale = await new Promise<boolean>((resolve) => {
    const probe = connect(path, () => {
      probe.destroy();
      resolve(false);
    });
    probe.once('error', ({ code }: NodeJS.ErrnoException) => resolve(code === 'ECONNREFUSED'));
  });
  if (isStale) await rm(path, { force: true });
}
