// The operations listener: health, readiness and metrics, on a port of its own that clients never reach (TR07).
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Metrics } from './metrics.ts';
import type { Readiness, Report } from './readiness.ts';

type Page = { readonly status: number; readonly contentType: string; readonly body: string };

const JSON_TYPE = 'application/json; charset=utf-8';
const page = (status: number, facts: object): Page => ({
  status,
  contentType: JSON_TYPE,
  body: JSON.stringify(facts),
});

/** For a person or a probe that is slow on purpose. */
const REQUEST_MS = 10_000;

export type OperationsOptions = { readonly metrics: Metrics; readonly readiness: Readiness };

/** Degraded or not, who asks is served. */
const TAKES_WORK: ReadonlySet<Report['status']> = new Set(['ready', 'degraded']);

/**
 * | path | answer |
 * |---|---|
 * | `/healthz` | 200 while the process lives |
 * | `/readyz` | 200 when it can do its work, else 503; says why |
 * | `/metrics` | Prometheus' text format |
 */
export function createOperations({ metrics, readiness }: OperationsOptions): Server {
  const pages: Readonly<Record<string, () => Promise<Page>>> = {
    '/healthz': async () => page(200, { status: 'ok' }),
    '/readyz': async () => {
      const report = await readiness.report();
      return page(TAKES_WORK.has(report.status) ? 200 : 503, report);
    },
    '/metrics': async () => ({ status: 200, ...(await metrics.text()) }),
  };

  async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const [path = ''] = (req.url ?? '').split('?', 1);
    const read = Object.hasOwn(pages, path) ? pages[path] : undefined;
    const found =
      read === undefined
        ? page(404, { code: 'not-found', paths: Object.keys(pages) })
        : req.method === 'GET' || req.method === 'HEAD'
          ? await read()
          : page(405, { code: 'method-not-allowed' });
    res.writeHead(found.status, {
      'Content-Type': found.contentType,
      'Content-Length': Buffer.byteLength(found.body),
      'Cache-Control': 'no-store',
      ...(found.status === 405 && { Allow: 'GET, HEAD' }),
    });
    res.end(found.body);
  }

  const limits = { headersTimeout: REQUEST_MS, requestTimeout: REQUEST_MS, maxHeaderSize: 8_192 };
  return createServer(limits, (req, res) => {
    answer(req, res).catch((error: unknown) => res.destroy(error instanceof Error ? error : undefined));
    req.resume();
  });
}
