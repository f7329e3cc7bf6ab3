// The headers of a request as the client sent them, and the one way in which the gateway rewrites them.
import type { IncomingMessage } from 'node:http';

export type HeaderField = readonly [name: string, value: string];

/** The header's values, one for each line it was sent in: `req.headers` joins some and drops others. */
export function valuesOf(req: Pick<IncomingMessage, 'rawHeaders'>, name: string): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) {
    if (req.rawHeaders[i]?.toLowerCase() === name) values.push(req.rawHeaders[i + 1] ?? '');
  }
  return values;
}

/**
 * Removes the headers for which `drops` holds (it is asked with the lower-case name) and adds `added`. An in-process
 * upstream reads `headers`, a remote one is sent `rawHeaders`: both tell the same afterwards.
 */
export function rewriteHeaders(
  req: IncomingMessage,
  drops: (name: string) => boolean,
  added: readonly HeaderField[],
): void {
  const replaced = new Set(added.map(([name]) => name.toLowerCase()));
  const goes = (name: string) => replaced.has(name) || drops(name);
  const raw: string[] = [];
  for (let i = 0; i + 1 < req.rawHeaders.length; i += 2) {
    const name = req.rawHeaders[i] ?? '';
    if (!goes(name.toLowerCase())) raw.push(name, req.rawHeaders[i + 1] ?? '');
  }
  for (const name of Object.keys(req.headers)) if (goes(name)) delete req.headers[name];
  for (const [name, value] of added) {
    raw.push(name, value);
    req.headers[name.toLowerCase()] = value;
  }
  req.rawHeaders = raw;
}

/** The members of a comma-separated list header, without the empty ones (RFC 9110 §5.6.1). */
export function listOf(value: string): string[] {
  return value
    .split(',')
    .map((member) => member.trim())
    .filter((member) => member !== '');
}

/** Whether the request announces a body (RFC 9112 §6). */
export function announcesBody(req: IncomingMessage): boolean {
  return req.headers['transfer-encoding'] !== undefined || Number(req.headers['content-length'] ?? 0) > 0;
}
