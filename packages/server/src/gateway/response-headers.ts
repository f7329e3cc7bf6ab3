// What the gateway alone says in a response, whoever writes it: CORS, Vary and the request id.
import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { listOf } from '../http/request-headers.ts';

type GivenHeaders = OutgoingHttpHeaders | OutgoingHttpHeader[];

/**
 * From now on `own` and `Vary: Origin` are in whatever head is written to `res`, once each, and no `Access-Control-*`
 * but those of `own`. Node passes every head, explicit or implied, through `res.writeHead`, so that this one place
 * holds for an in-process upstream too.
 */
export function ownResponseHeaders(res: ServerResponse, own: Readonly<Record<string, string>>): void {
  const writeHead = res.writeHead.bind(res);
  res.writeHead = (status: number, reason?: string | GivenHeaders, given?: GivenHeaders) => {
    const headers = typeof reason === 'object' ? reason : given;
    if (headers !== undefined) setAll(res, headers);
    for (const name of res.getHeaderNames()) if (name.startsWith('access-control-')) res.removeHeader(name);
    res.setHeader('Vary', withOrigin(res.getHeader('vary')));
    for (const [name, value] of Object.entries(own)) res.setHeader(name, value);
    return typeof reason === 'string' ? writeHead(status, reason) : writeHead(status);
  };
}

/** As Node merges them: a name given to `writeHead` replaces what `setHeader` said, and may repeat in a flat list. */
function setAll(res: ServerResponse, headers: GivenHeaders): void {
  if (!Array.isArray(headers)) {
    for (const [name, value] of Object.entries(headers)) if (value !== undefined) res.setHeader(name, value);
    return;
  }
  const flat = headers.some(Array.isArray) ? headers.flat() : headers;
  for (let i = 0; i < flat.length; i += 2) res.removeHeader(String(flat[i]));
  for (let i = 0; i + 1 < flat.length; i += 2) res.appendHeader(String(flat[i]), String(flat[i + 1]));
}

function withOrigin(vary: OutgoingHttpHeader | undefined): string {
  const names = vary === undefined ? [] : listOf([vary].flat().join(','));
  return names.some((name) => name.toLowerCase() === 'origin')
    ? names.join(', ')
    : [...names, 'Origin'].join(', ');
}
