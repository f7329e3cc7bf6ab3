// The worker's side of a database thread: opens it, then answers one request after the other.
import { parentPort } from 'node:worker_threads';
import { encodeError, type WireError } from './wire-error.ts';

/** To the worker: `open` first, requests, `close` last. It answers each with one `Answer`, in order. */
export type Envelope<Request> =
  | { readonly request: Request }
  | { readonly open: true }
  | { readonly close: true };
export type Answer<Response> =
  | { readonly value: Response }
  | { readonly error: WireError }
  /** Answers nothing: something failed that nobody had asked for. */
  | { readonly trouble: WireError };

export type Database<Request, Response> = {
  /** Runs to its end: no transaction stays open when it returns. */
  answer(request: Request): Response;
  close(): void;
};

/** `onTrouble`: for what fails between requests. */
export function serveDatabase<Request, Response>(
  open: (onTrouble: (error: unknown) => void) => Database<Request, Response>,
): void {
  if (parentPort === null) throw new Error('this file is the entry point of a worker thread');
  const port = parentPort;
  let database: Database<Request, Response> | undefined;

  function tell(error: unknown): void {
    const trouble: Answer<Response> = { trouble: encodeError(error) };
    port.postMessage(trouble);
  }

  function take(envelope: Envelope<Request>): Response | null {
    if ('request' in envelope) {
      if (database === undefined) throw new Error('the database is not open');
      return database.answer(envelope.request);
    }
    if ('open' in envelope) database = open(tell);
    else database?.close();
    return null;
  }

  port.on('message', (envelope: Envelope<Request>) => {
    let answer: Answer<Response | null>;
    try {
      answer = { value: take(envelope) };
    } catch (error) {
      answer = { error: encodeError(error) };
    }
    port.postMessage(answer);
    // Nothing keeps the thread alive from here.
    if ('close' in envelope) port.close();
  });
}
