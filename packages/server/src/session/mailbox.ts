// The ordered mailbox of a session: frames take effect in the order they came, answers leave in the order of the frames.
import { MaruError } from '@maru/contract';
import { type ClientCommand, encodeFrame } from '@maru/stomp';
import type { Answer, Pending } from './commands/command.ts';
import { describeRefusal, encodeError } from './error-frame.ts';
import type { Hearer } from './error-queue.ts';
import { runCommand } from './interception.ts';
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

const NOBODY: readonly Hearer[] = [];

/** A refusal of these leaves the session alive if it hears `/user/queue/errors` and the code allows it. */
const SOFTLY_REFUSED: ReadonlySet<ClientCommand> = new Set(['SEND', 'SUBSCRIBE', 'COMMIT']);

/**
 * States: *acting* → *stopped* (nothing more is started; answers of what was still leave). Within *acting* a command that
 * holds (CONNECT, SUBSCRIBE, a handler that waits) keeps the frames behind it waiting; a SEND starts its append and the
 * mailbox goes on.
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

  /** Since when the oldest frame waits for its answer. */
  get waitingSince(): number | null {
    return this.#replies.oldestSince;
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
    const reply = this.#replies.reserve(this.#session.services.clock.now);
    if (item instanceof MaruError) return this.#refuse(null, reply, NOBODY, item);
    // Whether a refusal is told softly is settled by the frames before, however late it is known.
    const { hearers } = this.#session.errorQueue;
    try {
      const answer = runCommand(this.#session, item);
      if ('answer' in answer) this.#await(item, reply, hearers, answer);
      else this.#answer(item, reply, answer);
    } catch (error) {
      this.#refuse(item, reply, hearers, error);
    }
  }

  #await(frame: ClientFrame, reply: Reply, hearers: readonly Hearer[], { answer, holds }: Pending): void {
    const answered = answer.then(
      (settled) => {
        try {
          this.#answer(frame, reply, settled);
        } catch (error) {
          this.#refuse(frame, reply, hearers, error);
        }
      },
      (error: unknown) => this.#refuse(frame, reply, hearers, error),
    );
    if (holds === null) return;
    this.#blocked = true;
    // Held by the answer itself, the frames behind begin after it was given; else when their turn has come. What it rejects
    // with is the answer's too.
    const released =
      holds === answer
        ? answered
        : holds.then(
            () => {},
            () => answered,
          );
    void released.then(() => {
      this.#blocked = false;
      this.work();
    });
  }

  #answer(frame: ClientFrame, reply: Reply, answer: Answer): void {
    if (answer.frame !== undefined) return this.#replies.settle(reply, [answer.frame]);
    const receipt = frame.headers.get('receipt');
    if (receipt === undefined) return this.#replies.settle(reply, []);
    const headers = [['receipt-id', receipt] as const, ...(answer.receipt ?? [])];
    const octets = encodeFrame({ command: 'RECEIPT', headers }, this.#session.version ?? '1.2');
    this.#replies.settle(reply, [octets]);
  }

  #refuse(frame: ClientFrame | null, reply: Reply, hearers: readonly Hearer[], error: unknown): void {
    const { ended, errorQueue, id, services, version } = this.#session;
    if (ended) return;
    const known = error instanceof MaruError ? error : new MaruError('internal', { cause: error });
    if (known.code === 'internal') {
      const destination = frame?.headers.get('destination');
      const facts = { session: id, command: frame?.command, destination, err: known };
      // A handler of a team's own may throw as often as a client likes.
      const kind = `${frame?.command} ${destination} ${known.cause}`;
      services.failures.tell(kind, facts, 'a frame failed');
    }
    const isSoft = frame !== null && SOFTLY_REFUSED.has(frame.command) && known.soft && hearers.length > 0;
    services.counts.refused(known.code);
    if (isSoft) {
      this.#session.denied(known.code);
      const told = errorQueue.encode(hearers, describeRefusal(known, frame), version ?? '1.2');
      return this.#replies.settle(reply, told);
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
