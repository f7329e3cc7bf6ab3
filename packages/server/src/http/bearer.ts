// The token of an `Authorization: Bearer …` value, on a request or in a CONNECT frame (RFC 6750 §2.1).

/** `undefined`: another scheme, no token, or more than one. The scheme's name is read in either case. */
export function bearerToken(authorization: string | undefined): string | undefined {
  return /^bearer +([^ ]+) *$/i.exec(authorization ?? '')?.[1];
}
