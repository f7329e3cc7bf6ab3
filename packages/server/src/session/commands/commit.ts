// COMMIT: everything of the transaction takes effect as one, and is receipted when all of it is durable (STOMP 1.2 §COMMIT).
import { MaruError } from '@maru/contract';
import { UnitOfWork } from '../../handlers/unit-of-work.ts';
import type { ClientFrame, Session } from '../session.ts';
import type { Transaction } from '../transactions.ts';
import { type Answer, DONE, type Pending } from './command.ts';
import { header, requireAllowed } from './required.ts';

export function commit(session: Session, frame: ClientFrame): Pending {
  requireAllowed(session, frame);
  const transaction = session.transactions.end(header(frame, 'transaction'));
  if (transaction.isSpoiled) throw new MaruError('transaction-failed');
  const begun = begin(session, transaction);
  return { answer: begun.then(({ answer }) => answer), holds: begun };
}

/** Handlers first, in the order of their frames: what one of them refuses keeps all from taking effect. */
async function begin(
  session: Session,
  { steps }: Transaction,
): Promise<{ readonly answer: Promise<Answer> }> {
  const work = new UnitOfWork();
  for (const step of steps) if ('sending' in step) await step.sending.run(work);
  return { answer: finish(session, work, steps) };
}

async function finish(session: Session, work: UnitOfWork, steps: Transaction['steps']): Promise<Answer> {
  await session.effects.carryOut(work);
  for (const step of steps) if ('settle' in step) step.settle();
  return DONE;
}
