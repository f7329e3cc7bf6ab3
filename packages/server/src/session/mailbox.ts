// The ordered mailbox of a session: frames take effect in the order they came, answers leave in the order of the frames.
import { MaruError } from '@maru/contract';
import { encodeFrame } from '@maru/stomp';
import type { Answer, Command } from './commands/command.ts';
import { COMMANDS } from './commands/index.ts';
import { encodeError } from './error-frame.ts';
import { type Reply, ReplyQueue } from './reply-queue.ts';
import type { ClientFrame, Session } from './session.ts';

/** What the session does with what comes out. */
export type MailboxEvents = {
  /** An answer, in the order of the frames. */
  readonly send: (octets: Uint8Array) => void;
  /** Frames wait that can't be started: the socket isn't to be read until it is said again that it may. */
  readonly hold: (reading: boolean) => void;
  /** A frame was refused; nothing behind it is acted on. `onFailed` follows when the answers before it have left. */
  readonly onRefused: () => void;
  readonly onFailed: (error: MaruError, octets: Uint8Array | null) => void;
  /** Every frame so far is answered. */
  readonly onEmpty: () => void;
};

/**
 * States: *acting* → *stopped* (nothing more is started; answers of what was still leave). Within *acting* a blocking
 * command (CONNECT, SUBSCRIBE) holds the frames behind it, a SEND starts its append and the mailbox goes on.
 * Bound: `limits.inFlight` frames unanswered; past it the socket isn't read, so what waits here is at most what one
 * WebSocket message carries more.
 */
export class Mailbox {
  readonly #session: Session;
  readonly #events: MailboxEvents;
  readonly #replies: ReplyQueue;
  #waiting: (ClientFrame | MaruError)[] = [];
  #blocked = false;
  #stopped = false;

  constructor(session: Session, events: MailboxEvents) {
    this.#session = session;
    this.#events = events;
    this.#replies = new ReplyQueue({
      send: events.send,
      onFailed: events.onFailed,
      onDrained: () => this.#drained(),
    });
  }

  get unanswered(): number {
    return this.#replies.size;
  }

  /** @param item a frame, or what was wrong with the octets where the next one should have been. */
  put(item: ClientFrame | MaruError): void {
    if (!this.#stopped) this.#waiting.push(item);
  }

  /** Starts what may be started. */
  work(): void {
    let started = 0;
    while (started < this.#waiting.length && this.#mayStart) {
      this.#dispatch(this.#waiting[started] as ClientFrame | MaruError);
      started += 1;
    }
    if (this.#stopped) return;
    if (started > 0) this.#waiting = this.#waiting.slice(started);
    this.#events.hold(this.#waiting.length === 0);
  }

  /** Starts nothing more, reads on; answers that are due still leave. */
  stop(): void {
    this.#stopped = true;
    this.#waiting = [];
    this.#events.hold(true);
  }

  /** The session has ended: no answer leaves any more either. */
  clear(): void {
    this.stop();
    this.#replies.clear();
  }

  get #mayStart(): boolean {
    return !this.#stopped && !this.#blocked && this.#replies.size < this.#session.services.limits.inFlight;
  }

  #dispatch(item: ClientFrame | MaruError): void {
    const reply = this.#replies.reserve();
    if (item instanceof MaruError) return this.#refuse(null, reply, item);
    const command: Command = COMMANDS[item.command];
    try {
      const answer = command.run(this.#session, item);
      if (!(answer instanceof Promise)) return this.#answer(item, reply, answer);
      this.#await(command, item, reply, answer);
    } catch (error) {
      this.#refuse(item, reply, error);
    }
  }

  #await(command: Command, frame: ClientFrame, reply: Reply, answer: Promise<Answer>): void {
    this.#blocked = command.blocks;
    answer
      .then(
        (settled) => this.#answer(frame, reply, settled),
        (error: unknown) => this.#refuse(frame, reply, error),
      )
      .then(() => {
        if (!command.blocks) return;
        this.#blocked = false;
        this.work();
      });
  }

  #answer(frame: ClientFrame, reply: Reply, answer: Answer): void {
    if (answer.frame !== undefined) return this.#replies.settle(reply, answer.frame);
    const receipt = frame.headers.get('receipt');
    if (receipt === undefined) return this.#replies.settle(reply, null);
    const headers = [['receipt-id', receipt] as const, ...(answer.receipt ?? [])];
    this.#replies.settle(reply, encodeFrame({ command: 'RECEIPT', headers }, this.#session.version ?? '1.2'));
  }

  #refuse(frame: ClientFrame | null, reply: Reply, error: unknown): void {
    const { ended, id, services, version } = this.#session;
    if (ended) return;
    const known = error instanceof MaruError ? error : new MaruError('internal', { cause: error });
    if (known.code === 'internal') {
      services.log.error({ session: id, command: frame?.command, err: known }, 'a frame failed');
    }
    this.stop();
    this.#events.onRefused();
    this.#replies.fail(reply, known, encodeError(known, frame, version));
  }

  #drained(): void {
    if (this.#waiting.length > 0) queueMicrotask(() => this.work());
    if (this.#replies.size === 0) this.#events.onEmpty();
  }
}
