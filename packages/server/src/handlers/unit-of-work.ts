// What a SEND, or all frames of a transaction, ask for: taken down by handlers first, then carried out as one.
import type { RoomSignal } from '@maru/contract';
import type { Broker, Publication, Topic } from '../broker/broker.ts';
import type { Appended, NewEntry, Store } from '../store/store.ts';

const NOTHING: readonly Appended[] = [];

/** What is told and not kept: on a topic, or to whoever listens to a room. */
export type Unkept =
  | { readonly topic: Topic; readonly publication: Publication }
  | { readonly signal: RoomSignal };

export class UnitOfWork {
  readonly appends: NewEntry[] = [];
  readonly publications: Unkept[] = [];
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
   * @returns what was appended, in order; at once where nothing is to be waited for. Rejects as `Store.append` does,
   * nothing is published then.
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

  #append(appends: readonly NewEntry[]): readonly Appended[] | Promise<readonly Appended[]> {
    const { store } = this.#parts;
    const [first] = appends;
    if (first === undefined) return NOTHING;
    // What nearly every SEND is has a way of its own through the store.
    return appends.length === 1 && first.kind === 'message'
      ? store.appendMessage(first).then((only) => [only])
      : store.append(appends);
  }

  #publish({ publications }: UnitOfWork): void {
    const { broker } = this.#parts;
    for (const unkept of publications) {
      if ('signal' in unkept) broker.publishSignal(unkept.signal);
      else broker.publishTopic(unkept.topic, unkept.publication);
    }
  }

  #forget(done: Promise<unknown>): void {
    if (this.#before === done) this.#before = null;
  }
}
