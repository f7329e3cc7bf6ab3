// A service's own listener: the same upstream that the gateway calls, and what gateways elsewhere ask beside it.
import { createServer, type RequestListener, type Server } from 'node:http';
import { answerHealth, HEALTH_PATH } from './http/health-answer.ts';
import { answerLeave, LEAVE_PATH, type SendAway } from './http/leaving-gateway.ts';
import type { Upstream } from './http/upstream.ts';
import type { Readiness } from './telemetry/readiness.ts';

/** Time for a request's head, also of an upgrade. */
const TIMES = { headersTimeout: 10_000, connectionsCheckingInterval: 1_000 };

/** @param sendAway of a service that holds WebSockets */
export function serverOf(upstream: Upstream, readiness?: Readiness, sendAway?: SendAway): Server {
  const handleRequest: RequestListener = (req, res) => {
    const path = req.url?.split('?', 1)[0];
    if (readiness !== undefined && req.url === HEALTH_PATH) answerHealth(res, readiness.takesRequests);
    else if (sendAway !== undefined && path === LEAVE_PATH) void answerLeave(req, res, sendAway);
    else upstream.handleRequest(req, res);
  };
  return createServer(TIMES, handleRequest).on('upgrade', (req, socket, head) =>
    upstream.handleUpgrade(req, socket, head),
  );
}
