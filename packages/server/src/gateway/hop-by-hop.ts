// Headers that concern one connection only and are not passed on (RFC 9110 §7.6.1).
import { listOf } from '../http/request-headers.ts';

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
]);

/**
 * `Connection: close, authorization` asks a proxy to drop what the next server decides by; these names are
 * end-to-end whatever Connection says.
 */
const END_TO_END =
  /^(?:authorization|cookie|host|origin|content-.*|x-forwarded-.*|x-request-id|sec-websocket-.*)$/;

/** The flat list of names and values without the hop-by-hop ones and those that Connection names. */
export function endToEnd(raw: readonly string[]): string[] {
  const named = new Set<string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() !== 'connection') continue;
    for (const name of listOf(raw[i + 1] ?? '')) named.add(name.toLowerCase());
  }
  const kept: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? '').toLowerCase();
    if (HOP_BY_HOP.has(name) || (named.has(name) && !END_TO_END.test(name))) continue;
    kept.push(raw[i] ?? '', raw[i + 1] ?? '');
  }
  return kept;
}
