// Which web origins may come in: the gateway's CORS and the chat service's Origin check compare by the same rules.
// CORS does not guard WebSockets; the Origin check does (RFC 6455 §10.2).

type Pattern = {
  readonly scheme: string;
  readonly host: string;
  readonly port: string;
  readonly anyLabel: boolean;
};

const DEFAULT_PORTS: Readonly<Record<string, string>> = { 'http:': '80', 'https:': '443' };

/**
 * Exact origins (scheme, host, port), or `https://*.example.com`, where `*` is exactly one label. Never a substring,
 * never guessed from Host or X-Forwarded-*.
 */
export class OriginList {
  readonly #patterns: readonly Pattern[];

  /** @throws TypeError naming the entry that is no origin. */
  constructor(origins: readonly string[]) {
    this.#patterns = origins.map((origin) => {
      const anyLabel = origin.includes('://*.');
      const pattern = parseOrigin(anyLabel ? origin.replace('://*.', '://') : origin);
      if (pattern === null)
        throw new TypeError(`"${origin}" is not an origin such as https://app.example.com`);
      return { ...pattern, anyLabel };
    });
  }

  /** @param origin the Origin header; absent (no browser sent it): allowed. */
  allows(origin: string | undefined): boolean {
    if (origin === undefined) return true;
    const seen = parseOrigin(origin);
    return seen !== null && this.#patterns.some((pattern) => covers(pattern, seen));
  }
}

function covers(pattern: Pattern, seen: Omit<Pattern, 'anyLabel'>): boolean {
  if (pattern.scheme !== seen.scheme || pattern.port !== seen.port) return false;
  if (!pattern.anyLabel) return pattern.host === seen.host;
  const dot = seen.host.indexOf('.');
  return dot > 0 && seen.host.slice(dot + 1) === pattern.host;
}

/** `null` for `null`, for lists, and for anything with a path, a query, a user or a scheme without ports. */
function parseOrigin(text: string): Omit<Pattern, 'anyLabel'> | null {
  const match = /^(https?:)\/\/([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?$/.exec(text.toLowerCase());
  const [, scheme, host, port] = match ?? [];
  if (scheme === undefined || host === undefined) return null;
  return { scheme, host, port: port ?? DEFAULT_PORTS[scheme] ?? '' };
}
