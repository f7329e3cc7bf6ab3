// One HTTP request on its way to a remote upstream: streamed both ways, ended at both ends.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Transform } from 'node:stream';
import { MaruError } from '@maru/contract';
import type { Dispatcher } from 'undici';
import { sendError } from '../http/http-error.ts';
import { announcesBody } from '../http/request-headers.ts';
import { endToEnd } from './hop-by-hop.ts';

type Controller = Dispatcher.DispatchController;

/** What undici says when the upstream took the request and then let time pass; any other failure is an absence. */
const TIMEOUT_CODES = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT']);

export type ExchangeOptions = {
  readonly requestId: string;
  readonly onFailure: (error: MaruError) => void;
  readonly onClose: () => void;
};

/**
 * The body for undici: not `req` itself, which undici destroys when the upstream answers early, and with it the
 * client's socket and the answer. It counts what a chunked request has not announced.
 */
export function requestBody(req: IncomingMessage, maxOctets: number): Transform | null {
  if (!announcesBody(req)) return null;
  let octets = 0;
  const body = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      octets += chunk.length;
      if (octets > maxOctets) done(new MaruError('payload-too-large'));
      else done(null, chunk);
    },
  });
  req.once('close', () => {
    if (!req.complete) body.destroy(new Error('The client went away'));
  });
  // Whoever reads `body` learns of its error; without a listener here Node would throw it.
  body.on('error', () => req.unpipe(body));
  return req.pipe(body);
}

export function createExchange(res: ServerResponse, options: ExchangeOptions): Dispatcher.DispatchHandler {
  let controller: Controller | undefined;
  let over = false;
  const finish = () => {
    if (!over) options.onClose();
    over = true;
  };
  const abort = () => {
    if (!over) controller?.abort(new Error('The client went away'));
  };
  res.once('close', abort);
  res.on('drain', () => controller?.resume());

  return {
    onRequestStart(started) {
      controller = started;
      if (res.destroyed) abort();
    },
    onResponseStart(started, status) {
      // Interim answers are of this hop (RFC 9110 §15.2).
      if (status < 200) return;
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
      if (res.destroyed) return;
      const error = cause instanceof MaruError ? cause : new MaruError(codeOf(cause), { cause });
      options.onFailure(error);
      sendError(res, error, options.requestId);
    },
  };
}

function codeOf(cause: Error): 'upstream-timeout' | 'upstream-unavailable' {
  const code = 'code' in cause ? String(cause.code) : '';
  return TIMEOUT_CODES.has(code) ? 'upstream-timeout' : 'upstream-unavailable';
}

/** Octets are kept as they are: latin1 there and back. */
function rawStrings(raw: Controller['rawHeaders']): string[] {
  if (!Array.isArray(raw)) return [];
  return raw.map((part) => (typeof part === 'string' ? part : part.toString('latin1')));
}
