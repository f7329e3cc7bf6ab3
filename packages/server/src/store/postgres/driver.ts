// Drives the steps of a rule on PostgreSQL: what nobody waits for goes together with the next statement that is awaited.
import type { Call, Ran, Steps } from '../steps.ts';
import type { Link } from './connection.ts';
import type { PostgresCall } from './pipeline.ts';

export class Driver {
  readonly #link: Link;
  #waiting: PostgresCall[] = [];

  constructor(link: Link) {
    this.#link = link;
  }

  /** To be sent with the next one. */
  defer(sql: string, values: PostgresCall['values'] = []): void {
    this.#waiting.push({ sql, values });
  }

  /** Sends what waits, and this; answers with what this came to. */
  async ask(call: PostgresCall): Promise<Ran> {
    const calls = [...this.#waiting, call];
    this.#waiting = [];
    const ran = await this.#link.send(calls);
    return ran.at(-1) ?? NOTHING;
  }

  async drive<Result>(steps: Steps<Result>): Promise<Result> {
    let step = steps.next();
    while (step.done !== true) {
      const call: Call = step.value;
      if (call.kind === 'run') {
        this.#waiting.push(call);
        step = steps.next(NOTHING);
      } else {
        step = steps.next(await this.ask(call));
      }
    }
    return step.value;
  }
}

const NOTHING: Ran = { rows: [], changes: 0 };
