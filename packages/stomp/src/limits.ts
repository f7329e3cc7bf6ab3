// How much of a frame is read before it is refused.

export type FrameLimits = {
  /** The whole frame, from the first octet of the command to the NUL, both included. */
  readonly frameOctets: number;
  /** Header lines of a frame. */
  readonly headers: number;
  /** One header line without its end of line. */
  readonly headerOctets: number;
  /** The same for a header named Authorization, in any case: tokens are long. */
  readonly authorizationOctets: number;
};

export const DEFAULT_FRAME_LIMITS: FrameLimits = {
  frameOctets: 64 * 1024,
  headers: 32,
  headerOctets: 1024,
  authorizationOctets: 4 * 1024,
};
