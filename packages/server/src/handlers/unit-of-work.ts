// What a SEND, or all frames of a transaction, ask for: taken down by handlers first, then carried out as one.
import type { Broker, Publication, Topic } from '../broker/broker.ts';
import type { Appended, NewMessage, Store } from '../store/store.ts';

const NOTHING: readonly Appended[] = [];

export class UnitOfWork {
  readonly appends: NewMessage[] = [];
  readonly publications: { readonly topic: Topic; readonly publication: Publication }[] = [];
}

/** Carries out the units of one session: what it publishes comes in the order of its frames, also where one has to wait. */
export class Effects {
  readonly #parts: { readonly store: Store; readonly broker: Broker };
  /** Settles when all that was to be published before is; `null`: nothing waits. */
  #before: Promise<unknown> | null = null;

  constructor(parts: { readonly store: Store; readonly broker: Broker }) {
    this.#parts = parts;
  }

  /**
   * Appends what is to be kept in one commit, or nothing of it; then publishes. Appends begin before this returns.
   * @returns what was appended, in order; at once where nothing is to be waited for. Rejects as `Store.appendMessages`
   * does, nothing is published then.
   */
  carryOut(work: UnitOfWork): readonly Appended[] | Promise<readonly Appended[]> {
    const appended = this.#append(work.appends);
    if (work.publications.length === 0) return appended;
    if (this.#before === null && !(appended instanceof Promise)) {
      this.#publish(work);
      return appended;
    }
    const before = this.#before;
    const carried = Promise.resolve(appended).then(async (all) => {
      await before;
      this.#publish(work);
      return all;
    });
    // Also where this one fails: what comes next still waits for the one before.
    const done: Promise<void> = Promise.allSettled([before, carried]).then(() => this.#forget(done));
    this.#before = done;
    return carried;
  }

  #append(appends: readonly NewMessage[]): readonly Appended[] | Promise<readonly Appended[]> {
    const { store } = this.#parts;
    const [first] = appends;
    if (first === undefined) return NOTHING;
    return appends.length === 1
      ? store.appendMessage(first).then((only) => [only])
      : store.appendMessages(appends);
  }

  #publish({ publications }: UnitOfWork): void {
    for (const { topic, publication } of publications) this.#parts.broker.publishTopic(topic, publication);
  }

  #forget(done: Promise<unknown>): void {
    if (this.#before === done) this.#before = null;
  }
}
