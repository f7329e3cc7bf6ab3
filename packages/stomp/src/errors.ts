// What can be wrong with a frame. The codes are stable: they leave the process in ERROR frames.

export type FrameErrorCode =
  | 'malformed-frame'
  | 'malformed-header'
  | 'invalid-escape'
  | 'invalid-utf8'
  | 'invalid-content-length'
  | 'unknown-command'
  | 'body-not-allowed'
  | 'frame-too-large'
  | 'too-many-headers'
  | 'header-too-long';

/** A frame that cannot be read or written. The message names the rule and never quotes the frame: it may hold a token. */
export class FrameError extends Error {
  readonly code: FrameErrorCode;
  override readonly name = 'FrameError';

  constructor(code: FrameErrorCode, message: string, options?: { cause: unknown }) {
    super(message, options);
    this.code = code;
  }
}
