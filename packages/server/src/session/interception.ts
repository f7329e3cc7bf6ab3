// A team's interceptors around the commands: each frame goes through all of them before it is acted on.
import { MaruError } from '@maru/contract';
import type { Intercepted } from '../handlers/interceptor.ts';
import { type Answer, after, DONE, type Pending } from './commands/command.ts';
import { COMMANDS } from './commands/index.ts';
import type { ClientFrame, Session } from './session.ts';

/** Runs the command of a frame, behind the interceptors if there are any. */
export function runCommand(session: Session, frame: ClientFrame): Answer | Pending {
  const { interceptors } = session.services;
  if (interceptors.length === 0) return COMMANDS[frame.command](session, frame);
  let intercepted: ClientFrame | Promise<ClientFrame>;
  try {
    intercepted = intercept(session, frame, 0);
  } catch (error) {
    return withdraw(session, frame, error);
  }
  if (!(intercepted instanceof Promise)) return COMMANDS[frame.command](session, intercepted);
  return after(
    intercepted.then(
      // Nothing of a session takes effect after its end, whatever held it up till then.
      (later) => (session.ended ? DONE : COMMANDS[frame.command](session, later)),
      (error: unknown) => withdraw(session, frame, error),
    ),
  );
}

function intercept(session: Session, frame: ClientFrame, from: number): ClientFrame | Promise<ClientFrame> {
  const { interceptors } = session.services;
  let current = frame;
  for (let index = from; index < interceptors.length; index += 1) {
    const context = { sessionId: session.id, principal: session.principal };
    const result = interceptors[index]?.intercept(current, context);
    if (result instanceof Promise) {
      return result.then((later) => intercept(session, replaced(current, later), index + 1));
    }
    current = replaced(current, result);
  }
  return current;
}

function replaced(frame: ClientFrame, result: Intercepted): ClientFrame {
  if (result === undefined) return frame;
  if (result.command !== frame.command) {
    throw new MaruError('internal', { cause: new TypeError('an interceptor may not change the command') });
  }
  return result;
}

/** The command is never run. A refusal that leaves the session alive must not leave half of a transaction to be committed. */
function withdraw(session: Session, { command, headers }: ClientFrame, error: unknown): never {
  const id = headers.get('transaction');
  if (id !== undefined) session.transactions.withdraw(id, command);
  throw error;
}
