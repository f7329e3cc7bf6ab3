// How far a request had come when it failed, and what follows from that: who is to blame, and whether another may be asked.
import type { IncomingMessage } from 'node:http';
import type { MaruError } from '@maru/contract';
import { announcesBody } from '../http/request-headers.ts';

/**
 * *unsent*: no connection, not an octet left · *unanswered*: sent, and the connection broke before an octet of an answer ·
 * *late*: sent, and no answer in time · *declined*: an upgrade answered with 502, 503 or 504, which the client has not
 * seen · *busy*: the same, and it said when to come back, so it is there · *answered*: an answer that began, or none that could be read · *ours*: the gateway's own refusal, as of a body
 * that is too long.
 */
export type FailedAt = 'unsent' | 'unanswered' | 'late' | 'declined' | 'busy' | 'answered' | 'ours';

export type Failure = { readonly at: FailedAt; readonly error: MaruError };

type Facts = {
  /** Whether it counts against the member that was asked. */
  readonly blames: boolean;
  /** Whether another member may be asked: nothing may be done twice (RFC 9110 §9.2.2), and nobody waits twice. */
  readonly mayRepeat: (req: IncomingMessage) => boolean;
};

const always = () => true;
const never = () => false;

export const FAILURES: Readonly<Record<FailedAt, Facts>> = {
  unsent: { blames: true, mayRepeat: always },
  // The body, where there is one, may be gone: it is streamed, and kept by nobody.
  unanswered: { blames: true, mayRepeat: (req) => IDEMPOTENT.has(req.method ?? '') && !announcesBody(req) },
  late: { blames: true, mayRepeat: never },
  // An upgrade is a GET, and one that was refused has begun nothing.
  declined: { blames: true, mayRepeat: always },
  // To take it out of service would leave the others with its clients as well.
  busy: { blames: false, mayRepeat: always },
  answered: { blames: true, mayRepeat: never },
  ours: { blames: false, mayRepeat: never },
};

const IDEMPOTENT: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']);

/** Answers that say a service can't be had: to an upgrade also 503. */
export const BAD_STATUSES = {
  request: new Set([502, 504]),
  upgrade: new Set([502, 503, 504]),
} as const satisfies Readonly<Record<string, ReadonlySet<number>>>;
