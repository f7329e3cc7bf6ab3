// An upstream in another process: HTTP by a pool of connections, upgrades by a tunnel each; TCP or a Unix socket.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { MaruError } from '@maru/contract';
import { Pool } from 'undici';
import { refuseSocket, sendError } from '../http/http-error.ts';
import { closeWithRetry } from '../http/retry-later.ts';
import type { Upstream } from '../http/upstream.ts';
import type { Counts } from '../telemetry/counts.ts';
import type { Logger } from '../telemetry/log.ts';
import { createExchange, requestBody } from './exchange.ts';
import { endToEnd } from './hop-by-hop.ts';
import { Tunnel, type TunnelLimits } from './tunnel.ts';

export type UpstreamTarget =
  | { readonly host: string; readonly port: number }
  | { readonly socketPath: string };

export type RemoteUpstreamLimits = TunnelLimits & {
  /** From the request's last byte to the answer's head. */
  readonly responseTimeoutMs: number;
  /** Between two pieces of an answer's body. */
  readonly bodyIdleTimeoutMs: number;
  readonly maxBodyOctets: number;
  /** Requests under way at once, each on its own connection: the next one is refused, none waits. */
  readonly maxRequests: number;
  readonly maxTunnels: number;
  /** What a client is told in `retry-after=<ms>` when its upgrade can't be had now. */
  readonly retryAfterMs: number;
};

export type RemoteUpstreamOptions = {
  readonly target: UpstreamTarget;
  readonly limits: RemoteUpstreamLimits;
  readonly counts: Counts;
  readonly log: Logger;
  /** Told of each request or upgrade that the upstream didn't answer. Default: nobody is. */
  readonly onFailure?: (error: MaruError) => void;
};

export class RemoteUpstream implements Upstream {
  readonly #options: RemoteUpstreamOptions;
  readonly #pool: Pool;
  readonly #tunnels = new Set<Tunnel>();
  #requests = 0;

  constructor(options: RemoteUpstreamOptions) {
    this.#options = options;
    const { target, limits } = options;
    this.#pool = new Pool(originOf(target), {
      ...('socketPath' in target && { socketPath: target.socketPath }),
      connect: { timeout: limits.connectTimeoutMs },
      connections: limits.maxRequests,
      headersTimeout: limits.responseTimeoutMs,
      bodyTimeout: limits.bodyIdleTimeoutMs,
      maxHeaderSize: limits.maxAnswerHeadOctets,
      allowH2: false,
    });
  }

  /** Under way. */
  get requests(): number {
    return this.#requests;
  }

  /** Open. */
  get tunnels(): number {
    return this.#tunnels.size;
  }

  handleRequest(req: IncomingMessage, res: ServerResponse): void {
    const { limits, counts } = this.#options;
    const requestId = idOf(req);
    if (this.#requests >= limits.maxRequests) {
      counts.refused('overloaded');
      sendError(res, new MaruError('overloaded'), requestId);
      return;
    }
    this.#requests += 1;
    const exchange = createExchange(res, {
      requestId,
      onFailure: (error) => this.#warn(error, requestId),
      onClose: () => {
        this.#requests -= 1;
      },
    });
    this.#pool.dispatch(
      {
        path: req.url ?? '/',
        method: req.method ?? 'GET',
        headers: endToEnd(req.rawHeaders),
        body: requestBody(req, limits.maxBodyOctets),
      },
      exchange,
    );
  }

  handleUpgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return;
    }
    const { target, limits, counts } = this.#options;
    if (this.#tunnels.size >= limits.maxTunnels) {
      socket.on('error', () => socket.destroy());
      counts.refused('overloaded');
      this.#refuse(new MaruError('overloaded'), req, socket);
      return;
    }
    const tunnel = new Tunnel({
      target: 'socketPath' in target ? { path: target.socketPath } : target,
      limits,
      requestHead: upgradeHead(req),
      client: socket,
      head,
      onFailure: (error) => {
        this.#warn(error, idOf(req));
        this.#refuse(error, req, socket);
      },
      onClose: () => this.#tunnels.delete(tunnel),
    });
    this.#tunnels.add(tunnel);
  }

  /** Cuts what is under way: whoever drains does so before. */
  async close(): Promise<void> {
    for (const tunnel of this.#tunnels) tunnel.destroy();
    await this.#pool.destroy();
  }

  /** A page can't read a status, hence 101 and 1013 for it; everyone else gets the status. */
  #refuse(error: MaruError, req: IncomingMessage, socket: Duplex): void {
    if (req.headers.origin === undefined) refuseSocket(socket, error, idOf(req));
    else closeWithRetry(req, socket, this.#options.limits.retryAfterMs);
  }

  #warn(error: MaruError, requestId: string): void {
    this.#options.counts.refused(error.code);
    this.#options.log.warn({ requestId, code: error.code, err: error.cause }, 'upstream failed');
    this.#options.onFailure?.(error);
  }
}

function originOf(target: UpstreamTarget): string {
  if ('socketPath' in target) return 'http://localhost';
  return `http://${target.host.includes(':') ? `[${target.host}]` : target.host}:${target.port}`;
}

/** The gateway wrote it; a request that came past the gateway has none. */
function idOf(req: IncomingMessage): string {
  return req.headers['x-request-id']?.toString() ?? '';
}

/** The request is written anew from its parsed parts: nothing that a parser didn't see gets through. */
function upgradeHead(req: IncomingMessage): Buffer {
  const headers = endToEnd(req.rawHeaders);
  const lines = [`GET ${req.url} HTTP/1.1`, 'Connection: Upgrade', 'Upgrade: websocket'];
  for (let i = 0; i + 1 < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
}
