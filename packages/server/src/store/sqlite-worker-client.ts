// The main thread's side of a database thread: a promise for each request, and none left open if the thread dies.
import { Worker } from 'node:worker_threads';
import { MaruError } from '@maru/contract';
import type { Answer, Envelope } from './sqlite-worker-server.ts';
import { decodeError } from './wire-error.ts';

export type SqliteWorkerOptions = {
  readonly url: URL;
  readonly name: string;
  readonly folder: string;
  /** What its thread is told besides; passed as it is. */
  readonly settings?: object;
  /** Most requests sent and not yet answered; past it `overloaded`. */
  readonly requestLimit: number;
};

/**
 * States, and what `request` does in each:
 *
 *   open     → sends, or `overloaded` if `requestLimit` requests are unanswered
 *   closing  close() was called; what was sent before is still answered → `going-away`
 *   dead     the thread ended by itself or was terminated → `internal`, and so did every unanswered request
 *
 * The thread answers in the order of the requests, so they need no number.
 */
export class SqliteWorkerClient<Request, Response> {
  readonly #worker: Worker;
  readonly #requestLimit: number;
  readonly #unanswered: PromiseWithResolvers<Response>[] = [];
  readonly #ended = Promise.withResolvers<void>();
  readonly #died = Promise.withResolvers<Error>();
  #onError: (error: MaruError) => void = () => {};
  #onTrouble: (error: MaruError) => void = () => {};
  #closing = false;
  #death: { readonly cause: Error } | undefined;

  constructor({ url, name, folder, settings, requestLimit }: SqliteWorkerOptions) {
    const worker = new Worker(url, { name, workerData: { folder, settings } });
    this.#worker = worker;
    this.#requestLimit = requestLimit;
    worker.on('message', (answer: Answer<Response>) => this.#settle(answer));
    worker.on('messageerror', (error) => this.#die(error));
    worker.on('error', (error) => this.#die(error instanceof Error ? error : new Error(String(error))));
    worker.on('exit', (code) => {
      if (!this.#closing || this.#unanswered.length > 0) {
        this.#die(new Error(`the thread ${name} ended with code ${code}`));
      }
      this.#ended.resolve();
    });
  }

  /** Resolves, never before every open request was rejected, when the thread is dead; never resolves otherwise. */
  get died(): Promise<Error> {
    return this.#died.promise;
  }

  /** Called with every error the thread answers, before whoever asked has it. One listener. */
  onError(listener: (error: MaruError) => void): void {
    this.#onError = listener;
  }

  /** Called with what fails in the thread while nobody waits for it. One listener. */
  onTrouble(listener: (error: MaruError) => void): void {
    this.#onTrouble = listener;
  }

  /** Opens the database; rejects with a plain Error that says what kept it from that. Then only `close` is left. */
  async open(): Promise<void> {
    try {
      await this.#send({ open: true });
    } catch (error) {
      if (!(error instanceof MaruError && error.cause instanceof Error)) throw error;
      throw new Error(error.cause.message, { cause: error.cause });
    }
  }

  request(request: Request): Promise<Response> {
    if (this.#closing && this.#death === undefined) return Promise.reject(new MaruError('going-away'));
    if (this.#unanswered.length >= this.#requestLimit) return Promise.reject(new MaruError('overloaded'));
    return this.#send({ request });
  }

  /** Resolves when all that was sent is answered, the database closed and the thread gone. */
  async close(): Promise<void> {
    if (this.#death === undefined && !this.#closing) {
      this.#closing = true;
      await this.#send({ close: true });
    }
    await this.#ended.promise;
  }

  /** Ends the thread at once; what it hadn't answered rejects `internal`. */
  async terminate(cause: Error): Promise<void> {
    this.#die(cause);
    await this.#ended.promise;
  }

  #send(envelope: Envelope<Request>): Promise<Response> {
    if (this.#death !== undefined) return Promise.reject(new MaruError('internal', this.#death));
    // First: it throws for what cannot be cloned, and then no answer will come.
    this.#worker.postMessage(envelope);
    const unanswered = Promise.withResolvers<Response>();
    this.#unanswered.push(unanswered);
    return unanswered.promise;
  }

  #settle(answer: Answer<Response>): void {
    if ('trouble' in answer) {
      this.#onTrouble(decodeError(answer.trouble));
      return;
    }
    const unanswered = this.#unanswered.shift();
    if (!('error' in answer)) {
      unanswered?.resolve(answer.value);
      return;
    }
    const error = decodeError(answer.error);
    this.#onError(error);
    unanswered?.reject(error);
  }

  #die(cause: Error): void {
    if (this.#death !== undefined) return;
    this.#death = { cause };
    for (const { reject } of this.#unanswered.splice(0)) reject(new MaruError('internal', { cause }));
    this.#died.resolve(cause);
    void this.#worker.terminate();
  }
}
