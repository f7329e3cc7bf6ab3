// CORS (Fetch standard): who may read an answer, and the answer to a preflight. Nobody else in Maru says a word of it.
import type { IncomingMessage } from 'node:http';
import { listOf, valuesOf } from './request-headers.ts';

/** Credentials are always allowed, so that `*` means nothing anywhere (Fetch, "CORS protocol and credentials"). */
export type CorsOptions = {
  /** `http://127.0.0.1:5500`, or `https://*.example.com` for any one label in the place of the star. */
  readonly allowedOrigins: readonly string[];
  readonly allowedMethods: readonly string[];
  readonly allowedHeaders: readonly string[];
  readonly exposedHeaders: readonly string[];
  readonly maxAgeSeconds: number;
};

type CorsVerdict = {
  readonly kind: 'no-origin' | 'allowed' | 'preflight' | 'denied';
  /** The `Access-Control-*` headers of the answer, all there are. */
  readonly headers: Readonly<Record<string, string>>;
};

export type Cors = { judge(req: Pick<IncomingMessage, 'method' | 'headers' | 'rawHeaders'>): CorsVerdict };

const DENIED: CorsVerdict = { kind: 'denied', headers: {} };
const NO_ORIGIN: CorsVerdict = { kind: 'no-origin', headers: {} };

export function createCors(options: CorsOptions): Cors {
  const isAllowed = originList(options.allowedOrigins);
  const { allowedMethods, allowedHeaders, exposedHeaders } = options;
  for (const list of [allowedMethods, allowedHeaders, exposedHeaders]) {
    if (list.includes('*'))
      throw new TypeError('"*" is not allowed in CORS lists, as credentials are allowed');
  }
  const headerNames = new Set(allowedHeaders.map((name) => name.toLowerCase()));
  const exposed: Record<string, string> =
    exposedHeaders.length === 0 ? {} : { 'Access-Control-Expose-Headers': exposedHeaders.join(', ') };

  return {
    judge(req) {
      const origins = valuesOf(req, 'origin');
      const origin = origins[0];
      if (origin === undefined) return NO_ORIGIN;
      if (origins.length > 1 || !isAllowed(origin)) return DENIED;
      const granted = { 'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Credentials': 'true' };
      const method = req.headers['access-control-request-method'];
      if (req.method !== 'OPTIONS' || method === undefined) {
        return { kind: 'allowed', headers: { ...granted, ...exposed } };
      }
      const names = listOf(valuesOf(req, 'access-control-request-headers').join(','));
      if (!allowedMethods.includes(method)) return DENIED;
      if (!names.every((name) => headerNames.has(name.toLowerCase()))) return DENIED;
      return {
        kind: 'preflight',
        headers: {
          ...granted,
          'Access-Control-Allow-Methods': allowedMethods.join(', '),
          'Access-Control-Allow-Headers': allowedHeaders.join(', '),
          'Access-Control-Max-Age': String(options.maxAgeSeconds),
        },
      };
    },
  };
}

/** Scheme, host and port are compared whole and in lower case (RFC 6454 §5): never a part of a string. */
function originList(allowed: readonly string[]): (origin: string) => boolean {
  const exact = new Set<string>();
  const patterns: { readonly before: string; readonly after: string }[] = [];
  for (const entry of allowed) {
    const origin = URL.parse(entry)?.origin;
    if (origin === undefined || origin === 'null' || origin !== entry.toLowerCase()) {
      throw new TypeError(
        `"${entry}" is not an origin: write scheme, host and port, as https://chat.example.com`,
      );
    }
    const [before = '', after] = origin.split('*', 2);
    if (after === undefined) exact.add(origin);
    else if (before.endsWith('://') && after.startsWith('.')) patterns.push({ before, after });
    else throw new TypeError(`"${entry}": a star stands for one whole label, as in https://*.example.com`);
  }
  return (sent) => {
    const origin = sent.toLowerCase();
    if (exact.has(origin)) return true;
    return patterns.some(({ before, after }) => {
      if (!origin.startsWith(before) || !origin.endsWith(after)) return false;
      return /^[a-z\d-]+$/.test(origin.slice(before.length, origin.length - after.length));
    });
  };
}
