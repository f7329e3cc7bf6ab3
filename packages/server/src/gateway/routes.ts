// Which upstream a path belongs to: one normalised form, first match wins.
import { MaruError } from '@maru/contract';
import type { Upstream } from '../http/upstream.ts';
import type { TokenFilter } from './token-filter.ts';

export type Route = {
  /** `/chat` is that path alone; `/api/**` is `/api` and everything below it. */
  readonly path: string;
  readonly kind: 'http' | 'websocket';
  readonly upstream: Upstream;
  readonly tokenFilter: TokenFilter;
  /** Paths of the route that need no token, in the same syntax. */
  readonly public?: readonly string[];
};

/**
 * The path in the one form that everything is decided on. What two servers might read differently has no such form:
 * dot segments, empty segments, encoded separators, an encoding of an encoding.
 */
export function normalPath(target: string | undefined): string {
  const path = (target ?? '').split('?', 1)[0] ?? '';
  // Absolute form (RFC 9112 §3.2.2) would name a second host; asterisk form names nothing that is served here.
  if (!path.startsWith('/')) throw ambiguous();
  if (/\/\/|#|\\|%(?:2f|5c|00)/i.test(path)) throw ambiguous();
  const decoded = decode(path);
  if (/\.\.|\/\.(?:\/|$)|[\\\p{Cc}]|%(?:2f|5c|00|2e)/iu.test(decoded)) throw ambiguous();
  return decoded;
}

function matchesPath(pattern: string, path: string): boolean {
  if (!pattern.endsWith('/**')) return path === pattern;
  const folder = pattern.slice(0, -'/**'.length);
  return path === folder || path.startsWith(`${folder}/`);
}

export function findRoute(routes: readonly Route[], path: string): Route | undefined {
  return routes.find((route) => matchesPath(route.path, path));
}

export function isPublic(route: Route, path: string): boolean {
  return route.public?.some((pattern) => matchesPath(pattern, path)) ?? false;
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch (cause) {
    throw new MaruError('invalid-request', { message: 'The path is not valid', cause });
  }
}

function ambiguous(): MaruError {
  return new MaruError('invalid-request', { message: 'The path is not valid' });
}
