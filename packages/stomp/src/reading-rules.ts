// How the versions differ for a reader of frames.
import type { Version } from './version.ts';

export type ReadingRules = {
  /** CR LF ends a line as LF does, and CR may not stand elsewhere. Otherwise CR is an octet of the header like others. */
  readonly crlf: boolean;
  /** Whose escapes are undone. */
  readonly escapes: Version;
  /** Spaces around header values are dropped: the examples of 1.0 write `login: <username>`. */
  readonly trims: boolean;
  /** What becomes of a body where none may be. STOMP 1.0 §SUBSCRIBE: "the body of the SUBSCRIBE command is ignored". */
  readonly strayBody: 'refused' | 'dropped';
};

export const READING_RULES = {
  '1.0': { crlf: false, escapes: '1.0', trims: true, strayBody: 'dropped' },
  '1.1': { crlf: false, escapes: '1.1', trims: false, strayBody: 'refused' },
  '1.2': { crlf: true, escapes: '1.2', trims: false, strayBody: 'refused' },
} as const satisfies Record<Version, ReadingRules>;

/** Until CONNECT told the version: both ends of line, nothing unescaped (CONNECT never is), nothing trimmed. */
export const RULES_BEFORE_CONNECT: ReadingRules = {
  crlf: true,
  escapes: '1.0',
  trims: false,
  strayBody: 'refused',
};
