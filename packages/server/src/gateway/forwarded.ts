// Who the client is, told to the upstream by the gateway and by nobody else.
import type { IncomingMessage } from 'node:http';
import { BlockList, isIP } from 'node:net';
import { TLSSocket } from 'node:tls';
import { type HeaderField, rewriteHeaders } from './request-headers.ts';

export type Forwarding = (req: IncomingMessage, requestId: string) => void;

/** An upstream that reads headers as CGI variables can't tell `_` from `-`. */
const canonical = (name: string) => name.replaceAll('_', '-');

const isForwarded = (name: string) => name.startsWith('x-forwarded-') || name === 'forwarded';
const isIdentity = (name: string) => name.startsWith('x-user-') || name === 'x-user' || name === 'x-real-ip';

/** `trustedProxies`: addresses (`10.0.0.1`) and networks (`10.0.0.0/8`) whose word on the client is kept. */
export function createForwarding(trustedProxies: readonly string[]): Forwarding {
  const trusted = new BlockList();
  for (const entry of trustedProxies) {
    const [address = '', prefix] = entry.split('/', 2);
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (isIP(address) === 0) throw new TypeError(`"${entry}" is neither an address nor a network`);
    if (prefix === undefined) trusted.addAddress(address, family);
    else trusted.addSubnet(address, Number(prefix), family);
  }
  return (req, requestId) => {
    const peer = peerAddress(req);
    const keeps = peer !== undefined && trusted.check(peer, isIP(peer) === 6 ? 'ipv6' : 'ipv4');
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
