// How a gateway that ends has its clients sent away: it carries their octets unread, so it asks the service that writes them.
import type { IncomingMessage, ServerResponse } from 'node:http';

/**
 * In each upgrade that a gateway passes on: whoever knows it may have those sessions sent away. It is made anew for each
 * gateway, no client is told it, and what a client calls itself by is dropped.
 */
export const GATEWAY_HEADER = 'X-Gateway-Id';

/** Behind the gateways' routes, so that nobody in front of them can ask. */
export const LEAVE_PATH = '/sessions';

/** Sends away all who came through that gateway; resolves when they are gone. */
export type SendAway = (gatewayId: string, perSecond: number) => Promise<void>;

export function leaveTarget(perSecond: number): string {
  return `${LEAVE_PATH}?perSecond=${perSecond}`;
}

export function gatewayOf(req: IncomingMessage): string | undefined {
  return req.headers[GATEWAY_HEADER.toLowerCase()]?.toString();
}

/** Answers 204 when they are gone. */
export async function answerLeave(
  req: IncomingMessage,
  res: ServerResponse,
  sendAway: SendAway,
): Promise<void> {
  const gatewayId = gatewayOf(req);
  const perSecond = Number(new URL(req.url ?? '', 'http://localhost').searchParams.get('perSecond'));
  const isGood = req.method === 'DELETE' && gatewayId !== undefined && perSecond > 0 && perSecond < Infinity;
  if (isGood) await sendAway(gatewayId, perSecond);
  res.writeHead(isGood ? 204 : 400).end();
}
