// What better-auth is told of a request, and by whom it was made.
import type { IncomingMessage } from 'node:http';
import type { ProxyCheck } from '../http/proxy-list.ts';

export const AUTH_BASE_PATH = '/auth';
/** The header in which the endpoint gives the caller's address; a client's own is never copied. */
export const CLIENT_ADDRESS_HEADER = 'x-client-address';

/**
 * What better-auth is told of a request. The URL it sees is made of publicUrl, never of Host or X-Forwarded-*. Not
 * Sec-Fetch-*: with them it wants an Origin, and Node's fetch sends one without the other. A page's POST always has one.
 */
const REQUEST_HEADERS = ['authorization', 'content-type', 'cookie', 'origin', 'referer', 'user-agent'];

/**
 * The gateway writes X-Forwarded-For anew and every proxy adds who called it, so the list is believed from its end, as
 * far as trusted proxies go: what stands before the first other address may be the client's invention.
 */
export function clientAddress(req: IncomingMessage, isProxy: ProxyCheck): string {
  const chain = (req.headers['x-forwarded-for'] ?? '')
    .toString()
    .split(',')
    .map((each) => each.trim());
  const known = chain.filter((each) => each !== '');
  return known.findLast((each) => !isProxy(each)) ?? known[0] ?? req.socket.remoteAddress ?? 'unknown';
}

export function requestHeaders(req: IncomingMessage, address: string): Headers {
  const headers = new Headers({ [CLIENT_ADDRESS_HEADER]: address });
  for (const name of REQUEST_HEADERS) {
    const value = req.headers[name];
    if (typeof value === 'string') headers.set(name, value);
  }
  return headers;
}
