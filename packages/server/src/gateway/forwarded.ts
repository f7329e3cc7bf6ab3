// Who the client is, told to the upstream by the gateway and by nobody else.
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import { createProxyCheck } from '../http/proxy-list.ts';
import { type HeaderField, rewriteHeaders } from '../http/request-headers.ts';

export type Forwarding = (req: IncomingMessage, requestId: string) => void;

/** An upstream that reads headers as CGI variables can't tell `_` from `-`. */
const canonical = (name: string) => name.replaceAll('_', '-');

const isForwarded = (name: string) => name.startsWith('x-forwarded-') || name === 'forwarded';
const isIdentity = (name: string) => name.startsWith('x-user-') || name === 'x-user' || name === 'x-real-ip';

/** `trustedProxies`: addresses (`10.0.0.1`) and networks (`10.0.0.0/8`) whose word on the client is kept. */
export function createForwarding(trustedProxies: readonly string[]): Forwarding {
  const isProxy = createProxyCheck(trustedProxies);
  return (req, requestId) => {
    const peer = peerAddress(req);
    const keeps = peer !== undefined && isProxy(peer);
    const before = (name: string) => (keeps ? req.headers[name]?.toString() : undefined);
    const scheme = req.socket instanceof TLSSocket ? 'https' : 'http';
    const said: readonly (readonly [name: string, value: string | undefined])[] = [
      ['X-Forwarded-For', [before('x-forwarded-for'), peer].filter(Boolean).join(', ') || undefined],
      ['X-Forwarded-Proto', before('x-forwarded-proto') ?? scheme],
      ['X-Forwarded-Host', before('x-forwarded-host') ?? req.headers.host],
      ['X-Request-Id', requestId],
    ];
    rewriteHeaders(
      req,
      (name) => isIdentity(canonical(name)) || (!keeps && isForwarded(canonical(name))),
      said.filter((field): field is HeaderField => field[1] !== undefined),
    );
  };
}

/** The peer's address; one that came over a dual-stack socket in its IPv4 form. */
export function peerAddress(req: IncomingMessage): string | undefined {
  return req.socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '');
}
