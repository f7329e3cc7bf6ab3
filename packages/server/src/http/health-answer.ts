// The bare answer to whether a listener takes requests: for load balancers at the gateway, for gateways at the services behind.
import type { ServerResponse } from 'node:http';

export const HEALTH_PATH = '/healthz';

/** 503 sends whoever asks elsewhere: what comes now would be refused. */
export function answerHealth(res: ServerResponse, takesRequests: boolean): void {
  const body = JSON.stringify({ status: takesRequests ? 'ok' : 'draining' });
  res.writeHead(takesRequests ? 200 : 503, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
  });
  res.end(body);
}
