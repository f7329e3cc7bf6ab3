// The octets that a frame's head is made of.

export const NUL = 0x00;
export const LF = 0x0a;
export const CR = 0x0d;

// What a header line's octets ask for; PLAIN ones ask for nothing.
export const PLAIN = 0;
const NOT_ASCII = 1;
export const BACKSLASH = 2;
export const COLON = 4;
export const BREAK = 8;
/** Of no octet: the line is a credential. */
export const SECRET = 16;
/** Octet → what it asks for. */
export const OCTETS = Uint8Array.from({ length: 256 }, (_, octet) => (octet < 0x80 ? PLAIN : NOT_ASCII));
OCTETS[0x5c] = BACKSLASH;
OCTETS[0x3a] = COLON;
OCTETS[NUL] = OCTETS[LF] = OCTETS[CR] = BREAK;

const AUTHORIZATION = 'authorization';

/** In any case: HTTP writes it in every way. */
export function spellsAuthorization(bytes: Uint8Array, start: number, end: number): boolean {
  if (end - start !== AUTHORIZATION.length) return false;
  for (let i = 0; i < AUTHORIZATION.length; i++) {
    if (((bytes[start + i] as number) | 0x20) !== AUTHORIZATION.charCodeAt(i)) return false;
  }
  return true;
}
