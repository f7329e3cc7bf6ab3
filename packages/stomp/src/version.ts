// The STOMP versions spoken here, and which one a CONNECT gets.

export type Version = '1.0' | '1.1' | '1.2';

/** Ascending, as the `version` header of an ERROR lists them (STOMP 1.2 §Protocol Negotiation). */
export const SUPPORTED_VERSIONS: readonly Version[] = ['1.0', '1.1', '1.2'];

/**
 * The highest version of an accept-version header that is supported; `undefined` if there is none.
 * No header at all means a 1.0 client. Spaces around the commas are tolerated.
 */
export function negotiateVersion(acceptVersion: string | undefined): Version | undefined {
  if (acceptVersion === undefined) return '1.0';
  const accepted = acceptVersion.split(',').map((version) => version.trim());
  return SUPPORTED_VERSIONS.findLast((version) => accepted.includes(version));
}
