// SEND: to the handler of an application destination, or to a topic; answered when what it asked for is durable.
import { MaruError } from '@maru/contract';
import type { ReceiptHeaders } from '../../handlers/application-handler.ts';
import { UnitOfWork } from '../../handlers/unit-of-work.ts';
import type { Appended } from '../../store/store.ts';
import { prepareSending, type Sending } from '../sending.ts';
import type { ClientFrame, Session } from '../session.ts';
import type { Transaction } from '../transactions.ts';
import { type Answer, after, DONE, meanwhile, type Pending } from './command.ts';
import { requireAllowed } from './required.ts';

export function send(session: Session, frame: ClientFrame): Answer | Pending {
  const transactionId = frame.headers.get('transaction');
  if (transactionId === undefined) {
    const sending = prepare(session, frame);
    if (!(sending instanceof Promise)) return perform(session, sending);
    // Whether it may is still being found out: what it does begins before anything behind it does.
    return after(sending.then((prepared) => perform(session, prepared)));
  }
  const transaction = session.transactions.get(transactionId);
  try {
    const kept = detached(frame);
    const sending = prepare(session, kept);
    if (!(sending instanceof Promise)) return keep(transaction, kept, sending);
    return after(sending.then((prepared) => keep(transaction, kept, prepared)).catch(spoil(transaction)));
  } catch (error) {
    return spoil(transaction)(error);
  }
}

function prepare(session: Session, frame: ClientFrame): Sending | Promise<Sending> {
  requireAllowed(session, frame);
  if (session.principal === null) throw new MaruError('not-connected');
  return prepareSending(session, session.principal, frame);
}

/** What comes off the socket is a view of all octets that came with it: kept as it is, it would keep those too. */
function detached({ command, headers, body }: ClientFrame): ClientFrame {
  return { command, headers, body: new Uint8Array(body) };
}

/** In a transaction it is receipted when it is accepted; what it does is COMMIT's. */
function keep(transaction: Transaction, frame: ClientFrame, sending: Sending): Answer {
  transaction.add({ sending }, frame.body.length);
  return DONE;
}

/** A refusal that leaves the session alive must not leave half of a transaction to be committed. */
function spoil(transaction: Transaction): (error: unknown) => never {
  return (error) => {
    transaction.isSpoiled = true;
    throw error;
  };
}

function perform(session: Session, sending: Sending): Answer | Pending {
  // It may have ended while the topic's rule was asked.
  if (session.ended) return DONE;
  const work = new UnitOfWork();
  const handled = sending.run(work);
  if (!(handled instanceof Promise)) return complete(session, work, handled);
  const begun = handled.then((result) => complete(session, work, result));
  return sending.isConcurrent ? meanwhile(begun) : after(begun);
}

function complete(session: Session, work: UnitOfWork, result: ReceiptHeaders): Answer | Pending {
  const carried = session.effects.carryOut(work);
  if (!(carried instanceof Promise)) return { receipt: result };
  return { answer: carried.then((appended) => ({ receipt: receiptOf(appended, result) })), holds: null };
}

function receiptOf(appended: readonly Appended[], result: ReceiptHeaders): ReceiptHeaders {
  const last = appended.at(-1);
  if (last === undefined) return result;
  return [['message-id', last.entry.messageId], ['seq', String(last.entry.seq)], ...result];
}
