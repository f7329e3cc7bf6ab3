// SEND: to the handler of an application destination, or to a topic; answered when what it asked for is durable.
import { MaruError } from '@maru/contract';
import { FrameHeaders } from '@maru/stomp';
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
    const kept = keepable(frame);
    const sending = prepare(session, kept.frame);
    const keep = (prepared: Sending): Answer => {
      transaction.add({ sending: prepared }, kept.octets);
      return DONE;
    };
    if (!(sending instanceof Promise)) return keep(sending);
    return after(sending.then(keep).catch(spoil(transaction)));
  } catch (error) {
    return spoil(transaction)(error);
  }
}

function prepare(session: Session, frame: ClientFrame): Sending | Promise<Sending> {
  requireAllowed(session, frame);
  if (session.principal === null) throw new MaruError('not-connected');
  return prepareSending(session, session.principal, frame);
}

/** Headers that each SEND of a transaction has, so that bodies are what counts. */
const USUAL: ReadonlySet<string> = new Set([
  'destination',
  'transaction',
  'receipt',
  'content-type',
  'content-length',
]);

/**
 * What of a SEND is kept until COMMIT, and how many octets of it count: the body and whatever headers aren't usual. Of a
 * repeated header the first entry is enough (STOMP 1.2 §Repeated Header Entries).
 */
function keepable({ command, headers, body }: ClientFrame): { frame: ClientFrame; octets: number } {
  const first = new Map<string, string>();
  for (const [name, value] of headers) if (!first.has(name)) first.set(name, value);
  let octets = body.length;
  for (const [name, value] of first) {
    if (!USUAL.has(name)) octets += Buffer.byteLength(name) + Buffer.byteLength(value);
  }
  return { frame: { command, headers: FrameHeaders.from(first), body }, octets };
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
  // Of what changes nothing there may be no entry: a reaction taken away that wasn't there.
  if (last === undefined || last.entry === null) return result;
  const { epoch, entry } = last;
  // A message keeps its id when a restored backup gives its log another epoch.
  const id = entry.type === 'message.created' ? entry.messageId : `${epoch}-${entry.seq}`;
  return [['message-id', id], ['seq', String(entry.seq)], ...result];
}
