// Errors as HTTP says them: one JSON shape, on a response or on the raw socket of a refused upgrade.
import { type ServerResponse, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { type ErrorCode, type HttpError, MaruError } from '@maru/contract';
import { sayFarewell } from './farewell.ts';
import { announcesBody } from './request-headers.ts';

/** How long a refused client may take to read the answer and to close. */
export const LINGER_MS = 1000;

export const SERVED_METHODS: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

/** Headers that a code brings along (RFC 6750 §3, RFC 6455 §4.4, RFC 9110 §10.2.1, §10.2.3). */
const HEADERS_BY_CODE: { readonly [code in ErrorCode]?: Readonly<Record<string, string>> } = {
  'token-missing': { 'WWW-Authenticate': 'Bearer' },
  'token-invalid': { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
  'token-expired': { 'WWW-Authenticate': 'Bearer error="invalid_token"' },
  'method-not-allowed': { Allow: SERVED_METHODS.join(', ') },
  'upgrade-required': {
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '13',
    Connection: 'Upgrade, close',
  },
  'invalid-request': { Connection: 'close' },
  'payload-too-large': { Connection: 'close' },
  overloaded: { 'Retry-After': '1' },
  'too-many-requests': { 'Retry-After': '1' },
  'going-away': { 'Retry-After': '1', Connection: 'close' },
};

/** `status` where the code's own does not say it precisely enough, as 431 for a head that is too large. */
export function errorBody(error: MaruError, requestId: string, status: number = error.status): HttpError {
  return {
    statusCode: status,
    code: error.code,
    error: STATUS_CODES[status] ?? 'Error',
    message: error.message,
    requestId,
  };
}

/** An error that is not of the registry shows no detail. */
export function asMaruError(error: unknown): MaruError {
  return error instanceof MaruError ? error : new MaruError('internal', { cause: error });
}

/** Answers with the error. A head already under way can't be taken back: the connection is cut, so that nobody takes it for whole. */
export function sendError(res: ServerResponse, error: MaruError, requestId: string): void {
  if (res.destroyed || res.writableEnded) return;
  if (res.headersSent) {
    res.destroy(error);
    return;
  }
  const body = Buffer.from(JSON.stringify(errorBody(error, requestId)));
  const unread = announcesBody(res.req) && !res.req.complete;
  // Who waits for 100 Continue sends nothing after this answer.
  const sending = unread && res.req.headers.expect === undefined;
  for (const name of res.getHeaderNames()) res.removeHeader(name);
  res.writeHead(error.status, {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': body.length,
    'Cache-Control': 'no-store',
    ...(unread && { Connection: 'close' }),
    ...HEADERS_BY_CODE[error.code],
  });
  if (!sending) {
    res.end(body);
    return;
  }
  // To close under a client that is still sending resets the connection, often before the answer was read.
  res.write(body);
  const end = () => res.end();
  const timer = setTimeout(end, LINGER_MS);
  res.req.once('end', end).resume();
  res.once('close', () => clearTimeout(timer));
}

/** Answers on a raw socket and closes it. `Retry-After` counts in seconds: the next whole one. Such an answer never carries CORS headers. */
export function refuseSocket(
  socket: Duplex,
  error: MaruError,
  requestId: string,
  { status = error.status, retryAfterMs }: { readonly status?: number; readonly retryAfterMs?: number } = {},
): void {
  const body = JSON.stringify(errorBody(error, requestId, status));
  const headers: Record<string, string | number> = {
    'Content-Type': 'application/json; charset=utf-8',
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
    Connection: 'close',
    'X-Request-Id': requestId,
    ...HEADERS_BY_CODE[error.code],
    ...(retryAfterMs !== undefined && { 'Retry-After': Math.ceil(retryAfterMs / 1_000) }),
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  sayFarewell(
    socket,
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`,
    LINGER_MS,
  );
}
