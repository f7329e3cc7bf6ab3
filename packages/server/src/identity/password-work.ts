// Hashing and checking passwords: the only work of this service that takes long, so it has its own narrow door.
import { AsyncLocalStorage } from 'node:async_hooks';
import { MaruError } from '@maru/contract';
import { hashPassword, verifyPassword } from 'better-auth/crypto';

/** scrypt runs in libuv's four threads, where signatures and files are handled too: half of them stay free. */
const AT_ONCE = 2;
/** Passwords that may wait, about 40 ms each; one more is refused. */
const MAX_WAITING = 100;

export interface PasswordWork {
  hash(password: string): Promise<string>;
  verify(data: { hash: string; password: string }): Promise<boolean>;
  /**
   * Runs `action` with the hash of `password` made beforehand. better-auth's sign-up hashes inside its transaction, and
   * with SQLite's one connection every other call would wait for that.
   */
  prepare<Result>(password: string, action: () => Promise<Result>): Promise<Result>;
}

export function createPasswordWork(): PasswordWork {
  const prepared = new AsyncLocalStorage<{ readonly password: string; readonly hash: string }>();
  const waiting: (() => void)[] = [];
  let running = 0;

  async function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (running < AT_ONCE) running += 1;
    else {
      if (waiting.length >= MAX_WAITING) throw new MaruError('overloaded');
      // Whoever finishes hands its place over: `running` stays as it is.
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) running -= 1;
      else next();
    }
  }

  return {
    async hash(password) {
      const ready = prepared.getStore();
      return ready?.password === password ? ready.hash : inTurn(() => hashPassword(password));
    },
    verify: (data) => inTurn(() => verifyPassword(data)),
    async prepare(password, action) {
      const hash = await inTurn(() => hashPassword(password));
      return prepared.run({ password, hash }, action);
    },
  };
}
