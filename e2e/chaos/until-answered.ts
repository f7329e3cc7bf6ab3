// REST calls that are made again until they are answered: what a bot does while the server is away.
import { setTimeout as pause } from 'node:timers/promises';
import { type Answer, ask, type Gateway } from '../people.ts';
import type { Watch } from './watch.ts';

const AGAIN_AFTER_MS = 50;

export type Call = {
  /** Method and path. */
  readonly line: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
};

export class UntilAnswered {
  readonly #name: string;
  readonly #gateway: Gateway;
  readonly #token: string;
  readonly #watch: Watch;
  #line: string | null = null;
  #answered = Promise.resolve();
  #attempts = 0;
  #isClosed = false;

  constructor(
    options: { readonly name: string; readonly gateway: Gateway; readonly token: string },
    watch: Watch,
  ) {
    this.#name = options.name;
    this.#gateway = options.gateway;
    this.#token = options.token;
    this.#watch = watch;
  }

  /** Of the call that is under way; 1: nothing of it is known yet. */
  get attempts(): number {
    return this.#attempts;
  }

  /** Calls nobody any more; whoever waits for an answer gets none. */
  close(): void {
    this.#isClosed = true;
  }

  /** Resolves when the call that is under way now is answered. */
  settled(): Promise<void> {
    return this.#answered;
  }

  get story(): string {
    return `${this.#name} waits for ${this.#line ?? 'nothing'}, attempt ${this.#attempts}`;
  }

  /** Resolves with the first answer that doesn't say that it should be tried later (429, 5xx). */
  async call(call: Call): Promise<Answer> {
    const answer = this.#repeat(call);
    this.#answered = answer.then(() => {});
    return answer;
  }

  async #repeat({ line, headers, body }: Call): Promise<Answer> {
    this.#line = line;
    for (this.#attempts = 1; ; this.#attempts += 1) {
      if (this.#attempts > 1) this.#watch.retries.add();
      try {
        const answer = await ask(this.#gateway, line, {
          token: this.#token,
          ...(headers === undefined ? {} : { headers }),
          ...(body === undefined ? {} : { body }),
        });
        if (answer.status < 500 && answer.status !== 429) {
          this.#line = null;
          return answer;
        }
      } catch {
        // Nobody listens there now, or whoever did was killed before the answer.
      }
      await pause(AGAIN_AFTER_MS);
      if (this.#isClosed) return new Promise(() => {});
    }
  }
}
