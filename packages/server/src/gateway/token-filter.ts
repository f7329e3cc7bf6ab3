// Where an access token may stand, and what a route asks of it before its upstream is reached.
import type { IncomingMessage } from 'node:http';
import { MaruError } from '@maru/contract';
import { listOf, rewriteHeaders, valuesOf } from '../http/request-headers.ts';

/** `verify` asks for a good token, `presence` for any; `deferred` leaves the question to the upstream; `none` has none. */
export type TokenFilter = 'verify' | 'presence' | 'deferred' | 'none';

/** Resolves for a good access token; rejects with `token-invalid` or `token-expired`. */
export type VerifyToken = (token: string) => Promise<unknown>;

const BEARER_PROTOCOL = 'bearer.';
const BEARER = /^bearer +(\S+)$/i;

/**
 * A browser can't set headers on an upgrade and offers its token as the subprotocol `bearer.<JWT>`. It is taken out
 * here, so that no upstream can echo or log it, and becomes the Authorization header, unless that holds a token.
 */
export function liftBearerProtocol(req: IncomingMessage): void {
  const offered = listOf(valuesOf(req, 'sec-websocket-protocol').join(','));
  const isBearer = (protocol: string) => protocol.toLowerCase().startsWith(BEARER_PROTOCOL);
  const tokens = offered.filter(isBearer).map((protocol) => protocol.slice(BEARER_PROTOCOL.length));
  if (tokens.length === 0) return;
  if (tokens.length > 1)
    throw new MaruError('invalid-request', { message: 'More than one bearer subprotocol' });
  const kept = offered.filter((protocol) => !isBearer(protocol));
  const token = tokenOf(req) ?? tokens[0];
  rewriteHeaders(req, (name) => name === 'sec-websocket-protocol', [
    ...(kept.length > 0 ? [['Sec-WebSocket-Protocol', kept.join(', ')] as const] : []),
    ...(token ? [['Authorization', `Bearer ${token}`] as const] : []),
  ]);
}

/** RFC 6750 §2.3 allows a token in the URL and advises against it: here it counts for nothing and goes no further. */
export function dropQueryToken(req: IncomingMessage): void {
  const [path = '', ...rest] = (req.url ?? '').split('?');
  const query = rest.join('?');
  if (!/(?:^|&)access_token=/i.test(query)) return;
  const kept = query.split('&').filter((parameter) => !/^access_token=/i.test(parameter));
  req.url = kept.length === 0 ? path : `${path}?${kept.join('&')}`;
}

export async function filterToken(
  filter: TokenFilter,
  req: IncomingMessage,
  verify: VerifyToken,
): Promise<void> {
  if (filter === 'none' || filter === 'deferred') return;
  const token = tokenOf(req);
  if (token === undefined) throw new MaruError('token-missing');
  if (filter === 'verify') await verify(token);
}

function tokenOf(req: IncomingMessage): string | undefined {
  return BEARER.exec(req.headers.authorization?.trim() ?? '')?.[1];
}
