// How many sessions each person has here, and how many one may have.
import { MaruError } from '@maru/contract';

/** Bound: one number for each person who is connected. */
export class UserSessions {
  readonly #limit: number;
  readonly #sessions = new Map<string, number>();

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @throws MaruError `too-many-sessions`; nothing was taken then. */
  enter(userId: string): void {
    const sessions = this.#sessions.get(userId) ?? 0;
    if (sessions >= this.#limit) throw new MaruError('too-many-sessions');
    this.#sessions.set(userId, sessions + 1);
  }

  /** Gives back what `enter` took; once for each. */
  leave(userId: string): void {
    const sessions = this.#sessions.get(userId) ?? 0;
    if (sessions > 1) this.#sessions.set(userId, sessions - 1);
    else this.#sessions.delete(userId);
  }
}
