// Requests that two servers could read differently are refused (RFC 9112 §11.2, RFC 6455 §4.2.1).
import type { IncomingMessage } from 'node:http';
import { MaruError } from '@maru/contract';
import { SERVED_METHODS } from '../http/http-error.ts';
import { valuesOf } from '../http/request-headers.ts';

type Fault = readonly [message: string, holds: (req: IncomingMessage) => boolean];

// RFC 9110 §7.2, without user information: reg-name, IPv4 or bracketed IPv6, and a port.
const HOST = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+;=%-]+)(?::\d{1,5})?$/i;
// The base64 of 16 octets.
const WEBSOCKET_KEY = /^[+/0-9A-Za-z]{22}==$/;

const has = (name: string) => (req: IncomingMessage) => req.headers[name] !== undefined;

/**
 * What Node's strict parser lets through. It refuses by itself: bare LF and CR, obs-fold, NUL, a space before the colon,
 * Content-Length twice, signed, empty or beside Transfer-Encoding, and Transfer-Encoding in two lines.
 */
const REQUEST_FAULTS: readonly Fault[] = [
  ['More than one Host header', (req) => valuesOf(req, 'host').length > 1],
  // HTTP/1.0 knows no Host (RFC 9112 §3.2).
  ['The Host header is missing', (req) => req.headers.host === undefined && req.httpVersion !== '1.0'],
  ['The Host header is malformed', (req) => req.headers.host !== undefined && !HOST.test(req.headers.host)],
  ['More than one Authorization header', (req) => valuesOf(req, 'authorization').length > 1],
  [
    'Content-Length beside Transfer-Encoding',
    (req) => has('transfer-encoding')(req) && has('content-length')(req),
  ],
  [
    'A Transfer-Encoding other than chunked',
    (req) => valuesOf(req, 'transfer-encoding').some((coding) => coding.toLowerCase() !== 'chunked'),
  ],
  ['Transfer-Encoding in HTTP/1.0', (req) => has('transfer-encoding')(req) && req.httpVersion === '1.0'],
  [
    'An Expect other than 100-continue',
    (req) => has('expect')(req) && req.headers.expect?.toLowerCase() !== '100-continue',
  ],
];

const UPGRADE_FAULTS: readonly Fault[] = [
  ['An upgrade must be a GET', (req) => req.method !== 'GET'],
  ['An upgrade needs HTTP/1.1', (req) => req.httpVersion !== '1.1'],
  ['Upgrade must be websocket', (req) => req.headers.upgrade?.toLowerCase() !== 'websocket'],
  ['An upgrade has no body', has('content-length')],
  ['An upgrade has no body', has('transfer-encoding')],
  ['An upgrade has no body', has('expect')],
  [
    'Sec-WebSocket-Key must be 16 octets',
    (req) => !WEBSOCKET_KEY.test(req.headers['sec-websocket-key'] ?? ''),
  ],
  ['Sec-WebSocket-Version is missing', (req) => req.headers['sec-websocket-version'] === undefined],
];

export function checkRequest(req: IncomingMessage): void {
  refuseFirst(REQUEST_FAULTS, req);
  if (!SERVED_METHODS.includes(req.method ?? '')) throw new MaruError('method-not-allowed');
}

/** A plain request that meant to be an upgrade, but for the Connection header that makes it one. */
export function isHalfUpgrade(req: IncomingMessage): boolean {
  return req.headers.upgrade?.toLowerCase() === 'websocket';
}

export function checkUpgrade(req: IncomingMessage): void {
  refuseFirst(REQUEST_FAULTS, req);
  refuseFirst(UPGRADE_FAULTS, req);
  if (req.headers['sec-websocket-version'] !== '13') throw new MaruError('upgrade-required');
}

/** By its Content-Length; a chunked body is counted by whoever reads it. */
export function checkBodySize(req: IncomingMessage, maxBodyOctets: number): void {
  if (Number(req.headers['content-length'] ?? 0) > maxBodyOctets) throw new MaruError('payload-too-large');
}

function refuseFirst(faults: readonly Fault[], req: IncomingMessage): void {
  const fault = faults.find(([, holds]) => holds(req));
  if (fault !== undefined) throw new MaruError('invalid-request', { message: fault[0] });
}
