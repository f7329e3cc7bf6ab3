// What a command of a client is to the session: a function of the frame and its answer, at once or later.
import type { ReceiptHeaders } from '../../handlers/application-handler.ts';
import type { ClientFrame, Session } from '../session.ts';

/** `frame`: what is sent instead of a RECEIPT. `receipt`: headers of the RECEIPT, if one was asked for. */
export type Answer = { readonly frame?: Uint8Array; readonly receipt?: ReceiptHeaders };

/** An answer to come. The frames behind it wait until `holds` has settled; with `null` they go on at once. */
export type Pending = { readonly answer: Promise<Answer>; readonly holds: Promise<unknown> | null };

/** Throws, or its answer rejects, with a MaruError: a denial on `/user/queue/errors`, or ERROR and close. */
export type Command = (session: Session, frame: ClientFrame) => Answer | Pending;

export const DONE: Answer = {};

/** Nothing behind it begins before it is answered. */
export function blocking(answer: Promise<Answer>): Pending {
  return { answer, holds: answer };
}

/** An answer that a step before it must lead to: frames wait for that step, then for as long as what it led to wants. */
export function after(step: Promise<Answer | Pending>): Pending {
  return {
    answer: meanwhile(step).answer,
    holds: step.then((next) => ('answer' in next ? next.holds : null)),
  };
}

/** As `after`, but the frames behind it go on at once. */
export function meanwhile(step: Promise<Answer | Pending>): Pending {
  return { answer: step.then((next) => ('answer' in next ? next.answer : next)), holds: null };
}
