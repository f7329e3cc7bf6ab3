// One HTTP request on its way to a remote upstream: streamed both ways, ended at both ends.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Transform } from 'node:stream';
import { MaruError } from '@maru/contract';
import type { Dispatcher } from 'undici';
import { announcesBody } from '../http/request-headers.ts';
import { endToEnd } from './hop-by-hop.ts';
import type { FailedAt, Failure } from './upstream-failure.ts';

type Controller = Dispatcher.DispatchController;

/** What undici says when the upstream took the request and then let time pass; any other failure is an absence. */
const TIMEOUT_CODES = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

export type ExchangeOptions = {
  /** A connection is there, and the request goes out on it: the body may be read now. */
  readonly onStart: () => void;
  readonly onAnswer: (status: number) => void;
  /** The client is still there and waits; the answering is the caller's now. */
  readonly onFailure: (failure: Failure) => void;
  readonly onClose: () => void;
};

export type RequestBody = {
  readonly stream: Transform | null;
  /** Until then nothing of it is read: another upstream may be given it whole. */
  begin(): void;
};

/**
 * The body for undici: not `req` itself, which undici destroys when the upstream answers early, and with it the
 * client's socket and the answer. It counts what a chunked request has not announced.
 */
export function requestBody(req: IncomingMessage, maxOctets: number): RequestBody {
  if (!announcesBody(req)) return { stream: null, begin: () => {} };
  let octets = 0;
  const body = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      octets += chunk.length;
      if (octets > maxOctets) done(new MaruError('payload-too-large'));
      else done(null, chunk);
    },
  });
  // Whoever reads `body` learns of its error; without a listener here Node would throw it.
  body.on('error', () => req.unpipe(body));
  const begin = () => {
    req.once('close', () => {
      if (!req.complete) body.destroy(new Error('The client went away'));
    });
    req.pipe(body);
  };
  return { stream: body, begin };
}

export function createExchange(res: ServerResponse, options: ExchangeOptions): Dispatcher.DispatchHandler {
  let controller: Controller | undefined;
  let reached: FailedAt = 'unsent';
  let over = false;
  const abort = () => {
    if (!over) controller?.abort(new Error('The client went away'));
  };
  const resume = () => controller?.resume();
  res.once('close', abort);
  res.on('drain', resume);
  const finish = () => {
    if (over) return;
    over = true;
    res.off('close', abort);
    res.off('drain', resume);
    options.onClose();
  };

  return {
    onRequestStart(started) {
      controller = started;
      reached = 'unanswered';
      if (res.destroyed) abort();
      else options.onStart();
    },
    onResponseStart(started, status) {
      reached = 'answered';
      // Interim answers are of this hop (RFC 9110 §15.2).
      if (status < 200) return;
      options.onAnswer(status);
      const headers = endToEnd(rawStrings(started.rawHeaders));
      res.writeHead(status, headers);
      // A streamed body may let its first byte wait for long; one of known length comes with its head.
      if (!res.hasHeader('content-length')) res.flushHeaders();
    },
    onResponseData(started, chunk) {
      if (!res.write(chunk)) started.pause();
    },
    onResponseEnd() {
      finish();
      res.end();
    },
    onResponseError(_started, cause) {
      finish();
      if (!res.destroyed) options.onFailure(failureOf(cause, reached));
    },
  };
}

function failureOf(cause: Error, reached: FailedAt): Failure {
  if (cause instanceof MaruError) return { at: 'ours', error: cause };
  const code = 'code' in cause ? String(cause.code) : '';
  if (!TIMEOUT_CODES.has(code))
    return { at: unreadable(code) ? 'answered' : reached, error: unavailable(cause) };
  return {
    at: reached === 'answered' ? 'answered' : 'late',
    error: new MaruError('upstream-timeout', { cause }),
  };
}

/** An answer came that is none: what the service did before it nobody knows. */
const unreadable = (code: string) => code.startsWith('HPE_') || code === 'UND_ERR_HEADERS_OVERFLOW';

const unavailable = (cause: Error) => new MaruError('upstream-unavailable', { cause });

/** Octets are kept as they are: latin1 there and back. */
function rawStrings(raw: Controller['rawHeaders']): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
}
