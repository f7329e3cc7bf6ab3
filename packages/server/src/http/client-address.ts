// Whose request it is: the client's address behind proxies and gateways, and which addresses count as one.
import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';
import { createProxyCheck } from './proxy-list.ts';
import { listOf } from './request-headers.ts';

/**
 * Every hop adds whom it was called by, so X-Forwarded-For is believed from its end, as far as trusted hops go: what
 * stands before the first other address may be the client's invention. A Unix socket is a trusted hop.
 */
export function createClientAddress(trustedProxies: readonly string[]): (req: IncomingMessage) => string {
  const isProxy = createProxyCheck(trustedProxies);
  return (req) => {
    const peer = req.socket.remoteAddress?.replace(/^::ffff:(?=\d+\.)/, '');
    if (peer !== undefined && !isProxy(peer)) return peer;
    let address = peer;
    for (const hop of listOf(req.headers['x-forwarded-for']?.toString() ?? '').reverse()) {
      if (isIP(hop) === 0) break;
      address = hop;
      if (!isProxy(hop)) break;
    }
    return address ?? 'unknown';
  };
}

/** One customer of an IPv6 network has a /64 to choose addresses from: it counts as one. */
export function networkOf(address: string): string {
  if (isIP(address) !== 6 || address.includes('%')) return address;
  const canonical = new URL(`http://[${address}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]+):([0-9a-f]+)$/.exec(canonical);
  if (mapped !== null) {
    const octets = [mapped[1], mapped[2]].flatMap((group) => {
      const value = Number.parseInt(group ?? '0', 16);
      return [value >> 8, value & 255];
    });
    return octets.join('.');
  }
  const [left = '', right] = canonical.split('::');
  const groups = left === '' ? [] : left.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const zeros = right === undefined ? [] : Array.from({ length: 8 - groups.length - tail.length }, () => '0');
  return `${[...groups, ...zeros, ...tail].slice(0, 4).join(':')}::/64`;
}
