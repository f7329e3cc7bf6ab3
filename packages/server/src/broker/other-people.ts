// Of one room: who listens to its signals at other services, as far as those have said.
import type { PresenceWord } from './bus.ts';

type People = Extract<PresenceWord, { say: 'people' }>;
type Statement = { version: number; people: ReadonlySet<string>; heardAt: number };

export type OtherPeopleOptions = {
  readonly tell: (begun: readonly string[], ended: readonly string[]) => void;
  /** Milliseconds, from anywhere. */
  readonly now: () => number;
};

/**
 * A service: *unknown* → *known* (its newest statement counts; an older one, however late, says nothing) → *unknown* (it is
 * gone, or hasn't been heard of for too long). Bound: the services that hold the room × what one may say.
 */
export class OtherPeople {
  readonly #options: OtherPeopleOptions;
  readonly #statements = new Map<string, Statement>();

  constructor(options: OtherPeopleOptions) {
    this.#options = options;
  }

  hear({ node, version, people }: People): void {
    const before = this.#statements.get(node);
    if (before !== undefined && before.version >= version) {
      before.heardAt = this.#options.now();
      return;
    }
    const now = new Set(people);
    this.#statements.set(node, { version, people: now, heardAt: this.#options.now() });
    this.#replace(before?.people ?? new Set(), now);
  }

  /** @returns whether that is what is known of it. */
  confirm(node: string, version: number): boolean {
    const known = this.#statements.get(node);
    if (known !== undefined) known.heardAt = this.#options.now();
    return known !== undefined && known.version >= version;
  }

  /** It is gone, with all who were there. */
  forget(node: string): void {
    const known = this.#statements.get(node);
    if (known === undefined) return;
    this.#statements.delete(node);
    this.#replace(known.people, new Set());
  }

  /** Those that were last heard of before then. */
  forgetBefore(then: number): void {
    for (const [node, { heardAt }] of this.#statements) if (heardAt < then) this.forget(node);
  }

  #replace(before: ReadonlySet<string>, now: ReadonlySet<string>): void {
    const begun = [...now].filter((userId) => !before.has(userId));
    const ended = [...before].filter((userId) => !now.has(userId));
    if (begun.length + ended.length > 0) this.#options.tell(begun, ended);
  }
}
