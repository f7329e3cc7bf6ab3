// The error registry: every code that leaves Maru, with what a client is to do about it.

/** What a client should do: `never` repeat as it is, `reauthenticate` and then repeat, `later` repeat after a pause. */
export type Retry = 'never' | 'reauthenticate' | 'later';

export type ErrorFacts = {
  /** One sentence for people; no detail of the request, no secret. */
  readonly message: string;
  /** HTTP status where the error is answered over HTTP. */
  readonly status: number;
  /** WebSocket close code where it ends a STOMP session (RFC 6455 §7.4). */
  readonly close: number;
  readonly retry: Retry;
  /**
   * A SEND, SUBSCRIBE or COMMIT refused with it leaves the session alive, if that is subscribed to `/user/queue/errors`.
   * Absent: ERROR and close in any case.
   */
  readonly soft?: true;
};

export const ERRORS = {
  // Frames that cannot be read (STOMP 1.2 Augmented BNF, Size Limits).
  'malformed-frame': {
    message: 'The frame does not follow the STOMP grammar',
    status: 400,
    close: 1002,
    retry: 'never',
  },
  'malformed-header': { message: 'A header line is malformed', status: 400, close: 1002, retry: 'never' },
  'invalid-escape': {
    message: 'A header holds an undefined escape sequence',
    status: 400,
    close: 1002,
    retry: 'never',
  },
  'invalid-utf8': { message: 'The text is not valid UTF-8', status: 400, close: 1007, retry: 'never' },
  'invalid-content-length': {
    message: 'The content-length header is not a number of octets',
    status: 400,
    close: 1002,
    retry: 'never',
  },
  'unknown-command': {
    message: 'The command is not a STOMP client command',
    status: 400,
    close: 1002,
    retry: 'never',
  },
  'body-not-allowed': {
    message: 'Only a SEND frame may have a body',
    status: 400,
    close: 1002,
    retry: 'never',
  },
  'frame-too-large': {
    message: 'The frame is larger than the limit',
    status: 413,
    close: 1009,
    retry: 'never',
  },
  'too-many-headers': {
    message: 'The frame has more headers than the limit',
    status: 400,
    close: 1009,
    retry: 'never',
  },
  'header-too-long': {
    message: 'A header line is longer than the limit',
    status: 400,
    close: 1009,
    retry: 'never',
  },
  'frame-timeout': {
    message: 'A frame was begun and not finished in time',
    status: 408,
    close: 1002,
    retry: 'later',
  },
  // The session.
  'missing-header': {
    message: 'A header that the command needs is missing',
    status: 400,
    close: 1002,
    retry: 'never',
  },
  'invalid-header': {
    message: 'A header has a value that is not allowed',
    status: 400,
    close: 1002,
    retry: 'never',
  },
  'unsupported-version': {
    message: 'No common STOMP version; supported are 1.0, 1.1 and 1.2',
    status: 400,
    close: 1002,
    retry: 'never',
  },
  'unsupported-frame': {
    message: 'This server does not offer this frame yet',
    status: 501,
    close: 1002,
    retry: 'never',
    soft: true,
  },
  'not-connected': {
    message: 'The first frame must be CONNECT or STOMP',
    status: 400,
    close: 1002,
    retry: 'never',
  },
  'already-connected': {
    message: 'The session is connected already',
    status: 400,
    close: 1002,
    retry: 'never',
  },
  'connect-timeout': { message: 'No CONNECT frame came in time', status: 408, close: 1008, retry: 'later' },
  'duplicate-subscription': {
    message: 'The subscription id is in use already',
    status: 409,
    close: 1002,
    retry: 'never',
  },
  'unknown-subscription': {
    message: 'No subscription has this id',
    status: 404,
    close: 1002,
    retry: 'never',
  },
  'too-many-subscriptions': {
    message: 'The session has as many subscriptions as it may have',
    status: 429,
    close: 1008,
    retry: 'never',
    soft: true,
  },
  'too-many-sessions': {
    message: 'The person has as many sessions as one may have',
    status: 429,
    close: 1008,
    retry: 'later',
  },
  'too-many-unacknowledged': {
    message: 'The session would have more unacknowledged messages than it may have',
    status: 429,
    close: 1008,
    retry: 'never',
    soft: true,
  },
  'unknown-ack': {
    message: 'No message of this id waits for an acknowledgement',
    status: 404,
    close: 1002,
    retry: 'never',
  },
  'unknown-transaction': {
    message: 'No transaction has this id',
    status: 404,
    close: 1002,
    retry: 'never',
  },
  'duplicate-transaction': {
    message: 'The transaction id is in use already',
    status: 409,
    close: 1002,
    retry: 'never',
  },
  'too-many-transactions': {
    message: 'The session has as many transactions as it may have',
    status: 429,
    close: 1008,
    retry: 'never',
  },
  'transaction-too-large': {
    message: 'The transactions of the session hold more than they may',
    status: 413,
    close: 1009,
    retry: 'never',
    soft: true,
  },
  'transaction-failed': {
    message: 'A frame of the transaction was refused, so nothing of it takes effect',
    status: 409,
    close: 1008,
    retry: 'never',
    soft: true,
  },
  'subscription-ended': {
    message: 'The server has ended the subscription',
    status: 410,
    close: 1008,
    retry: 'never',
  },
  'answer-timeout': {
    message: 'What a frame asked for was not done in time',
    status: 504,
    close: 1011,
    retry: 'later',
  },
  'heart-beat-timeout': {
    message: 'Nothing was heard for longer than the heart-beats allow',
    status: 408,
    close: 1002,
    retry: 'later',
  },
  'too-slow': {
    message: 'The client reads more slowly than messages come',
    status: 503,
    close: 1013,
    retry: 'later',
  },
  // Who you are, and what you may do.
  'token-missing': {
    message: 'Token is missing',
    status: 401,
    close: 1008,
    retry: 'reauthenticate',
    soft: true,
  },
  'token-invalid': {
    message: 'Token is invalid',
    status: 401,
    close: 1008,
    retry: 'reauthenticate',
    soft: true,
  },
  'token-expired': {
    message: 'Token has expired',
    status: 401,
    close: 1008,
    retry: 'reauthenticate',
    soft: true,
  },
  'token-subject-mismatch': {
    message: 'The token is not of the person who is connected',
    status: 403,
    close: 1008,
    retry: 'never',
  },
  'access-denied': { message: 'Access is denied', status: 403, close: 1008, retry: 'never', soft: true },
  'not-a-member': {
    message: 'Only a member of the room may do this',
    status: 403,
    close: 1008,
    retry: 'never',
    soft: true,
  },
  'origin-not-allowed': { message: 'The origin is not allowed', status: 403, close: 1008, retry: 'never' },
  'pattern-not-allowed': {
    message: 'A destination pattern is not allowed',
    status: 400,
    close: 1008,
    retry: 'never',
    soft: true,
  },
  'unknown-destination': {
    message: 'The destination is unknown',
    status: 404,
    close: 1008,
    retry: 'never',
    soft: true,
  },
  refused: {
    message: 'The application refuses this',
    status: 403,
    close: 1008,
    retry: 'never',
    soft: true,
  },
  // Requests and what they carry.
  'invalid-body': {
    message: 'The body is not what this destination takes',
    status: 400,
    close: 1008,
    retry: 'never',
    soft: true,
  },
  'unsupported-content-type': {
    message: 'The content type must be application/json',
    status: 415,
    close: 1003,
    retry: 'never',
    soft: true,
  },
  'invalid-request': { message: 'The request is not valid', status: 400, close: 1002, retry: 'never' },
  'room-not-found': {
    message: 'There is no such room',
    status: 404,
    close: 1008,
    retry: 'never',
    soft: true,
  },
  'message-not-found': {
    message: 'The room has no such message, or not any more',
    status: 404,
    close: 1008,
    retry: 'never',
    soft: true,
  },
  'too-many-reactions': {
    message: 'The message has as many different reactions as it can',
    status: 409,
    close: 1008,
    retry: 'never',
    soft: true,
  },
  'reset-required': {
    message: 'The log is not the one that from-seq is of: read the history anew',
    status: 409,
    close: 1008,
    retry: 'never',
    soft: true,
  },
  'not-found': { message: 'There is nothing at this address', status: 404, close: 1008, retry: 'never' },
  'method-not-allowed': {
    message: 'The method is not allowed here',
    status: 405,
    close: 1002,
    retry: 'never',
  },
  'payload-too-large': {
    message: 'The request is larger than the limit',
    status: 413,
    close: 1009,
    retry: 'never',
  },
  'too-many-requests': { message: 'Too many requests', status: 429, close: 1013, retry: 'later' },
  'request-timeout': {
    message: 'The request was not finished in time',
    status: 408,
    close: 1002,
    retry: 'later',
  },
  'upgrade-required': {
    message: 'This address takes WebSocket version 13 only',
    status: 426,
    close: 1002,
    retry: 'never',
  },
  'cors-denied': {
    message: 'The origin may not make this request',
    status: 403,
    close: 1008,
    retry: 'never',
  },
  // Our side.
  'upstream-unavailable': {
    message: 'The service behind the gateway cannot be reached',
    status: 502,
    close: 1013,
    retry: 'later',
    soft: true,
  },
  'upstream-timeout': {
    message: 'The service behind the gateway did not answer in time',
    status: 504,
    close: 1013,
    retry: 'later',
  },
  'storage-unavailable': {
    message: 'The database cannot be written or read just now',
    status: 503,
    close: 1013,
    retry: 'later',
    soft: true,
  },
  overloaded: {
    message: 'The server has more to do than it can take',
    status: 503,
    close: 1013,
    retry: 'later',
    soft: true,
  },
  'going-away': { message: 'The server is restarting', status: 503, close: 1012, retry: 'later' },
  internal: {
    message: 'Something went wrong on our side',
    status: 500,
    close: 1011,
    retry: 'later',
    soft: true,
  },
} as const satisfies Record<string, ErrorFacts>;

export type ErrorCode = keyof typeof ERRORS;

export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERRORS, code);
}
