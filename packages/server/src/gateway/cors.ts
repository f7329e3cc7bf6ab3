// CORS (Fetch standard): who may read an answer, and the answer to a preflight. Nobody else in Maru says a word of it.
import type { IncomingMessage } from 'node:http';
import { OriginList } from '../http/origin-list.ts';
import { listOf, valuesOf } from '../http/request-headers.ts';

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
  const allowed = new OriginList(options.allowedOrigins);
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
      if (origins.length > 1 || !allowed.allows(origin)) return DENIED;
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
