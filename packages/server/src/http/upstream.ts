// The one seam between processes: whatever answers the requests of a route.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';

/**
 * Guarantees: each call ends its response or its socket, always, also when it fails; an upgrade is answered with 101
 * only by whoever speaks WebSocket at the end. The caller has done with `req`, `res`, `socket` and `head` once it called.
 */
export interface Upstream {
  handleRequest(req: IncomingMessage, res: ServerResponse): void;
  handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
}
