// Serves the built page on its own origin, with the policy under which it may run.
import { access } from 'node:fs/promises';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import fastify, { type FastifyBaseLogger, LogController } from 'fastify';
import type { Upstream } from '../http/upstream.ts';
import type { Logger } from '../telemetry/log.ts';

export type WebPage = { readonly upstream: Upstream; close(): Promise<void> };

const NOT_FOUND_PAGE = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Not found · Maru</title>
<h1>There is nothing at this address</h1>
<p><a href="/">Go to Maru</a></p>
`;

/** The built assets carry a hash of their content in their names, so what they hold never changes. */
const IMMUTABLE = 'public, max-age=31536000, immutable';

/** What the page may load and talk to: its own origin and the gateway, nothing else. */
function contentSecurityPolicy(gatewayUrl: string): string {
  const gateway = new URL(gatewayUrl);
  const socket = `${gateway.protocol === 'https:' ? 'wss' : 'ws'}://${gateway.host}`;
  return Object.entries({
    'default-src': "'self'",
    'connect-src': `'self' ${gateway.origin} ${socket}`,
    // The STOMP library beats from a worker made of a blob: timers of hidden tabs are throttled to one a minute.
    'worker-src': 'blob:',
    'object-src': "'none'",
    'base-uri': "'none'",
    'form-action': "'none'",
    'frame-ancestors': "'none'",
  })
    .map(([directive, sources]) => `${directive} ${sources}`)
    .join('; ');
}

/** Rejects if the page isn't built. */
export async function createWebPage(options: {
  readonly distDir: string;
  readonly gatewayUrl: string;
  /** The page's one origin: the one that CORS and the Origin check know. */
  readonly pageUrl: string;
  readonly log: Logger;
}): Promise<WebPage> {
  const root = path.resolve(options.distDir);
  await access(path.join(root, 'index.html')).catch((cause) => {
    throw new Error(`The web page is not built: ${root} has no index.html. "npm start" builds it.`, {
      cause,
    });
  });

  const page = new URL(options.pageUrl);
  const localName = page.hostname === '127.0.0.1' ? page.host.replace(page.hostname, 'localhost') : undefined;
  const headers = new Map([
    ['content-security-policy', contentSecurityPolicy(options.gatewayUrl)],
    ['x-content-type-options', 'nosniff'],
    ['referrer-policy', 'no-referrer'],
    ['cross-origin-opener-policy', 'same-origin'],
  ]);
  const app = fastify({
    loggerInstance: options.log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
  });
  app.get('/config.json', async (_request, reply) => {
    reply.header('cache-control', 'no-store');
    return { gatewayUrl: options.gatewayUrl };
  });
  await app.register(fastifyStatic, {
    root,
    dotfiles: 'ignore',
    cacheControl: false,
    setHeaders(reply, file) {
      const isHashed = file.startsWith(path.join(root, 'assets') + path.sep);
      reply.header('cache-control', isHashed ? IMMUTABLE : 'no-cache');
    },
  });
  app.setNotFoundHandler(async (_request, reply) => {
    reply.code(404).header('cache-control', 'no-store').type('text/html; charset=utf-8');
    return NOT_FOUND_PAGE;
  });
  await app.ready();

  const upstream: Upstream = {
    handleRequest(req, res) {
      // Set here and not in a hook: hooks don't run for a URL that can't be parsed.
      res.setHeaders(headers);
      // To a browser localhost is another origin than 127.0.0.1, and one that may do nothing here.
      if (req.headers.host === localName) res.writeHead(302, { location: `${options.pageUrl}/` }).end();
      else app.routing(req, res);
    },
    handleUpgrade(_req, socket) {
      // The page has no socket of its own; whoever asks here meant the gateway.
      socket.on('error', () => socket.destroy());
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n', () =>
        socket.destroy(),
      );
    },
  };
  return { upstream, close: () => app.close() };
}
